"""The stages: training, seeds, masks, comparison with ground truth."""

from .evaluation import EvaluateMasks, EvaluateSeeds
from .masks import MakeIRLabels, RefineSeeds
from .seeds import GenerateSeeds, WalkSeeds
from .training import Test, Train

__all__ = [
    'EvaluateMasks',
    'EvaluateSeeds',
    'GenerateSeeds',
    'MakeIRLabels',
    'RefineSeeds',
    'Test',
    'Train',
    'WalkSeeds',
]
