"""Pictures for people: maps and masks over photographs, threshold curves, the class legend."""

from .curves import draw_threshold_curves
from .overlays import class_legend, fit_image, heatmap_colors, overlay_heatmap, overlay_mask

__all__ = [
    'class_legend',
    'draw_threshold_curves',
    'fit_image',
    'heatmap_colors',
    'overlay_heatmap',
    'overlay_mask',
]
