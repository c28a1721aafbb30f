"""CAMSegmentor and its test-time augmentation."""

from .cam_segmentor import CAMSegmentor
from .cam_tta import CAMTTAModel
from .crf_tta import CRFSegTTAModel

__all__ = ['CAMSegmentor', 'CAMTTAModel', 'CRFSegTTAModel']
