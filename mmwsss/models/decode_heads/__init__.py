"""Decode heads that mmseg lacks."""

from .deeplabv2 import DeepLabV2Head

__all__ = ['DeepLabV2Head']
