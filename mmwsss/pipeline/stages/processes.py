"""A stage's work in a process a GPU."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmwsss.errors import FailedProcesses, errors_left, first_error
from mmwsss.pipeline.stage import Workspace, read_record


def run_command_in_processes(
    command: str, config: Config, workspace: Workspace, arguments: list[str] | None = None
) -> dict[str, Any]:
    """Run one of our commands in a process a GPU; it writes its figures to ``figures.json``.

    Args:
        command: One of ours.
        config: With a ``work_dir``.
        workspace: Of the run.
        arguments: Further ones of the command.

    Returns:
        The figures.

    Raises:
        FailedProcesses: A process failed; with what it said.
    """
    folder = Path(config.work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    config.dump(str(folder / 'run.py'))
    figures = folder / 'figures.json'
    order = [sys.executable, '-m', 'mmwsss', command, str(folder / 'run.py'), *(arguments or [])]
    order += ['--gpus', str(workspace.gpus), '--work-dir', str(folder), '--figures', str(figures)]
    order += ['--resume'] if config.get('resume') else []
    with errors_left() as errors:
        if subprocess.run(order, check=False).returncode:
            raise FailedProcesses(
                first_error(errors) or f'`mmwsss {command}` failed; what it said stands above'
            )
    return read_record(figures)
