"""Weights from files: reading them without running code, and filling networks with them."""

from .from_timm import load_from_timm
from .loading import PartialLoadError, naming_file, pretrained_file, refuse_partial_load
from .names import VIT_BLOCK, describe, to_mmpretrain_vit
from .reading import read_checkpoint, read_state_dict
from .torchscript import read_torchscript

__all__ = [
    'VIT_BLOCK',
    'PartialLoadError',
    'describe',
    'load_from_timm',
    'naming_file',
    'pretrained_file',
    'read_checkpoint',
    'read_state_dict',
    'read_torchscript',
    'refuse_partial_load',
    'to_mmpretrain_vit',
]
