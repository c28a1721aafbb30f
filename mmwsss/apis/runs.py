"""A run of all stages: started from Python, and what it has left on disk."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmwsss.datasets import save_image_labels
from mmwsss.own_images import write_new_config
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import run_pipeline
from mmwsss.pipeline.workspace import DONE, read_record
from mmwsss.seeds import load_mask, load_seed
from mmwsss.seeds.files import Seed

from .inferencers import SeedInferencer, SegInferencer

PathLike = str | os.PathLike[str]
CONFIG = 'recipe/config.py'  # in the work folder
_LABELS = 'recipe/labels.json'


@dataclass(frozen=True)
class Run:
    """What a run has left in its work folder.

    Attributes:
        root: The folder.
        figures: What each finished stage reported, by name.
    """

    root: Path
    figures: Mapping[str, Mapping[str, Any]]

    def masks(self, stage: str = 'pseudo_masks') -> dict[str, Path]:
        """Return the mask files of a stage by image id."""
        return _files(self.root / stage / 'masks', '.png')

    def mask(self, image_id: str, stage: str = 'pseudo_masks') -> np.ndarray:
        """Return a mask, ``(H, W)`` uint8: 0 background, then the classes, 255 unsure."""
        return load_mask(self.root / stage / 'masks' / f'{image_id}.png')

    def seeds(self, stage: str = 'seeds') -> dict[str, Path]:
        """Return the seed files of a stage by image id."""
        return _files(self.root / stage / 'seeds', '.npz')

    def seed(self, image_id: str, stage: str = 'seeds') -> Seed:
        """Return the maps of an image."""
        return load_seed(self.root / stage / 'seeds' / f'{image_id}.npz')

    @cached_property
    def segmentor(self) -> SegInferencer:
        """The trained segmentor, which needs no labels."""
        return SegInferencer(self.root)

    @cached_property
    def classifier(self) -> SeedInferencer:
        """The classification network, which makes seeds of labelled images."""
        return SeedInferencer(self.root)


def load(work_dir: PathLike) -> Run:
    """Load what a run has left.

    Args:
        work_dir: Its folder.

    Raises:
        FileNotFoundError: There is no such folder, or no finished stage in it.
    """
    root = Path(work_dir)
    records = {path.parent.name: read_record(path) for path in sorted(root.glob(f'*/{DONE}'))}
    if not records:
        raise FileNotFoundError(
            f'{root} has no finished stage: give the work folder of `mmwsss run`, as '
            'work_dirs/<name of the config>'
        )
    return Run(root, {name: record.get('figures', {}) for name, record in records.items()})


def train_from_labels(
    images: PathLike,
    labels: PathLike | Mapping[str, Sequence[str]] | None = None,
    work_dir: PathLike = 'work_dirs/own_images',
    method: str = 'cpal',
    backbone: str | None = None,
    options: dict[str, Any] | None = None,
    until: str | None = None,
    gpus: int = 1,
    processes: int | None = None,
) -> Run:
    """Train a segmentor from images and the classes that each shows, without any mask.

    The same as `mmwsss new` and `mmwsss run`: the config is `CONFIG` in the work folder. A second
    call with the same arguments skips what is done and goes on with what was cut off.

    Args:
        images: Folder of the images.
        labels: A file as for `mmwsss new`, the class names of each image id, or None to look for
            them in the folder.
        work_dir: Where everything is written to.
        method: ``cpal`` or ``irn``.
        backbone: As for `mmwsss new`; None chooses by the machine.
        options: Changes to the config, as with ``--cfg-options``.
        until: Last stage to run; None runs all.
        gpus: Processes that train and make seeds.
        processes: Of the stages that work on files; as many as cores when None.

    Returns:
        The run.

    Raises:
        FileNotFoundError: There is no folder, no image, or no labels.
        ValueError: Labels or options are wrong.
    """
    root = Path(work_dir)
    label_file: PathLike | None
    if isinstance(labels, Mapping):
        label_file = root / _LABELS
        save_image_labels(label_file, labels)
    else:
        label_file = labels
    path, _ = write_new_config(images, label_file, method, backbone, root / CONFIG, overwrite=True)
    config = load_config(path, options)
    run_pipeline(config, root, gpus, processes or os.cpu_count() or 1, until)
    return load(root)


def _files(folder: Path, suffix: str) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob(f'*{suffix}'))}
