"""Writing files so that a run cut off at any moment leaves no half-written one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .resources import naming_full_disk


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` on success.

    The suffix is kept, because many writers choose the format by it. On an exception the temporary
    file is removed and `path` is as it was. The folder is made if it is missing.

    Args:
        path: Where the finished file belongs.

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
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
