"""The whole way: stages, resume, report."""

from .run import PipelineRun, run_pipeline
from .stages import (
    EvaluateMasks,
    EvaluateSeeds,
    GenerateSeeds,
    MakeIRLabels,
    RefineSeeds,
    SpreadSeeds,
    Test,
    Train,
    WalkSeeds,
)
from .stages.base import Stage
from .table import format_table
from .workspace import Workspace

__all__ = [
    'EvaluateMasks',
    'EvaluateSeeds',
    'GenerateSeeds',
    'MakeIRLabels',
    'PipelineRun',
    'RefineSeeds',
    'SpreadSeeds',
    'Stage',
    'Test',
    'Train',
    'WalkSeeds',
    'Workspace',
    'format_table',
    'run_pipeline',
]
