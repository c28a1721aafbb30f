"""Hooks (when) and loops (training without an optimiser)."""

from .bank_filling import BankFillLoop
from .displacement_mean import DisplacementMeanHook
from .hooks import ContextPrototypeHook, EpochSeedHook, NonFiniteLossHook
from .unfreeze import UnfreezeHook

__all__ = [
    'BankFillLoop',
    'ContextPrototypeHook',
    'DisplacementMeanHook',
    'EpochSeedHook',
    'NonFiniteLossHook',
    'UnfreezeHook',
]
