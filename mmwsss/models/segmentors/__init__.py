"""CAMSegmentor and its test-time augmentation."""

from .amn_tta import AMNTTAModel
from .cam_segmentor import CAMSegmentor
from .cam_tta import CAMTTAModel
from .crf_tta import CRFSegTTAModel
from .edge_tta import EdgeTTAModel

__all__ = [
    'AMNTTAModel',
    'CAMSegmentor',
    'CAMTTAModel',
    'CRFSegTTAModel',
    'EdgeTTAModel',
]
