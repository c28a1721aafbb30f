"""Backbones that mmseg and mmpretrain lack."""

from .class_token_vit import ClassTokenFeatures, ClassTokenViT
from .efficientnet_lite import EfficientNetLite0
from .frozen_clip import CLIPESBackbone, CLIPFeatures, FrozenCLIP
from .hybrid_embed import EfficientNetLite0Patches
from .one_stage_clip import OneStageCLIP, OneStageFeatures
from .resnet38 import ResNet38
from .resnet_ceil_pool import ResNetCeilPool
from .resnet_with_stem import ResNetWithStem

__all__ = [
    'CLIPESBackbone',
    'CLIPFeatures',
    'ClassTokenFeatures',
    'ClassTokenViT',
    'EfficientNetLite0',
    'EfficientNetLite0Patches',
    'FrozenCLIP',
    'OneStageCLIP',
    'OneStageFeatures',
    'ResNet38',
    'ResNetCeilPool',
    'ResNetWithStem',
]
