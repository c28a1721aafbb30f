"""Writing files so that a run cut off at any moment leaves no half-written one."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .resources import naming_full_disk

_TEMPORARY = re.compile(r'\..*\.(?P<process>\d+)\.tmp(\..*)?')  # the names of `atomic_path`


@contextmanager
def atomic_path(path: str | os.PathLike[str], durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` on success.

    The suffix is kept, because many writers choose the format by it. On an exception the temporary
    file is removed and `path` is as it was. The folder is made if it is missing.

    Args:
        path: Where the finished file belongs.
        durable: Do not rename before the content is on the disk: after a power cut the file could
            else be there and empty. For files whose being there says that something is done.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> target = Path(folder.name) / 'a' / 'figures.txt'
        >>> with atomic_path(target) as temporary:
        ...     _ = temporary.write_text('1')
        >>> target.read_text(), len(list(target.parent.iterdir()))
        ('1', 1)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.stem}.{os.getpid()}.tmp{path.suffix}')
    try:
        with naming_full_disk(path.parent):
            yield temporary
        if durable:
            _flush(temporary)
        temporary.replace(path)
        if durable:
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def flush_folder(folder: str | os.PathLike[str]) -> None:
    """Wait until all files of a folder and of those below are on the disk.

    Args:
        folder: The folder.
    """
    for path in (Path(folder), *Path(folder).rglob('*')):
        if path.is_file() or path.is_dir():
            _flush(path)


def remove_temporary(folder: str | os.PathLike[str]) -> None:
    """Remove what writers that were killed have left.

    Args:
        folder: The folder; those below it, too.
    """
    for path in Path(folder).rglob('.*'):
        name = _TEMPORARY.fullmatch(path.name)
        if name and not _is_running(int(name['process'])):
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """Say whether there is a process of that number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _flush(path: Path) -> None:
    """Write a file, or the names of a folder's files, to the disk, as far as the system can."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(descriptor)
