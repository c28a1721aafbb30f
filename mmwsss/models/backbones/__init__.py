"""Backbones that mmseg and mmpretrain lack."""

from .efficientnet_lite import EfficientNetLite0
from .resnet_ceil_pool import ResNetCeilPool
from .resnet_with_stem import ResNetWithStem

__all__ = [
    'EfficientNetLite0',
    'ResNetCeilPool',
    'ResNetWithStem',
]
