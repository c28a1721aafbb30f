"""One line per stage on the terminal: how far it is, and at its end what came out."""

import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from .bars import Bar, listening
from .capture import captured_output, terminal_copy
from .text import format_duration, format_progress

LOG = 'log.txt'
_NAME_WIDTH = 13  # of the longest name of a shipped stage, and one more
_DURATION_WIDTH = 11
_LOG_NOTE = 'the whole log: '
_ERASE = '\x1b[K'  # to the end of the line

_active: list['Console'] = []  # the last one counts


class StageLine:
    """The line of a stage.

    Args:
        name: Name of the stage.
        log: The file that gets what is printed; None if that goes to the terminal.

    Attributes:
        result: What came out, for the end of the line.
        note: The last figure of its bars, such as ``loss 0.42``.
    """

    def __init__(self, name: str, log: Path | None = None) -> None:
        self.name = name
        self.log = log
        self.result = ''
        self.note = ''


class Console:
    """What a command shows on its terminal.

    Within its block a stage has one line: progress while it works (none if the terminal is none, as
    in a pipe: then one line says that it starts), and its result at the end. All else that this
    process, its libraries and its children print goes into the log file of the stage.

    Args:
        verbose: Let all that is printed through, and draw no bars of our own.
        quiet: Capture what is printed; else it goes to the terminal, between the bars.
        first: This is the first, or the only, of the processes with this terminal; the others show
            nothing.
    """

    def __init__(self, verbose: bool = False, quiet: bool = True, first: bool = True) -> None:
        self.verbose, self.first = verbose, first
        self.captures = quiet and not verbose
        self.log: Path | None = None  # of the stage at work
        self._line: StageLine | None = None
        self._drawn = False  # a line stands on the terminal that is to be erased

    def __enter__(self) -> 'Console':
        self._stack = ExitStack()
        self._out = self._stack.enter_context(terminal_copy(sys.stdout, 1))
        self._err = self._stack.enter_context(terminal_copy(sys.stderr, 2))
        changes = self._err.isatty() and os.environ.get('TERM') != 'dumb'
        self._live = changes and self.first and not self.verbose
        if self.captures:  # what is printed outside of a stage waits for the log of the next one
            # no buffer, as its place in the file moves with what is printed
            self._waiting = self._stack.enter_context(tempfile.TemporaryFile(buffering=0))
            self._stack.enter_context(captured_output(self._waiting))
        if not self.verbose:
            self._stack.enter_context(listening(self._open_bar))
        _active.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        _active.remove(self)
        self._clear()
        self._stack.close()

    def show(self, text: str) -> None:
        """Print on the terminal, even while output is captured."""
        if self.first:
            self._clear()
            _write(self._out, f'{text}\n')

    @contextmanager
    def stage(self, name: str, log: Path, start: str = 'starts') -> Iterator[StageLine]:
        """Show the line of a stage, and keep what is printed within the block in its log.

        Args:
            name: Name of the stage.
            log: File to add to.
            start: What the stage does now, for the time before there is progress to show.

        An error that leaves the block has a note on it with the path of the log: whoever says the
        error says that before.
        """
        line = self._line = StageLine(name, log if self.captures else None)
        begin = time.monotonic()
        self._begin(f'{name:{_NAME_WIDTH}}{start}')
        try:
            with self._logging_to(log):
                yield line
        except BaseException as error:
            self._end(line, begin, 'failed' if isinstance(error, Exception) else 'stopped')
            if self.captures:
                error.add_note(f'{_LOG_NOTE}{log}')
            raise
        finally:
            self._line = None
        self._end(line, begin, ', '.join(text for text in (line.result, line.note) if text))

    @contextmanager
    def _logging_to(self, log: Path) -> Iterator[None]:
        if not self.captures:
            yield
            return
        log.parent.mkdir(parents=True, exist_ok=True)
        # several processes may write to it
        with log.open('ab') as file, captured_output(file):
            self._waiting.seek(0)
            shutil.copyfileobj(self._waiting, file)
            file.flush()
            self._waiting.seek(0)
            self._waiting.truncate()
            self.log = log
            try:
                yield
            except Exception:
                traceback.print_exc()
                raise
            finally:
                self.log = None

    def _begin(self, text: str) -> None:
        if self._live and self.captures:
            self._draw(text)
        else:
            self.show(text)

    def _end(self, line: StageLine, begin: float, text: str) -> None:
        duration = format_duration(time.monotonic() - begin)
        self.show(f'{line.name:{_NAME_WIDTH}}{duration:>{_DURATION_WIDTH}}  {text}'.rstrip())

    @contextmanager
    def _open_bar(self, what: str, total: int, unit: str, initial: int) -> Iterator[Bar]:
        bar = Bar(total, unit, initial, lambda bar: self._draw_bar(what, bar))
        bar.draw()
        yield bar
        if self._line is None:
            self._clear()
        else:
            self._line.note = bar.note or self._line.note

    def _draw_bar(self, what: str, bar: Bar) -> None:
        if self._live:
            name = self._line.name if self._line else what
            passed = time.monotonic() - bar.begin
            text = format_progress(bar.done, bar.total, bar.unit, bar.done - bar.initial, passed)
            words = '  '.join(word for word in (bar.phase, text, bar.note) if word)
            self._draw(f'{name:{_NAME_WIDTH}}{words}')

    def _draw(self, text: str) -> None:
        """Write the line that changes; it is cut off, since a line that wraps cannot be erased."""
        columns = _columns(self._err)
        _write(self._err, f'\r{text[: columns - 1]}{_ERASE}')
        self._drawn = True

    def _clear(self) -> None:
        if self._drawn:
            _write(self._err, f'\r{_ERASE}')
            self._drawn = False


def _write(terminal: TextIO, text: str) -> None:
    with suppress(OSError):  # a terminal that was closed, or a pipe, is no reason to stop a run
        terminal.write(text)
        terminal.flush()


def _columns(terminal: TextIO) -> int:
    """Return the width of a terminal; a common one where it does not say."""
    try:
        return os.get_terminal_size(terminal.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def show(text: str) -> None:
    """Print on the terminal, even while a `Console` captures what is printed."""
    if _active:
        _active[-1].show(text)
    else:
        print(text)


def is_logged(error: BaseException) -> bool:
    """Say whether a `Console` has put the traceback of an error into a log."""
    return any(note.startswith(_LOG_NOTE) for note in getattr(error, '__notes__', []))


def erase_line() -> None:
    """Erase what another process has left on the line of the terminal that changes."""
    if sys.stderr.isatty():
        sys.stderr.write(f'\r{_ERASE}')


def show_run(name: str, folder: str | os.PathLike[str]) -> None:
    """Show a heading over the lines of a run's stages; nothing without a `Console`."""
    if _active:
        _active[-1].show(f'{name}, in {folder}')


def show_stage(name: str, text: str) -> None:
    """Show the line of a stage that has nothing to do; nothing without a `Console`."""
    if _active:
        _active[-1].show(f'{name:{_NAME_WIDTH}}{text}')


@contextmanager
def stage_line(
    name: str, folder: str | os.PathLike[str], start: str = 'starts'
) -> Iterator[StageLine]:
    """Work as a stage of the `Console`, with ``log.txt`` in `folder`; as ever without one.

    Args:
        name: Name of the stage.
        folder: Where it works.
        start: What it does now, for the time before there is progress to show.

    Yields:
        Its line, which waits for a result.

    Raises:
        NotADirectoryError: `folder` is a file.
    """
    if Path(folder).is_file():
        raise NotADirectoryError(f'{folder} is a file: give a folder to write to')
    if not _active:
        yield StageLine(name)
        return
    with _active[-1].stage(name, Path(folder) / LOG, start) as line:
        yield line


def log_file() -> Path | None:
    """Return the log that output goes to, for processes that do not inherit this one's output."""
    return _active[-1].log if _active else None
