"""Transforms that mmcv and mmseg lack."""

from .crop import RandomPadCrop
from .formatting import PackImageLabelInputs
from .loading import LoadImage

__all__ = ['LoadImage', 'PackImageLabelInputs', 'RandomPadCrop']
