"""CAMSegmentor and its test-time augmentation."""

from .amn_tta import AMNTTAModel
from .cam_segmentor import CAMSegmentor
from .cam_tta import CAMTTAModel
from .class_token_tta import ClassTokenTTAModel
from .clip_es_tta import CLIPESTTAModel
from .crf_tta import CRFSegTTAModel
from .mctformer_tta import MCTformerTTAModel
from .segmentor_seed_tta import SegmentorSeedTTAModel

__all__ = [
    'AMNTTAModel',
    'CAMSegmentor',
    'CAMTTAModel',
    'CLIPESTTAModel',
    'CRFSegTTAModel',
    'ClassTokenTTAModel',
    'MCTformerTTAModel',
    'SegmentorSeedTTAModel',
]
