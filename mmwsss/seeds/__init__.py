"""The offline half: seed files, masks, dense CRF, and refining over files."""

from .auto_threshold import AUTO, auto_threshold
from .crf import (
    CLIP_ES_CRF,
    CRF_PRESETS,
    IRN_CRF,
    DenseCRF,
    crf_from_labels,
    crf_from_probabilities,
)
from .files import SOURCES, Seed, load_seed, read_meta, save_seed, write_meta
from .ir_label import IRLabelSettings, ir_label, make_ir_labels
from .masks import IGNORE_INDEX, load_mask, save_mask, voc_palette
from .processes import run_in_processes
from .refine import (
    RefineItem,
    RefineSettings,
    refine_items,
    refine_seed,
    refine_seeds_with_crf,
)
from .segments import SegmentVote, load_segments, save_segment_map, save_segment_masks
from .thresholds import IRN_THRESHOLDS, Thresholds

__all__ = [
    'AUTO',
    'CLIP_ES_CRF',
    'CRF_PRESETS',
    'IGNORE_INDEX',
    'IRN_CRF',
    'IRN_THRESHOLDS',
    'SOURCES',
    'DenseCRF',
    'IRLabelSettings',
    'RefineItem',
    'RefineSettings',
    'Seed',
    'SegmentVote',
    'Thresholds',
    'auto_threshold',
    'crf_from_labels',
    'crf_from_probabilities',
    'ir_label',
    'load_mask',
    'load_seed',
    'load_segments',
    'make_ir_labels',
    'read_meta',
    'refine_items',
    'refine_seed',
    'refine_seeds_with_crf',
    'run_in_processes',
    'save_mask',
    'save_seed',
    'save_segment_map',
    'save_segment_masks',
    'voc_palette',
    'write_meta',
]
