"""The whole way: stages, resume, report."""

from .run import PipelineRun, format_table, run_pipeline
from .stages import EvaluateMasks, EvaluateSeeds, GenerateSeeds, RefineSeeds, Test, Train

__all__ = [
    'EvaluateMasks',
    'EvaluateSeeds',
    'GenerateSeeds',
    'PipelineRun',
    'RefineSeeds',
    'Test',
    'Train',
    'format_table',
    'run_pipeline',
]
