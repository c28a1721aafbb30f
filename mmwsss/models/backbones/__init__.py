"""Backbones that mmseg and mmpretrain lack."""

from .efficientnet_lite import EfficientNetLite0

__all__ = ['EfficientNetLite0']
