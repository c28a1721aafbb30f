"""Loss modules: thin shells over `mmwsss.functional`."""

from .balanced_cross_entropy import BalancedCrossEntropyLoss
from .global_mean import global_mean
from .pair_affinity import PairAffinityLoss
from .rsc import RSCLoss

__all__ = ['BalancedCrossEntropyLoss', 'PairAffinityLoss', 'RSCLoss', 'global_mean']
