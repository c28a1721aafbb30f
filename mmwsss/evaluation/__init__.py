"""Evaluation of seeds and pseudo masks."""

from mmwsss import registry  # noqa: F401  cures third-party versions before mmseg is imported

from .mask_named import MaskNamedIoUMetric
from .seed_evaluation import (
    SeedSweep,
    class_names,
    evaluate_masks,
    evaluate_seeds,
    format_evaluation,
)
from .seed_metric import SeedMetric, SeedWriter
from .voc_archive import VOCArchiveWriter
from .walk_writer import WalkWriter

__all__ = [
    'MaskNamedIoUMetric',
    'SeedMetric',
    'SeedSweep',
    'SeedWriter',
    'VOCArchiveWriter',
    'WalkWriter',
    'class_names',
    'evaluate_masks',
    'evaluate_seeds',
    'format_evaluation',
]
