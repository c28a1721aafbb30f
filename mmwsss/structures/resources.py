"""Errors of a machine that has run out of disk or memory, said with the place and the cure."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_FULL = (errno.ENOSPC, errno.EDQUOT)
_OUT_OF_MEMORY = (
    "can't allocate memory",
    'not enough memory',
    'Insufficient memory',
    'bad_alloc',
    'out of memory',
)


@contextmanager
def naming_full_disk(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the error of a full disk within the block into one that says where.

    Args:
        folder: That is written to.

    Raises:
        OSError: The disk, or the user's share of it, is full.
    """
    try:
        yield
    except Exception as error:
        code = _full_disk_code(error)
        if code is None:
            raise
        free = shutil.disk_usage(folder).free / 1e6
        raise OSError(
            code,
            f'the disk of {folder} is full ({free:.0f} MB are free): make room, or work in a '
            'folder on another disk, and run again; what is finished is kept',
        ) from error


def _full_disk_code(error: BaseException | None) -> int | None:
    """Return the number of the first error of a full disk among an error and its causes."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return error.errno
        error = error.__cause__ or error.__context__
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error is of memory that could not be had, on a CPU or a GPU.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError('shapes differ'))
        (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _OUT_OF_MEMORY)
