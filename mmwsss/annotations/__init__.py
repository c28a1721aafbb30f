"""Masks in the formats of annotation tools, and corrected ones back."""

from .exchange import FORMATS, Imported, MaskedImage, export_masks, import_masks
from .regions import TOLERANCE, Region, fill_ring, regions_of

__all__ = [
    'FORMATS',
    'TOLERANCE',
    'Imported',
    'MaskedImage',
    'Region',
    'export_masks',
    'fill_ring',
    'import_masks',
    'regions_of',
]
