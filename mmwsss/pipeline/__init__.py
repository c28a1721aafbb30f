"""The whole way: stages, resume, report."""

from .run import PipelineRun, run_pipeline
from .stages import (
    EvaluateMasks,
    EvaluateSeeds,
    GenerateSeeds,
    MakeIRLabels,
    RefineSeeds,
    Test,
    Train,
    WalkSeeds,
)
from .table import format_table

__all__ = [
    'EvaluateMasks',
    'EvaluateSeeds',
    'GenerateSeeds',
    'MakeIRLabels',
    'PipelineRun',
    'RefineSeeds',
    'Test',
    'Train',
    'WalkSeeds',
    'format_table',
    'run_pipeline',
]
