"""A network's work in this process, or in one process per GPU."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process

from mmwsss.errors import FailedProcesses, errors_left, first_error
from mmwsss.pipeline import network
from mmwsss.pipeline.workspace import Workspace, read_record, write_record
from mmwsss.terminal import relayed_progress, run_and_follow

RUNS: dict[str, Callable[..., dict[str, Any]]] = {
    'train': network.train,
    'seeds': network.generate_seeds,
    'test': network.test,
}
_FIGURES = 'figures.json'


def run_network(
    name: str, config: Config, workspace: Workspace, gpus: int | None = None, **options: Any
) -> dict[str, Any]:
    """Call one of `RUNS`, in the workspace's number of processes.

    In several, the config and the options travel in files, and each process calls the function.
    The processes of a `Crew` are there already.

    Args:
        name: Name of the function that runs the network.
        config: Its first argument; has a ``work_dir``.
        workspace: Folder, config and stages of the run.
        gpus: Processes; by default those of the workspace.
        options: Further arguments of the function: strings, numbers, None.

    Returns:
        The figures that the function returns.

    Raises:
        FailedProcesses: A process failed; with what it said.
    """
    if workspace.crew is not None:
        return workspace.crew.run(name, config, options)
    gpus = gpus or workspace.gpus
    if gpus == 1:
        return RUNS[name](config, **options)
    folder = Path(config.work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    config.launcher = 'pytorch'
    config.dump(str(folder / 'run.py'))
    order = folder / 'order.json'
    write_record(order, {'name': name, 'options': options})
    command = [sys.executable, '-m', 'mmwsss.launch', str(gpus), f'{__package__}.worker']
    with errors_left() as errors:
        if run_and_follow([*command, str(order)]):
            raise FailedProcesses(
                first_error(errors) or f'{name} failed; what its processes said stands above'
            )
    return read_record(folder / _FIGURES)


def follow_order(order: Path) -> None:
    """Do what `run_network` wrote down, in one of the processes; the first leaves the figures."""
    content = json.loads(order.read_text(encoding='utf-8'))
    config = Config.fromfile(order.with_name('run.py'))
    with relayed_progress():
        figures = RUNS[content['name']](config, **content['options'])
    if is_main_process():
        write_record(order.with_name(_FIGURES), figures)
