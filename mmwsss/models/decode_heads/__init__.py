"""Decode heads that mmseg lacks."""

from .deeplabv2 import DeepLabV2Head
from .frozen_clip_decoder import FrozenCLIPDecoder

__all__ = ['DeepLabV2Head', 'FrozenCLIPDecoder']
