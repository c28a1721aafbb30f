"""A user's error is one sentence: who says it, in one process and in several.

Each of several processes would say its error, and the launcher of torch adds a page of its own. So
a process that was started by another one of ours leaves its sentence in a file, and the one that
started it says it, once and last.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmwsss import compat
from mmwsss.terminal import erase_line, is_logged

FAILED, INTERRUPTED = 1, 130  # exit codes, the second as shells have it
USER_ERRORS = (
    OSError,  # files, and processes of ours that failed
    ValueError,
    ImportError,
    FloatingPointError,
    MemoryError,
)
_TRACEBACK = '\nOriginal Traceback '
# what a process says whose group has lost another one: no cause, but what follows from it
_LOST = ('closed by peer', 'reset by peer', 'Broken pipe', 'gloo', 'NCCL', 'TCPStore')
_LOST_SUFFIX = '.lost'
_FOLDER = 'MMWSSS_ERRORS'  # of the environment: where sentences are left, one file per rank


class FailedProcesses(ChildProcessError):
    """A process that was started here has failed; the message is what it would have said."""


class SeveralFaults(ValueError):
    """Several things are wrong, each in a sentence of its own.

    Args:
        sentences: What is wrong.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        lines = [f'{number}. {text}' for number, text in enumerate(self.sentences, start=1)]
        super().__init__('\n'.join([f'{len(lines)} things are wrong:', *lines]))


class Faults:
    """Collects the user's errors of several checks, so that all are said at once."""

    def __init__(self) -> None:
        self._found: dict[str, Exception] = {}

    def __bool__(self) -> bool:
        """Whether one was found."""
        return bool(self._found)

    @contextmanager
    def collect(self) -> Iterator[None]:
        """End the block at a user's error, and keep it; each sentence once."""
        try:
            yield
        except SeveralFaults as error:
            for sentence in error.sentences:
                self._found.setdefault(sentence, error)
        except USER_ERRORS as error:
            self._found.setdefault(str(error), error)

    def say(self) -> None:
        """Raise what was found, if anything was.

        Raises:
            SeveralFaults: There are several errors.
            Exception: The only one.
        """
        if len(self._found) > 1:
            raise SeveralFaults(list(self._found))
        for error in self._found.values():
            raise error


def run_saying_errors(work: Callable[[], None]) -> int:
    """Call a function and say a user's error in one sentence, here or where this process came from.

    So is any error whose traceback is in a log; the path of the log comes before the sentence.
    With MMWSSS_TRACEBACK=1 it is raised instead.

    Returns:
        The exit code: 0, `FAILED` or `INTERRUPTED`.
    """
    try:
        work()
        compat.leave_process_group()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get('MMWSSS_TRACEBACK'):
            raise
        if not isinstance(error, USER_ERRORS) and not is_logged(error):
            raise  # an error of ours, whose traceback is to be seen
        sentence = '\n'.join([*getattr(error, '__notes__', []), _say(error)])
        if not _leave(sentence, _has_lost_another(error)):
            erase_line()
            print(sentence, file=sys.stderr)
        return FAILED
    return 0


def _say(error: Exception) -> str:
    if isinstance(error, FailedProcesses):
        return str(error)  # said by a process, with its kind
    sentence = f'{type(error).__name__}: {error}'
    said = sentence.rfind(f'\n{type(error).__name__}: ')
    if said > 0 and _TRACEBACK in sentence:
        # of a process that loads data: torch puts its whole traceback into the message
        sentence = sentence[said:].strip()
    if isinstance(error, ModuleNotFoundError):
        sentence += ". Install what mmwsss needs: pip install 'mmwsss[openmmlab]'"
    return sentence


def _has_lost_another(error: Exception) -> bool:
    """Say whether an error is of a process group that another process has left."""
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _LOST)


def _leave(sentence: str, lost: bool) -> bool:
    """Leave a sentence to the process that this one came from; False if none of ours did it."""
    folder = os.environ.get(_FOLDER)
    if not folder:
        return False
    name = os.environ.get('RANK', '0') + (_LOST_SUFFIX if lost else '')
    Path(folder, name).write_text(sentence, encoding='utf-8')
    return True


@contextmanager
def errors_left() -> Iterator[Path]:
    """Let processes that are started within the block leave their errors in a folder.

    Yields:
        The folder, for `first_error`.
    """
    before = os.environ.get(_FOLDER)
    with tempfile.TemporaryDirectory(prefix='mmwsss-') as folder:
        os.environ[_FOLDER] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ[_FOLDER]
            else:
                os.environ[_FOLDER] = before


def first_error(folder: Path, lost: bool = False) -> str | None:
    """Return the sentence of the lowest rank, or None if no process left one.

    Args:
        folder: That of `errors_left`.
        lost: Of processes which only say that they have lost another one; without it, of those that
            say something else.
    """
    files = [path for path in folder.iterdir() if (path.suffix == _LOST_SUFFIX) == lost]
    files.sort(key=lambda path: int(path.stem))
    return files[0].read_text(encoding='utf-8') if files else None
