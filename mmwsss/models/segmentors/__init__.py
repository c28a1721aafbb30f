"""CAMSegmentor, and test-time augmentation of it and of segmentors."""

from .cam_segmentor import CAMSegmentor
from .cam_tta import CAMTTAModel
from .crf_tta import CRFSegTTAModel
from .segmentor_seed_tta import SegmentorSeedTTAModel

__all__ = ['CAMSegmentor', 'CAMTTAModel', 'CRFSegTTAModel', 'SegmentorSeedTTAModel']
