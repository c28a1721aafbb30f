"""Transforms that mmcv and mmseg lack."""

from .crop import RandomPadCrop
from .formatting import PackImageLabelInputs
from .loading import LoadImage
from .resize import PillowResize

__all__ = ['LoadImage', 'PackImageLabelInputs', 'PillowResize', 'RandomPadCrop']
