"""Backbones that mmseg and mmpretrain lack."""

from .class_token_vit import ClassTokenFeatures, ClassTokenViT
from .efficientnet_lite import (
    EfficientNetLite,
    EfficientNetLite0,
    EfficientNetLite1,
    EfficientNetLite2,
)
from .frozen_clip import CLIPESBackbone, CLIPFeatures, FrozenCLIP
from .hybrid_embed import EfficientNetLite0Patches
from .one_stage_clip import OneStageCLIP, OneStageFeatures
from .padded_backbone import PaddedBackbone
from .resnet38 import ResNet38
from .resnet_ceil_pool import ResNetCeilPool
from .resnet_with_stem import ResNetWithStem
from .statistics import IMAGENET, Statistics, backbone_statistics
from .timm_features import TimmFeatures

__all__ = [
    'IMAGENET',
    'CLIPESBackbone',
    'CLIPFeatures',
    'ClassTokenFeatures',
    'ClassTokenViT',
    'EfficientNetLite',
    'EfficientNetLite0',
    'EfficientNetLite0Patches',
    'EfficientNetLite1',
    'EfficientNetLite2',
    'FrozenCLIP',
    'OneStageCLIP',
    'OneStageFeatures',
    'PaddedBackbone',
    'ResNet38',
    'ResNetCeilPool',
    'ResNetWithStem',
    'Statistics',
    'TimmFeatures',
    'backbone_statistics',
]
