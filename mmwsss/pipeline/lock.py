"""One run at a time in a folder."""

import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mmwsss.structures import remove_temporary
from mmwsss.terminal import show

from .batch import launched_rank
from .workspace import read_record, write_record

LOCK = '.lock'
HOLDER = '.lock.json'


@contextmanager
def locked(folder: Path, cure: str = 'choose another --work-dir') -> Iterator[None]:
    """Hold a folder's lock within the block, and clear what writers that were killed have left.

    The system frees the lock of a process that has died, however it died, so none is ever stale;
    what the holder says of itself is overwritten by the next one.

    Args:
        folder: Of a run; made if it is missing.
        cure: What else to do than wait, for the message.

    Raises:
        BlockingIOError: Another run holds it; the message says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise BlockingIOError(
            f'{folder}: another run works here, {_holder(folder)}: wait until it has ended, end '
            f'it, or {cure}'
        ) from error
    except NotImplementedError:
        show(f'note: the disk of {folder} has no locks: start no second run there')
        yield
        return
    try:
        remove_temporary(folder)
        write_record(
            folder / HOLDER,
            {
                'process': os.getpid(),
                'host': platform.node(),
                'since': time.strftime('%Y-%m-%d %H:%M:%S'),
                'command': shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            },
        )
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


@contextmanager
def locked_output(folder: str | os.PathLike[str], launcher: str = 'none') -> Iterator[None]:
    """Hold the lock of a folder that a command alone writes to.

    Args:
        folder: The folder; made if it is missing.
        launcher: What has started this process as one of several, of which the first holds it.

    Raises:
        BlockingIOError: Another command holds it; the message says which.
    """
    if launched_rank(launcher):
        yield
        return
    with locked(Path(folder), 'choose another folder to write to'):
        yield


def _holder(folder: Path) -> str:
    record = read_record(folder / HOLDER)
    if not record:
        return 'one that has just begun'
    return (
        f'process {record.get("process")} on {record.get("host")} since {record.get("since")} '
        f'(`{record.get("command")}`)'
    )
