"""Everything that this process and its children print, directed into a file."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

_OUT, _ERR = 1, 2  # the descriptors that every process prints to


@contextlib.contextmanager
def captured_output(file: IO[bytes]) -> Iterator[None]:
    """Direct standard output and error into a file, and back again however the block ends.

    It is done where the operating system sees it, at the file descriptors. So it holds for
    ``print`` and warnings, for loggers that got hold of ``sys.stdout`` long before, for C libraries
    and for child processes. It can be nested.

    Args:
        file: Open for writing; in append mode if several processes write to it.
    """
    flush_output()
    copies = [os.dup(descriptor) for descriptor in (_OUT, _ERR)]
    streams = sys.stdout, sys.stderr
    try:
        for descriptor in (_OUT, _ERR):
            os.dup2(file.fileno(), descriptor)
        # a notebook's or a test's `sys.stdout` goes elsewhere than to the descriptor
        sys.stdout, sys.stderr = _text_stream(_OUT), _text_stream(_ERR)
        yield
    finally:
        flush_output()
        sys.stdout, sys.stderr = streams
        for copy, descriptor in zip(copies, (_OUT, _ERR), strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)


def print_into(path: Path) -> None:
    """Let this process print into a file from now on.

    Args:
        path: File that the lines are added to.
    """
    flush_output()
    with path.open('ab') as file:
        for descriptor in (_OUT, _ERR):
            os.dup2(file.fileno(), descriptor)


@contextlib.contextmanager
def terminal_copy(stream: TextIO, descriptor: int) -> Iterator[TextIO]:
    """Give a stream that goes on to print where `stream` does now, whatever is captured later.

    Args:
        stream: ``sys.stdout`` or ``sys.stderr``.
        descriptor: 1 or 2; where `stream` usually prints to.

    Yields:
        A copy if it prints to the descriptor, else `stream` itself.
    """
    try:
        own = stream.fileno() == descriptor
    except (OSError, ValueError):  # no file at all
        own = False
    if not own:
        yield stream
        return
    stream.flush()
    copy = os.dup(descriptor)
    file = os.fdopen(copy, 'w', encoding=stream.encoding, errors='backslashreplace')
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):  # what a terminal did not take that is gone
            file.close()


def flush_output() -> None:
    """Write out what Python and the C library hold back, before the descriptors change."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None and not stream.closed:
            stream.flush()
    ctypes.CDLL(None).fflush(None)


def _text_stream(descriptor: int) -> TextIO:
    """Return a stream onto a descriptor that stays true when the descriptor changes.

    A logger that is made while output is captured keeps it, and must not lose its voice later.
    """
    return os.fdopen(
        descriptor,
        'w',
        buffering=1,  # line by line, in order with what others write there
        encoding='utf-8',
        errors='backslashreplace',
        closefd=False,
    )
