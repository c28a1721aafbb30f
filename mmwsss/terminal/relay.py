"""Processes and the one that started them: progress travels up, and an end travels down."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .bars import Bar, listening, progress, reporting

_VARIABLE = 'MMWSSS_PROGRESS'  # of the environment: the file that the first process writes
_INTERVAL = 0.2  # seconds between two looks at it
_PR_SET_PDEATHSIG = 1  # of Linux


def run_and_follow(command: Sequence[str]) -> int:
    """Run a command that starts several processes, and show how far the first of them is.

    What they print goes where this process prints. However the block is left, they have ended.

    Args:
        command: Whose processes call `relayed_progress`.

    Returns:
        Its exit code.
    """
    if not reporting():
        return _run(command, None)
    with tempfile.TemporaryDirectory() as folder:
        return _run(command, Path(folder) / 'progress.json')


def _run(command: Sequence[str], file: Path | None) -> int:
    environment = {**os.environ, **({_VARIABLE: str(file)} if file else {})}
    with subprocess.Popen(command, env=environment) as process:
        try:
            _follow(process, file) if file else process.wait()
        except BaseException:
            process.terminate()  # not kill: a launcher is to end its processes first
            process.wait()
            raise
    return process.returncode


def _follow(process: subprocess.Popen, file: Path) -> None:
    """Repeat the bars of another process until it ends."""
    bar, number = None, 0
    with ExitStack() as stack:
        while True:
            ended = process.poll() is not None  # before the file, whose last state counts, too
            state = _read(file)
            if state and state['number'] != number:
                stack.close()
                number = state['number']
                what, total, unit = state['opened']
                bar = stack.enter_context(progress(what, total, unit, state['done']))
            if state and bar:
                bar.move(state['done'], state['phase'], state['note'])
            if ended:
                return
            try:
                process.wait(_INTERVAL)
            except subprocess.TimeoutExpired:
                continue


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding='utf-8')) if file.is_file() else {}


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """Let this process get a signal when the one that started it ends, however that ends.

    Without it processes of a run that was killed would work on, in a folder whose lock is free.
    Only Linux can do it; elsewhere nothing happens.

    Args:
        number: Of the signal.
    """
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number))


@contextmanager
def relayed_progress() -> Iterator[None]:
    """In a process that `run_and_follow` has started: hand bars on; elsewhere do nothing."""
    file = os.environ.get(_VARIABLE)
    if not file:
        yield
        return
    first = os.environ.get('RANK', '0') == '0'
    with listening(_Writer(Path(file)) if first else _silent):
        try:
            yield
        except Exception:
            traceback.print_exc()  # into the log, as whoever listens captures what is printed
            raise


class _Writer:
    """Writes the state of the newest bar into a file.

    Args:
        file: Replaced as a whole, so that a reader never sees half of it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.number = 0

    @contextmanager
    def __call__(self, what: str, total: int, unit: str, initial: int) -> Iterator[Bar]:
        """Open a bar."""
        self.number += 1
        number, opened = self.number, [what, total, unit]
        bar = Bar(total, unit, initial, lambda bar: self._write(number, opened, bar))
        bar.draw()
        yield bar
        bar.draw()

    def _write(self, number: int, opened: list[Any], bar: Bar) -> None:
        state = {'number': number, 'opened': opened, 'done': bar.done}
        temporary = self.file.with_suffix('.tmp')
        temporary.write_text(
            json.dumps({**state, 'phase': bar.phase, 'note': bar.note}), encoding='utf-8'
        )
        temporary.replace(self.file)


@contextmanager
def _silent(what: str, total: int, unit: str, initial: int) -> Iterator[Bar]:
    yield Bar(total, unit, initial, None)
