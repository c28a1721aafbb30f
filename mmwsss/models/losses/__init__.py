"""Loss modules: thin shells over `mmwsss.functional`."""

from .balanced_cross_entropy import BalancedCrossEntropyLoss
from .global_mean import global_mean

__all__ = ['BalancedCrossEntropyLoss', 'global_mean']
