"""Arguments that several commands share, with mmseg's names and meanings."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process
from mmengine.registry import init_default_scope

from mmwsss.pipeline.config import load_config

USER_ERRORS = (
    OSError,  # files, and processes of ours that failed
    ValueError,
    ImportError,
    FloatingPointError,
)


def add_config_arguments(parser: argparse.ArgumentParser, config: str = 'config') -> None:
    """Add the config, its options, the folder, the launcher."""
    parser.add_argument(config, help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='changes to the config, as key=value; lists as key="[a,b]"',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    # torch.distributed.launch of old gives it as an option, today's as a variable
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    parser.add_argument('--figures', help='write the resulting figures to this JSON file')


def read_config(arguments: argparse.Namespace) -> Config:
    """Load the config of a command and apply the shared arguments."""
    os.environ.setdefault('LOCAL_RANK', str(arguments.local_rank))
    config = load_config(arguments.config, arguments.cfg_options)
    config.launcher = arguments.launcher
    config.work_dir = (
        arguments.work_dir
        or config.get('work_dir')
        or str(Path('work_dirs') / Path(arguments.config).stem)
    )
    init_default_scope(config.get('default_scope', 'mmseg'))
    return config


def write_figures(path: str | None, figures: dict[str, Any]) -> None:
    """Write the figures for the caller, on the main process."""
    if path and is_main_process():
        Path(path).write_text(json.dumps(figures, default=float), encoding='utf-8')


def run_command(command: Callable[[], None]) -> None:
    """Run a command; say a user's error in one sentence instead of a traceback.

    Set MMWSSS_TRACEBACK=1 to see the traceback, too.
    """
    try:
        command()
    except USER_ERRORS as error:
        if os.environ.get('MMWSSS_TRACEBACK'):
            raise
        sys.exit(f'{type(error).__name__}: {error}')
