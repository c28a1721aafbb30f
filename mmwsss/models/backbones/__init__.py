"""Backbones that mmseg and mmpretrain lack."""

from .class_token_vit import ClassTokenFeatures, ClassTokenViT
from .efficientnet_lite import EfficientNetLite0
from .hybrid_embed import EfficientNetLite0Patches
from .resnet38 import ResNet38
from .resnet_ceil_pool import ResNetCeilPool
from .resnet_with_stem import ResNetWithStem

__all__ = [
    'ClassTokenFeatures',
    'ClassTokenViT',
    'EfficientNetLite0',
    'EfficientNetLite0Patches',
    'ResNet38',
    'ResNetCeilPool',
    'ResNetWithStem',
]
