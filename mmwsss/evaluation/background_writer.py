"""Files written while the next image is computed."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

AHEAD = 8  # ours: images that wait to be written; memory does not grow with their number


class BackgroundWriter:
    """Calls functions one after the other, in a thread of their own."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future] = deque()

    def submit(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call later; wait where already `AHEAD` calls do.

        Raises:
            Exception: What a call before has raised.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1)
        while len(self._pending) >= AHEAD or (self._pending and self._pending[0].done()):
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(function, *arguments))

    def wait(self) -> None:
        """Return when all is done.

        Raises:
            Exception: What a call has raised.
        """
        while self._pending:
            self._pending.popleft().result()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
