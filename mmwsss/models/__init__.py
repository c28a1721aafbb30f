"""Models: what mmseg and mmpretrain lack, and the papers' modules."""

import mmwsss.registry  # noqa: F401  (first: with its cures mmseg can be imported)

from . import affinity, backbones, cam_heads, decode_heads, losses, necks, prototypes, segmentors
from .cam_heads import BaseCAMHead
from .clip_pretrainer import CLIPPretrainer
from .data_preprocessor import CAMDataPreProcessor
from .prototypes import BasePrototypeHead
from .text_prototypes import TextPrototypes

__all__ = [
    'BaseCAMHead',
    'BasePrototypeHead',
    'CAMDataPreProcessor',
    'CLIPPretrainer',
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
