"""Models: what mmseg and mmpretrain lack, and the papers' modules."""

import mmwsss.registry  # noqa: F401  (first: with its cures mmseg can be imported)

from . import affinity, backbones, cam_heads, decode_heads, losses, necks, prototypes, segmentors
from .data_preprocessor import CAMDataPreProcessor
from .text_prototypes import TextPrototypes

__all__ = [
    'CAMDataPreProcessor',
    'TextPrototypes',
    'affinity',
    'backbones',
    'cam_heads',
    'decode_heads',
    'losses',
    'necks',
    'prototypes',
    'segmentors',
]
