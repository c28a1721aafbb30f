"""Running a config's pipeline, and the table at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from prettytable import PrettyTable

from mmwsss.registry import STAGES

from .config import check_keys
from .stage import Stage, Workspace, execute
from .stages import EvaluateMasks, EvaluateSeeds, Test


@dataclass
class PipelineRun:
    """A pipeline that has run.

    Attributes:
        name: Of the config.
        workspace: Where it ran.
        records: What `execute` returned, by stage.
    """

    name: str
    workspace: Workspace
    records: dict[str, dict[str, Any]]


def run_pipeline(
    config: Config,
    root: str | Path | None = None,
    gpus: int = 1,
    processes: int = 1,
    until: str | None = None,
) -> PipelineRun:
    """Run a config's stages in order; skip what is done and unchanged, go on with what was cut off.

    Args:
        config: With a list ``pipeline``.
        root: Folder of the run; ``work_dirs/<name of the config>`` when None.
        gpus: Processes that train and make seeds.
        processes: Processes of the offline stages.
        until: Last stage to run; all when None.

    Raises:
        ValueError: The pipeline is missing or wrong.
        FileNotFoundError: Data are missing. Both come before any stage begins.
    """
    workspace = open_workspace(config, root, gpus, processes)
    if until is not None and until not in workspace.stages:
        raise ValueError(f'there is no stage {until!r}; the stages are {list(workspace.stages)}')
    wanted = list(workspace.stages.values())
    if until is not None:
        wanted = wanted[: list(workspace.stages).index(until) + 1]
    for stage in wanted:
        stage.check(workspace)
    records = {stage.name: execute(stage, workspace) for stage in wanted}
    return PipelineRun(config_name(config), workspace, records)


def open_workspace(
    config: Config, root: str | Path | None = None, gpus: int = 1, processes: int = 1
) -> Workspace:
    """Build the stages of a config.

    Raises:
        ValueError: The pipeline is missing or wrong.
    """
    root = Path(root) if root else Path('work_dirs') / config_name(config)
    return Workspace(config, root, build_stages(config), gpus, processes)


def config_name(config: Config) -> str:
    """Return the file name of a config without its suffix."""
    return Path(config.filename).stem


def build_stages(config: Config) -> dict[str, Stage]:
    """Build the stages of ``config.pipeline`` by name.

    Raises:
        ValueError: No pipeline, an unknown stage or option, a name given twice, or an input that
            is no earlier stage.
    """
    if not config.get('pipeline'):
        raise ValueError(f'{config.filename} has no `pipeline`: inherit from a config in configs/')
    stages: dict[str, Stage] = {}
    STAGES.import_from_location()
    for index, options in enumerate(config.pipeline):
        options = dict(options)
        kind, name = options.pop('type', None), options.get('name')
        where = f'pipeline[{index}]'
        if kind not in STAGES.module_dict:
            raise ValueError(f'{where}.type is {kind!r}; known are {sorted(STAGES.module_dict)}')
        check_keys(where, kind, set(options), STAGES.get(kind))
        if not name or name in stages:
            raise ValueError(f'{where} needs a name of its own; {name!r} is none')
        stage = STAGES.get(kind)(**options)
        for source in stage.inputs():
            if source not in stages:
                raise ValueError(
                    f'{where} ({name!r}) reads {source!r}, which is no earlier stage; earlier are '
                    f'{list(stages)}'
                )
        stages[name] = stage
    return stages


def mean_iou_rows(run: PipelineRun) -> dict[str, float]:
    """Return every mean IoU of a run in percent, by what it is of, in the order of the stages."""
    rows: dict[str, float] = {}
    for name, record in run.records.items():
        stage, figures = run.workspace.stages[name], record['figures']
        if isinstance(stage, EvaluateSeeds):
            for source, curve in figures['sources'].items():
                rows[f'{stage.title}: {source}'] = curve['best']['mIoU']
        if isinstance(stage, EvaluateMasks):
            rows[stage.title] = figures['argmax']['mIoU']
            if figures['masks']['mIoU'] != figures['argmax']['mIoU']:
                rows[f'{stage.title}, unsure as background'] = figures['masks']['mIoU']
        if isinstance(stage, Test):
            rows[stage.title] = figures['mIoU']
    return rows


def format_table(runs: Sequence[PipelineRun]) -> str:
    """Return the mean IoUs of several runs side by side, as text."""
    columns = [mean_iou_rows(run) for run in runs]
    names = list(dict.fromkeys(name for column in reversed(columns) for name in column))
    table = PrettyTable(['mIoU', *(run.name for run in runs)], align='r')
    table.align['mIoU'] = 'l'
    for name in names:
        values = [column.get(name) for column in columns]
        table.add_row([name, *('-' if value is None else f'{value:.2f}' for value in values)])
    return str(table)
