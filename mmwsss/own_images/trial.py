"""What a run will cost on this machine: every stage is run on a few images and measured."""

import copy
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmwsss.errors import USER_ERRORS
from mmwsss.pipeline.batch import LOADERS
from mmwsss.pipeline.execution import execute
from mmwsss.pipeline.run import open_workspace
from mmwsss.pipeline.stages.base import Stage
from mmwsss.pipeline.stages.images import build_images
from mmwsss.pipeline.workspace import Workspace

IMAGES = 20  # of a trial
EPOCHS = 3  # CPAL clusters after the second


@dataclass(frozen=True)
class StageCost:
    """What one stage will cost.

    Attributes:
        name: Of the stage, as the config has it.
        seconds: Of the whole stage, as far as a trial can tell.
        memory: Most that was held while it ran, as `PeakMemory.megabytes` gives it.
        failed: Why it could not be tried; empty if it could.
    """

    name: str
    seconds: float = 0
    memory: Mapping[str, float] = field(default_factory=dict)
    failed: str = ''


def try_stages(config: Config, images: int = IMAGES) -> Iterator[StageCost]:
    """Run every stage on a few images in a temporary folder, and tell what all images would cost.

    A training's steps and its beginning are measured apart; of other stages the time per image.
    Stages that judge are left out.

    Args:
        config: Of a run, with its ``stages``.
        images: How many images are tried.

    Yields:
        The costs, stage by stage; after one that fails no further one.
    """
    number = len(build_images(config.train_dataloader.dataset))
    full = open_workspace(config)
    tried = min(images, number)
    with tempfile.TemporaryDirectory(prefix='mmwsss-') as folder:
        workspace = open_workspace(_trial_config(config, tried), Path(folder))
        for name, stage in workspace.stages.items():
            try:
                record = execute(stage, workspace)
            except USER_ERRORS as error:
                yield StageCost(name, failed=str(error))
                return
            yield _cost(stage, record, workspace, full, number / tried)


def _trial_config(config: Config, images: int) -> Config:
    """Return the config of a run of few images and epochs, which nothing is judged in."""
    trial = copy.deepcopy(config)
    trial.judged_on = trial.tested_on = None
    for loader in LOADERS:
        if trial.get(loader):
            trial[loader].dataset.dataset.indices = images
    _shorten(trial, images)
    for options in filter(None, trial.stages.values()):
        if options.get('bg_threshold') == 'best':
            options.update(bg_threshold='auto', scores=None)
        if options.get('config'):
            options['options'] = {
                **(options.get('options') or {}),
                'train_cfg.max_epochs': EPOCHS,
                'param_scheduler.0.end': EPOCHS,
                'default_hooks.logger.interval': 1,
                'total_batch_size': _batch((options.get('options') or {}), images),
            }
    return trial


def _shorten(config: Config, images: int) -> None:
    config.train_cfg.max_epochs = EPOCHS
    for scheduler in config.param_scheduler:
        scheduler.end = EPOCHS
    config.default_hooks.logger.interval = 1
    if config.get('total_batch_size'):
        config.total_batch_size = min(config.total_batch_size, images)


def _batch(options: dict[str, Any], images: int) -> int:
    return min(options.get('total_batch_size') or images, images)


def _cost(
    stage: Stage, record: dict[str, Any], workspace: Workspace, full: Workspace, factor: float
) -> StageCost:
    seconds, memory = record['seconds'], record['memory']
    training = workspace.network_config(stage.name) if stage.name in workspace.stages else None
    lines = _logged(workspace.folder(stage.name)) if training is not None else []
    if training is None or not lines:
        return StageCost(stage.name, seconds * factor, memory)
    times = [line['time'] for line in lines][1:] or [lines[0]['time']]
    step = sum(times) / len(times)
    beginning = max(seconds - step * len(lines), 0)
    whole = full.network_config(stage.name)
    return StageCost(stage.name, beginning + step * _steps(whole, full), memory)


def _steps(config: Config | None, workspace: Workspace) -> int:
    """Return how many steps a training has."""
    assert config is not None
    number = len(build_images(workspace.config.train_dataloader.dataset))
    batch = config.get('total_batch_size') or config.train_dataloader.batch_size
    return config.train_cfg.max_epochs * max(number // batch, 1)


def _logged(folder: Path) -> list[dict[str, Any]]:
    """Return what mmengine has noted of each step."""
    files = sorted(folder.glob('*/vis_data/scalars.json'))
    lines = files[-1].read_text(encoding='utf-8').splitlines() if files else []
    return [line for line in map(json.loads, lines) if 'time' in line]
