"""Pictures for people: maps and masks over photographs, curves, the class legend."""

from .curves import draw_kl_curves, draw_threshold_curves
from .overlays import class_legend, fit_image, heatmap_colors, overlay_heatmap, overlay_mask

__all__ = [
    'class_legend',
    'draw_kl_curves',
    'draw_threshold_curves',
    'fit_image',
    'heatmap_colors',
    'overlay_heatmap',
    'overlay_mask',
]
