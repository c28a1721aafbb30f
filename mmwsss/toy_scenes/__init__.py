"""Toy scenes: a data set drawn by code, hard in the ways that image-level supervision is hard."""

import mmwsss.registry  # noqa: F401  (first: with its cures mmseg can be imported)

from .dataset import ToySceneDataset
from .scene import CLASSES, Instance, Scene, draw_scene
from .writer import draw_numbered_scene, write_toy_scenes

__all__ = [
    'CLASSES',
    'Instance',
    'Scene',
    'ToySceneDataset',
    'draw_numbered_scene',
    'draw_scene',
    'write_toy_scenes',
]
