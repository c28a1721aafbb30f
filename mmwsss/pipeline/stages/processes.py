"""A stage's work in a process a GPU."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from mmengine.config import Config

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
        ChildProcessError: A process failed.
    """
    folder = Path(config.work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    config.dump(str(folder / 'run.py'))
    figures = folder / 'figures.json'
    launcher = ['-m', 'torch.distributed.run', f'--nproc_per_node={workspace.gpus}']
    order = ['-m', 'mmwsss', command, str(folder / 'run.py'), *(arguments or [])]
    tail = ['--work-dir', str(folder), '--launcher', 'pytorch', '--figures', str(figures)]
    tail += ['--resume'] if config.get('resume') else []
    if subprocess.run([sys.executable, *launcher, *order, *tail], check=False).returncode:
        raise ChildProcessError(
            f'mmwsss {command} failed in {workspace.gpus} processes; what they said stands above'
        )
    return read_record(figures)
