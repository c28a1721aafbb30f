"""Pictures for people: maps and masks over photographs, figures of papers, the class legend."""

from .figures import (
    Embedding,
    draw_class_bars,
    draw_embeddings,
    draw_pictures,
    draw_row_curves,
    save_figure,
)
from .overlays import class_legend, fit_image, heatmap_colors, overlay_heatmap, overlay_mask

__all__ = [
    'Embedding',
    'class_legend',
    'draw_class_bars',
    'draw_embeddings',
    'draw_pictures',
    'draw_row_curves',
    'fit_image',
    'heatmap_colors',
    'overlay_heatmap',
    'overlay_mask',
    'save_figure',
]
