"""Running all stages of a config."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmwsss.errors import Faults
from mmwsss.structures import atomic_path
from mmwsss.terminal import show, show_run

from .building import build_stages
from .execution import execute, stage_key
from .foreign_options import refuse_odd_values
from .lock import locked
from .stages.base import Stage
from .stages.crew import Crew
from .workspace import DONE, Workspace, read_record


@dataclass
class PipelineRun:
    """A config whose stages have run.

    Attributes:
        name: File name of the config, without suffix.
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
    crew: Crew | None = None,
) -> PipelineRun:
    """Run a config's stages in order; skip what is done and unchanged, go on with what was cut off.

    Args:
        config: Config of the run, with its ``stages``.
        root: Folder of the run; that of `run_folder` when None.
        gpus: Processes that train and make seeds.
        processes: Processes of the offline stages.
        until: Last stage to run, after all before it; all when None.
        crew: Processes of a launcher, in the place of `gpus`; this is the first of them.

    Raises:
        ValueError: The stages are missing or wrong.
        FileNotFoundError: Data are missing. Both come before any stage begins.
        BlockingIOError: Another run works in the folder.
    """
    workspace = open_workspace(config, root, crew.size if crew else gpus, processes)
    workspace.crew = crew
    wanted = wanted_stages(workspace, until)
    check_stages(wanted, workspace)
    show_run(config_name(config), workspace.root)
    for text in workspace.notes:
        show(f'note: {text}')
    with locked(workspace.root):
        keep_config(config, workspace.root)
        records = {stage.name: execute(stage, workspace) for stage in wanted}
    return PipelineRun(config_name(config), workspace, records)


def check_stages(stages: Iterable[Stage], workspace: Workspace) -> None:
    """Let stages look at what they need, and say all that is wrong at once.

    Args:
        stages: That are to run.
        workspace: Folder, config and stages of the run.

    Raises:
        Exception: The one error of the stages, one of `USER_ERRORS`.
        SeveralFaults: There are several; all are in the message, each once.
    """
    faults = Faults()
    with faults.collect():
        refuse_odd_values(workspace.config)
    for stage in stages:
        with faults.collect():
            stage.check(workspace)
    faults.say()


def finished_run(config: Config, root: str | Path | None = None) -> PipelineRun:
    """Open a run without running anything: the records are those of the stages that are done.

    Args:
        config: Config of the run, with its ``stages``.
        root: As for `run_pipeline`.

    Raises:
        ValueError: The stages are missing or wrong.
    """
    workspace = open_workspace(config, root)
    records: dict[str, dict[str, Any]] = {}
    for name, stage in workspace.stages.items():
        record = read_record(workspace.folder(name) / DONE)
        unfinished = [source for source in stage.inputs() if source not in records]
        if record and not unfinished and record['key'] == stage_key(stage, workspace):
            records[name] = record
    return PipelineRun(config_name(config), workspace, records)


def outdated_stages(run: PipelineRun) -> list[str]:
    """Return the stages that were done, but by another recipe or with other files than today's."""
    workspace = run.workspace
    return [
        name
        for name in workspace.stages
        if name not in run.records and (workspace.folder(name) / DONE).is_file()
    ]


def wanted_stages(workspace: Workspace, until: str | None) -> list[Stage]:
    """Return the stages up to one, in the order that they run in; all when None.

    Raises:
        ValueError: There is no such stage.
    """
    names = list(workspace.stages)
    if until is None:
        return list(workspace.stages.values())
    if until not in names:
        raise ValueError(f'there is no stage {until!r}; the stages are {names}')
    return [workspace.stages[name] for name in names[: names.index(until) + 1]]


def open_workspace(
    config: Config, root: str | Path | None = None, gpus: int = 1, processes: int = 1
) -> Workspace:
    """Build the stages of a config.

    Raises:
        ValueError: The stages are missing or wrong.
    """
    root = Path(root) if root else run_folder(config)
    return Workspace(config, root, build_stages(config), gpus, processes)


def keep_config(config: Config, folder: Path) -> None:
    """Leave a config with all its changes in a folder, under the name of its file."""
    with atomic_path(folder / Path(config.filename).name) as temporary:
        config.dump(temporary)


def run_folder(config: Config) -> Path:
    """Return the ``work_dir`` of a config, or ``work_dirs/<name of the config>`` without one."""
    return Path(config.get('work_dir') or Path('work_dirs') / config_name(config))


def config_name(config: Config) -> str:
    """Return the file name of a config without its suffix."""
    return Path(config.filename).stem
