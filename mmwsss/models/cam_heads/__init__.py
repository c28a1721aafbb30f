"""CAM heads, one file per host; `BaseCAMHead` is their contract."""

from .amn import AMNHead
from .base import BaseCAMHead, MergedMaps
from .class_token import ClassTokenHead, ClassTokenOutput
from .clip_es import CLIPESHead, CLIPESOutput
from .clip_es_adapter import CLIPESAdapterHead
from .linear import LinearCAMHead
from .mctformer import MCTformerHead, MCTformerOutput
from .one_stage_clip import OneStageCLIPHead
from .sipe import SIPEHead, SIPEOutput

__all__ = [
    'AMNHead',
    'BaseCAMHead',
    'CLIPESAdapterHead',
    'CLIPESHead',
    'CLIPESOutput',
    'ClassTokenHead',
    'ClassTokenOutput',
    'LinearCAMHead',
    'MCTformerHead',
    'MCTformerOutput',
    'MergedMaps',
    'OneStageCLIPHead',
    'SIPEHead',
    'SIPEOutput',
]
