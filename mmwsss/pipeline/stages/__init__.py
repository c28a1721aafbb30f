"""The stages: training, seeds, segments, masks, comparison with ground truth."""

from .evaluation import EvaluateMasks, EvaluateSeeds
from .masks import MakeIRLabels, RefineSeeds
from .seeds import GenerateSeeds, WalkSeeds
from .segments import MakeSegments
from .spread import SpreadSeeds
from .training import Test, Train

__all__ = [
    'EvaluateMasks',
    'EvaluateSeeds',
    'GenerateSeeds',
    'MakeIRLabels',
    'MakeSegments',
    'RefineSeeds',
    'SpreadSeeds',
    'Test',
    'Train',
    'WalkSeeds',
]
