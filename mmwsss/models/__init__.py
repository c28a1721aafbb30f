"""Models: what mmseg and mmpretrain lack, and the papers' modules."""

from . import backbones, cam_heads, decode_heads, losses, prototypes, segmentors
from .data_preprocessor import CAMDataPreProcessor

__all__ = [
    'CAMDataPreProcessor',
    'backbones',
    'cam_heads',
    'decode_heads',
    'losses',
    'prototypes',
    'segmentors',
]
