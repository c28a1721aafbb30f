"""One function over many items in several processes, a few items ahead at a time."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TypeVar

import cv2
import torch

from mmwsss.terminal import log_file, print_into

Item = TypeVar('Item')
Result = TypeVar('Result')

GPU_PROCESSES = 4  # ours: each has a CUDA context of its own
TASKS_A_PROCESS = 4  # handed out ahead of time; memory does not grow with the number of images
_preloaded = ['mmwsss.seeds.refine', 'mmwsss.seeds.ir_label']  # what a worker needs


def run_in_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    processes: int,
    on_gpu: bool = False,
) -> Iterator[Result]:
    """Apply a function to many items, a few ahead at a time, in the order of completion.

    The first error stops everything. Ctrl-C lets the workers finish the item in their hands.

    Args:
        function: Can be pickled when `processes` is above 1.
        items: What to apply it to.
        processes: 1 works in this process.
        on_gpu: The function works on a GPU: a few processes share it.

    Yields:
        Results.

    Raises:
        ChildProcessError: A worker died.
    """
    if processes == 1:
        yield from map(function, items)
        return
    if on_gpu:
        processes = min(processes, GPU_PROCESSES)
    pool = ProcessPoolExecutor(
        processes, _start_method(on_gpu), initializer=_init_worker, initargs=(log_file(),)
    )
    try:
        items = iter(items)
        pending = {pool.submit(function, x) for x in islice(items, TASKS_A_PROCESS * processes)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            pending |= {pool.submit(function, x) for x in islice(items, len(done))}
    except BrokenProcessPool as error:
        raise ChildProcessError(
            'a worker process died, perhaps for want of memory: use fewer processes and resume; or '
            "a script of yours lacks `if __name__ == '__main__':` around what it calls"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_method(on_gpu: bool) -> BaseContext:
    """Return a way to start workers that does not copy this process and its threads.

    CUDA works in no process that was forked from one which has counted GPUs, as the server of
    workers has by what it imports.
    """
    if on_gpu or 'forkserver' not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context('spawn')
    preload_in_workers()
    return multiprocessing.get_context('forkserver')


def preload_in_workers(*modules: str) -> None:
    """Let the server that forks workers import modules once, and not each worker.

    Also for the workers of data loaders, whose start method the configs say. It has no effect on a
    server that runs already, nor where workers are spawned.

    Args:
        modules: Names; what the offline stages need is always among them.
    """
    _preloaded.extend(name for name in modules if name not in _preloaded)
    multiprocessing.set_forkserver_preload(_preloaded)


def _init_worker(log: Path | None) -> None:
    """One thread per process; Ctrl-C is the parent's business, and so is when to end.

    Args:
        log: Where to print to: the server that forks workers still prints where its first caller
            did.
    """
    if log:
        print_into(log)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """End this process when the one that hands out the work has ended, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
