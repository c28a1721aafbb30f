"""Weights that the authors of the hosts released, renamed for our models."""

from .clip import convert_clip
from .convert import convert_checkpoint, convert_state_dict
from .deit import convert_deit
from .layouts import LAYOUTS, Layout

__all__ = [
    'LAYOUTS',
    'Layout',
    'convert_checkpoint',
    'convert_clip',
    'convert_deit',
    'convert_state_dict',
]
