"""Transforms that mmcv and mmseg lack."""

from .crop import RandomPadCrop
from .formatting import PackImageLabelInputs
from .loading import LoadImage
from .resize import PillowResize
from .views import MultiScaleFlip, RandomView

__all__ = [
    'LoadImage',
    'MultiScaleFlip',
    'PackImageLabelInputs',
    'PillowResize',
    'RandomPadCrop',
    'RandomView',
]
