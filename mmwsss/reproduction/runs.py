"""The runs that an item is made of: where they work, what is done of them, doing the rest."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmwsss.engine.vision_prototypes import KL_CURVE_FILE
from mmwsss.pipeline import PipelineRun, Train, run_pipeline
from mmwsss.pipeline.config import current_value, load_config, set_seed
from mmwsss.pipeline.grid import read_grid
from mmwsss.pipeline.network import last_checkpoint
from mmwsss.pipeline.run import finished_run, wanted_stages
from mmwsss.pipeline.table import mean_iou_rows
from mmwsss.pipeline.workspace import read_record
from mmwsss.shipped import find_config

from .items import FIRST_OF, Item, Row

_LONGEST_NAME = 60


@dataclass(frozen=True)
class RowRun:
    """A row at one scale.

    Attributes:
        label: Of the row.
        row: The row.
        config_name: Of the row's config.
        changes: What differs from it, without what says what it says anyway.
        added: Stages that the row adds: they work beside the config's own, in its folder.
        seed: Of everything random.
        work_dir: Rows of all items work in ``<work_dir>/runs``, so that equal ones are run once.
        given: By training stage: the run whose trained network it takes.
        shared: Changes to all rows, which are among `changes` and `added`.
    """

    label: str
    row: Row
    config_name: str
    changes: Mapping[str, Any]
    added: Mapping[str, Any]
    seed: int
    work_dir: Path
    given: Mapping[str, 'RowRun']
    shared: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the run's folder: of the config, what was changed, the seed."""
        parts = [Path(self.config_name).stem]
        changes = {**self.changes, **{f'given.{key}': r.name for key, r in self.given.items()}}
        if changes:
            text = '_'.join(f'{key.split(".")[-1]}_{changes[key]}' for key in sorted(changes))
            words = re.sub(r'[^\w.]+', '_', text)[:_LONGEST_NAME].strip('_')
            content = json.dumps(changes, sort_keys=True, default=str)
            parts.append(f'{words}_{hashlib.sha256(content.encode()).hexdigest()[:6]}')
        return '-'.join([*parts, f'seed{self.seed}'])

    @property
    def config(self) -> Config:
        """The config with its changes and its seed."""
        changes = {**self.changes, **self.added}
        for stage, other in self.given.items():
            changes[f'stages.{stage}.checkpoint'] = other.network(stage)
        config = load_config(self.config_name, changes)
        set_seed(config, self.seed)
        return config

    @property
    def until(self) -> str:
        """The last stage that the row needs."""
        stages = self.config.stages
        wanted = self.row.until.split(FIRST_OF)
        return next((name for name in wanted if stages.get(name)), wanted[-1])

    @property
    def root(self) -> Path:
        """Folder of the run: its own, or that of `mmwsss run` where this is done there."""
        own = self.work_dir / 'runs' / self.name
        other = Path('work_dirs') / Path(self.config_name).stem
        if self.changes or self.given or own.exists() or not other.is_dir():
            return own
        return other if not _pending(finished_run(self.config, other), self.until) else own

    def state(self) -> 'State':
        """Look at what is done of the run, and at what was measured."""
        done = finished_run(self.config, self.root)
        figures = mean_iou_rows(done)
        for name in done.records:
            if isinstance(done.workspace.stages[name], Train):
                fit = read_record(done.workspace.folder(name) / KL_CURVE_FILE)
                figures |= {'gap': fit['gap_after']} if fit else {}
        return State(done, _pending(done, self.until), figures)

    def run(self, gpus: int, processes: int) -> PipelineRun:
        """Run what is not done, and first the runs whose networks are taken."""
        for stage, other in self.given.items():
            if stage in other.state().pending:
                replace(other, row=replace(other.row, until=stage)).run(gpus, processes)
        return run_pipeline(self.config, self.root, gpus, processes, self.until)

    def network(self, stage: str) -> str:
        """Return the checkpoint of a stage, or where it will be."""
        folder = self.root / stage
        try:
            return str(last_checkpoint(folder))
        except FileNotFoundError:
            return str(folder / 'last.pth')


@dataclass(frozen=True)
class State:
    """How far a run is.

    Attributes:
        done: The run with the records of the stages that are done.
        pending: Stages that the row needs and that are not done.
        figures: Mean IoUs in percent by what they are of, and ``gap`` of vision prototypes.
    """

    done: PipelineRun
    pending: list[str]
    figures: dict[str, float]


def plan(
    item: Item,
    scale: str,
    work_dir: str | Path = 'work_dirs/reproduce',
    rows: Collection[str] | None = None,
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
    until: str | None = None,
) -> dict[str, RowRun]:
    """Return the runs of an item at a scale, by the labels of their rows.

    Args:
        item: Table or figure.
        scale: One of `SCALES`.
        work_dir: Where everything goes; see `RowRun`.
        rows: Labels of the rows that are wanted; all when None.
        changes: To the config of every row, as with ``--cfg-options``.
        seed: Of everything random.
        until: Last stage to run; what the rows need when None.

    Raises:
        ValueError: The item has no such row, or none that can be run at this scale.
    """
    runnable = item.runnable(scale)
    if not runnable:
        known = ', '.join(item.scales) or 'none: it is a drawing'
        raise ValueError(f'{item.paper} {item.name} cannot be run at {scale!r}; at {known}')
    wanted = list(rows) if rows else runnable
    if unknown := [label for label in wanted if label not in runnable]:
        raise ValueError(
            f'{item.paper} {item.name} has no row {unknown[0]!r} to run at scale {scale!r}; there '
            f'are {", ".join(map(repr, runnable))}'
        )
    built: dict[str, RowRun] = {}

    def build(label: str) -> RowRun:
        if label not in built:
            row = item.rows[label]
            given = {stage: build(other) for stage, other in row.given.items()}
            if until:
                row = replace(row, until=until)
            name = row.configs[scale]
            shared = changes or {}
            parts = _split_changes(name, {**_grid_changes(row), **row.changes, **shared})
            built[label] = RowRun(label, row, name, *parts, seed, Path(work_dir), given, shared)
        return built[label]

    return {label: build(label) for label in wanted}


def _grid_changes(row: Row) -> dict[str, Any]:
    return read_grid(find_config(row.grid, 'grid'))[row.row] if row.grid else {}


def _split_changes(
    config_name: str, changes: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the changes that make another run, and the stages that are added to it.

    What the config, or the class that it names, says anyway is left out.
    """
    if not changes:
        return {}, {}
    config = load_config(config_name)
    needed, added = {}, {}
    for key, value in changes.items():
        place, _, name = key.partition('.')
        if place == 'stages' and '.' not in name and name not in config.stages:
            added[key] = value
        elif _is_new(config, key, value):
            needed[key] = value
    return needed, added


def _is_new(config: Config, key: str, value: Any) -> bool:
    try:
        return bool(current_value(config, key) != value)
    except (KeyError, IndexError, TypeError, AttributeError):
        return True


def _pending(run: PipelineRun, until: str) -> list[str]:
    return [s.name for s in wanted_stages(run.workspace, until) if s.name not in run.records]
