"""The Python API: what a program calls. The commands are in `mmwsss.commands`."""

import mmwsss.registry  # noqa: F401  (first: with its cures mmseg can be imported)

from .inferencers import SeedInferencer, SegInferencer
from .runs import CONFIG, Run, load, train_from_labels

__all__ = ['CONFIG', 'Run', 'SeedInferencer', 'SegInferencer', 'load', 'train_from_labels']
