"""Starting a module in several processes, which form a process group of torch.

``python -m mmwsss.launch PROCESSES MODULE ...`` does it in a process of its own: torch's launcher
changes how signals are taken.
"""

import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmwsss.errors import FailedProcesses, errors_left, first_error, run_saying_errors
from mmwsss.terminal import end_with_parent

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def launch(module: str, words: Sequence[str], processes: int, machines: int | None = None) -> None:
    """Run ``python -m module words`` in several processes.

    On several machines it is called on each, with NODE_RANK (0 on the first; Slurm's SLURM_NODEID
    will do), MASTER_ADDR and PORT in the environment.

    Args:
        module: What each process runs; it says its errors by `run_saying_errors`.
        words: Arguments of the module.
        processes: Processes on this machine, one per GPU.
        machines: How many; NNODES of the environment when None.

    Raises:
        FailedProcesses: One of them failed; all have ended.
        ValueError: Nothing says which of several machines this is.
        SystemExit: They were told to stop, as by Ctrl-C.
    """
    from torch.distributed import DistError, run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    machines = machines or int(os.environ.get('NNODES', '1'))
    order = [*_launcher_options(processes, machines), '--module', module, *words]
    os.environ.setdefault('OMP_NUM_THREADS', '1')  # else the launcher does it, with a banner
    logging.disable(logging.ERROR)  # the launcher's: who failed, and where it would have logged
    with errors_left() as folder:
        try:
            run.run(run.parse_args(order))
        except ChildFailedError as error:
            said = first_error(folder) or _say_kill(error) or first_error(folder, lost=True)
            raise FailedProcesses(said or _say_end(error)) from error
        except DistError as error:
            raise FailedProcesses(f'the processes did not find each other: {error}') from error
        except SignalException as error:
            raise SystemExit(128 + error.sigval) from error
        finally:
            logging.disable(logging.NOTSET)


def _launcher_options(processes: int, machines: int) -> list[str]:
    """Return the options of torch's launcher."""
    number = os.environ.get('NODE_RANK') or os.environ.get('SLURM_NODEID')
    if number is None and machines > 1:
        raise ValueError(
            f'nothing says which of {machines} machines this is: set NODE_RANK=0 on the first one, '
            '1 on the next, and MASTER_ADDR on all to the address of the first'
        )
    port = os.environ.get('PORT') or (str(_free_port()) if machines == 1 else '29500')
    return [
        f'--nnodes={machines}',
        f'--node_rank={number if machines > 1 else 0}',
        f'--master_addr={os.environ.get("MASTER_ADDR", "127.0.0.1")}',
        f'--master_port={port}',
        f'--nproc_per_node={processes}',
    ]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


def _say_kill(error: 'ChildFailedError') -> str | None:
    """Name a process that a signal has ended, which was not the launcher's for the others."""
    for rank, failure in error.failures.items():
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
            number = -failure.exitcode
            why = ', as where the memory is full' if number == signal.SIGKILL else ''
            return f'process {rank} was ended by signal {number}{why}: run again, and it goes on'
    return None


def _say_end(error: 'ChildFailedError') -> str:
    """Say of the first process that failed, and left no sentence, how it ended."""
    rank, failure = error.get_first_failure()
    return f'process {rank} ended with code {failure.exitcode}; what it said stands above'


def main() -> None:
    """Launch what the command line says."""
    end_with_parent()
    processes, module, *words = sys.argv[1:]
    launch(module, words, int(processes))


if __name__ == '__main__':
    sys.exit(run_saying_errors(main))
