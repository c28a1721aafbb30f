"""Loss modules: thin shells over `mmwsss.functional`."""

from .balanced_cross_entropy import BalancedCrossEntropyLoss
from .global_mean import global_mean
from .joint_batch import joint_batch
from .pair_affinity import PairAffinityLoss
from .rsc import RSCLoss

__all__ = [
    'BalancedCrossEntropyLoss',
    'PairAffinityLoss',
    'RSCLoss',
    'global_mean',
    'joint_batch',
]
