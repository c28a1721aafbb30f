"""CAM heads, one file a host; each returns a `CAMOutput`."""

from .amn import AMNHead
from .class_token import ClassTokenHead, ClassTokenOutput
from .clip_es import CLIPESHead, CLIPESOutput
from .clip_es_adapter import CLIPESAdapterHead
from .linear import LinearCAMHead
from .mctformer import MCTformerHead, MCTformerOutput

__all__ = [
    'AMNHead',
    'CLIPESAdapterHead',
    'CLIPESHead',
    'CLIPESOutput',
    'ClassTokenHead',
    'ClassTokenOutput',
    'LinearCAMHead',
    'MCTformerHead',
    'MCTformerOutput',
]
