"""Hooks (when) and loops (training without an optimiser)."""

from .affinity_refinement import AffinityRefinementHook
from .bank_filling import BankFillLoop, CollectLoop
from .current_images import CurrentImagesHook
from .displacement_mean import DisplacementMeanHook
from .frozen_wrapper import FrozenModelWrapper
from .hooks import ContextPrototypeHook, EpochSeedHook, NonFiniteLossHook
from .layer_decay import LayerDecayConstructor
from .progress import ProgressHook
from .sharding import wrap_clip_blocks
from .total_batch_size import TotalBatchSizeHook
from .unfreeze import UnfreezeHook
from .vision_prototypes import VisionPrototypeHook

__all__ = [
    'AffinityRefinementHook',
    'BankFillLoop',
    'CollectLoop',
    'ContextPrototypeHook',
    'CurrentImagesHook',
    'DisplacementMeanHook',
    'EpochSeedHook',
    'FrozenModelWrapper',
    'LayerDecayConstructor',
    'NonFiniteLossHook',
    'ProgressHook',
    'TotalBatchSizeHook',
    'UnfreezeHook',
    'VisionPrototypeHook',
    'wrap_clip_blocks',
]
