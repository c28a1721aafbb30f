"""Loss modules: thin shells over `mmwsss.functional`."""

from .balanced_cross_entropy import BalancedCrossEntropyLoss
from .global_mean import global_mean
from .rsc import RSCLoss

__all__ = ['BalancedCrossEntropyLoss', 'RSCLoss', 'global_mean']
