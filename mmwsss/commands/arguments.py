"""Arguments that several commands share, with mmseg's names and meanings."""

import argparse
import json
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmwsss.launch import launch
from mmwsss.shipped import find_config
from mmwsss.terminal import Console, end_with_parent

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmwsss.seeds import DenseCRF

CHANGES = '--cfg-options'
# those of mmwsss.seeds, which takes seconds to import; a test compares
SOURCES = ('cam', 'pacam', 'sum')
CRFS = ('irn', 'clip_es', 'clip_es_released', 'none')
REFINERS = ('crf', 'par', 'segments')
SEGMENT_METHODS = ('felzenszwalb', 'slic', 'sam', 'sam2', 'mobile_sam')
BACKENDS = ('auto', 'pydensecrf', 'torch')


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the config and the changes to it."""
    parser.add_argument('config', help='config: a path, or the name of a shipped one')
    add_changes(parser)


def add_changes(parser: argparse.ArgumentParser) -> None:
    """Add the changes to a config."""
    parser.add_argument(
        CHANGES,
        nargs='+',
        action='extend',
        type=_change,
        metavar='KEY=VALUE',
        help='changes to the config; lists as KEY="[a,b]"',
    )


def add_backbone(parser: argparse.ArgumentParser) -> None:
    """Add the backbone of a classification network."""
    parser.add_argument(
        '--backbone',
        metavar='NAME',
        help='another backbone for the classification network: dinov2_small, resnet18, ... '
        '(docs/backbones.md)',
    )


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add what the commands share that run a network: config, folder, processes."""
    add_config(parser)
    add_work_dir(parser, 'folder for logs and checkpoints; work_dirs/<name of the config>')
    add_gpus(parser)
    add_launcher(parser)
    add_verbose(parser)
    parser.add_argument('--figures', help='write the resulting figures to this JSON file')


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Add the wish to see everything; a command that has it is quiet without."""
    parser.add_argument(
        '--verbose',
        action='store_true',
        help='show all that is printed, instead of keeping it in log.txt in the folder',
    )


def open_console(arguments: argparse.Namespace) -> AbstractContextManager:
    """Return what a command shows on the terminal."""
    if _starts_processes(arguments):
        return nullcontext()  # each of them has its own, and the first one shows
    launcher = getattr(arguments, 'launcher', 'none')
    if launcher != 'none':
        end_with_parent(signal.SIGKILL)
    return Console(
        verbose=getattr(arguments, 'verbose', False),
        quiet=hasattr(arguments, 'verbose'),
        first=_rank(launcher) == 0,
    )


def _starts_processes(arguments: argparse.Namespace) -> bool:
    """Say whether a command is to start itself in several processes."""
    if getattr(arguments, 'launcher', None) != 'none':
        return False  # it knows no launcher, or a launcher has started it
    if _machines(arguments) > 1:
        return True
    return arguments.gpus > 1 and not arguments.starts_by_stage


def _machines(arguments: argparse.Namespace) -> int:
    return arguments.nodes or int(os.environ.get('NNODES', '1'))


def _rank(launcher: str) -> int:
    variables = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}
    return int(os.environ.get(variables.get(launcher, ''), '0'))


def add_work_dir(parser: argparse.ArgumentParser, text: str, default: str | None = None) -> None:
    """Add the folder to work in."""
    parser.add_argument('--work-dir', default=default, help=text)


def add_run(
    parser: argparse.ArgumentParser, text: str = 'work folder of a run, or its config'
) -> None:
    """Add a run that has been made: its folder, or its config and where it was run."""
    parser.add_argument('run', help=text)
    add_work_dir(parser, 'of a config: as `mmwsss run` had it, which works in <work-dir>/<name>')


def add_gpus(parser: argparse.ArgumentParser) -> None:
    """Add the number of processes with a network."""
    parser.add_argument(
        '--gpus', type=count, default=1, help='processes with a network, one per GPU'
    )


def add_launcher(parser: argparse.ArgumentParser, starts_by_stage: bool = False) -> None:
    """Add machines, and who has started the processes.

    Args:
        parser: Of the command.
        starts_by_stage: The command starts the processes of one machine itself, stage by stage.
    """
    parser.set_defaults(starts_by_stage=starts_by_stage)
    parser.add_argument(
        '--nodes',
        type=count,
        help='machines, on each of which the command is called with NODE_RANK (0 on the first) and '
        'MASTER_ADDR in the environment; NNODES of the environment if not given',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what has started this process as one of several: torchrun, srun, mpirun',
    )
    # torch.distributed.launch of old gives it as an option, today's as a variable
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def add_processes(parser: argparse.ArgumentParser) -> None:
    """Add the number of processes that work on files."""
    parser.add_argument(
        '--processes',
        type=count,
        default=os.cpu_count() or 1,
        help='processes that work on files; as many as cores',
    )


def add_seed(parser: argparse.ArgumentParser, text: str, default: int | None = None) -> None:
    """Add the random seed."""
    parser.add_argument('--seed', type=int, default=default, help=text)


def add_until(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add the stage to stop after."""
    parser.add_argument('--until', metavar='STAGE', default=default, help='last stage to run')


def add_seed_files(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the seeds and the list of its images."""
    parser.add_argument('seed_dir', help='folder with <id>.npz, from `mmwsss seeds`')
    parser.add_argument('--ids', required=True, type=Path, help='text file, one image id per line')


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the images."""
    parser.add_argument('--images', required=True, help='folder with <id><suffix>')
    parser.add_argument('--image-suffix', default='.jpg')


def add_crf(parser: argparse.ArgumentParser) -> None:
    """Add the CRF and what computes it."""
    parser.add_argument('--crf', default='irn', choices=CRFS, help='hard labels, soft, or no CRF')
    parser.add_argument(
        '--crf-backend',
        default='auto',
        choices=BACKENDS,
        help='what computes it; auto: pydensecrf on a CPU where it is installed, else torch',
    )


def crf_of(arguments: argparse.Namespace) -> 'DenseCRF | None':
    """Return the CRF that the arguments of `add_crf` ask for; None for none."""
    from mmwsss.seeds.crf import crf_preset

    return crf_preset(None if arguments.crf == 'none' else arguments.crf, arguments.crf_backend)


def count(word: str) -> int:
    """Read a number of at least one.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f'{word!r} is no number of at least 1')
    return int(word)


def _change(word: str) -> str:
    if not word.partition('=')[1]:
        raise argparse.ArgumentTypeError(f'{word!r} is no KEY=VALUE')
    return word


def read_changes(words: list[str] | None) -> dict[str, Any] | None:
    """Read the values of changes to a config, as mmengine does."""
    if not words:
        return None
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser()
    parser.add_argument(CHANGES, nargs='+', action=DictAction)
    return parser.parse_args([CHANGES, *words]).cfg_options


def read_config(arguments: argparse.Namespace) -> 'Config':
    """Load the config of a command that runs a network, and apply the shared arguments.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: An option is unknown, or has a value that makes no sense.
    """
    path = find_config(arguments.config)
    from mmengine.registry import init_default_scope

    from mmwsss.pipeline.config import load_config
    from mmwsss.pipeline.foreign_options import refuse_odd_values

    set_local_rank(arguments)
    backbone = getattr(arguments, 'backbone', None)
    config = load_config(path, read_changes(arguments.cfg_options), backbone=backbone)
    refuse_odd_values(config)
    config.launcher = arguments.launcher
    config.work_dir = (
        arguments.work_dir or config.get('work_dir') or str(Path('work_dirs') / path.stem)
    )
    init_default_scope(config.get('default_scope', 'mmseg'))
    return config


def set_local_rank(arguments: argparse.Namespace) -> None:
    """Put into the environment which of the processes of its machine this one is."""
    os.environ.setdefault('LOCAL_RANK', str(arguments.local_rank))


def run_in_processes(arguments: argparse.Namespace) -> bool:
    """Start the command once more in one process per GPU, if there are to be several.

    Returns:
        Whether there were: then it is done.

    Raises:
        FailedProcesses: One of them failed.
    """
    if not _starts_processes(arguments):
        return False
    for name in getattr(arguments, 'configs', None) or [arguments.config]:
        find_config(name)  # what is not there is said once
    words = [*arguments.command_line, '--launcher', 'pytorch']
    launch('mmwsss', words, arguments.gpus, _machines(arguments))
    return True


def write_figures(path: str | None, figures: dict[str, Any]) -> None:
    """Write the figures for the caller, on the main process."""
    from mmengine.dist import is_main_process

    if path and is_main_process():
        Path(path).write_text(json.dumps(figures, default=float), encoding='utf-8')
