"""CAMSegmentor, one-stage training, and test-time augmentation of them and of segmentors."""

from .cam_segmentor import CAMSegmentor
from .cam_tta import CAMTTAModel
from .crf_tta import CRFSegTTAModel
from .one_stage import OneStageSegmentor
from .segmentor_seed_tta import SegmentorSeedTTAModel

__all__ = [
    'CAMSegmentor',
    'CAMTTAModel',
    'CRFSegTTAModel',
    'OneStageSegmentor',
    'SegmentorSeedTTAModel',
]
