"""How far long work has come: whoever works tells a bar, whoever listens draws it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

from tqdm import tqdm

Item = TypeVar('Item', covariant=True)

INTERVAL = 0.1  # seconds between two drawings of a bar


class Bar:
    """How far one piece of work has come.

    Args:
        total: How much there is to do.
        unit: What is counted: ``image``, ``step``, ...
        initial: How much of it was done before.
        draw: Called with the bar when it has moved, not oftener than every `INTERVAL` seconds; and
            at its end.

    Attributes:
        done: How much has been done, with what was done before.
        begin: When the bar was opened, on the monotonic clock.
        phase: Where in the work it is, such as ``epoch 2/5``.
        note: A figure, such as ``loss 0.42``.
    """

    def __init__(
        self, total: int, unit: str, initial: int, draw: Callable[['Bar'], None] | None
    ) -> None:
        self.total, self.unit, self.initial, self.done = total, unit, initial, initial
        self.begin = time.monotonic()
        self.phase = self.note = ''
        self._draw = draw
        self._drawn = 0.0

    def update(self, number: int = 1) -> None:
        """Say that so much more has been done."""
        self.move(self.done + number, self.phase, self.note)

    def move(self, done: int, phase: str = '', note: str = '') -> None:
        """Say how much has been done in all, and where and with what the work is."""
        self.done, self.phase, self.note = done, phase, note
        due = time.monotonic() - self._drawn >= INTERVAL or done >= self.total
        if self._draw and due:
            self.draw()

    def draw(self) -> None:
        """Draw now."""
        self._drawn = time.monotonic()
        if self._draw:
            self._draw(self)


class Listener(Protocol):
    """Who draws bars: gets what a bar is of, its total, unit and beginning; gives the bar."""

    def __call__(
        self, what: str, total: int, unit: str, initial: int
    ) -> AbstractContextManager[Bar]:
        """Open a bar."""


class SizedItems(Protocol[Item]):
    """What can be gone through and says how much it is: a list, a data loader."""

    def __iter__(self) -> Iterator[Item]:
        """Go through."""

    def __len__(self) -> int:
        """Say how much it is."""


_listeners: list[Listener] = []  # the last one hears; of the process, as its terminal is


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let somebody draw the bars that are opened within the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def reporting() -> bool:
    """Say whether somebody listens."""
    return bool(_listeners)


def progress(
    what: str, total: int, unit: str = 'image', initial: int = 0
) -> AbstractContextManager[Bar]:
    """Open a bar: that of whoever listens, else tqdm's.

    Args:
        what: In a word what is done.
        total: How much there is to do.
        unit: What is counted: ``image``, ``step``, ...
        initial: How much of it was done before.
    """
    return (_listeners[-1] if _listeners else _tqdm_bar)(what, total, unit, initial)


def track(what: str, items: SizedItems[Item], unit: str) -> Iterator[Item]:
    """Go through items; tell how far one is if somebody listens, and be silent if not.

    Args:
        what: In a word what is done.
        items: To go through; their number is asked for only if somebody listens.
        unit: What they are.

    Yields:
        The items.

    Example:
        >>> list(track('count', 'ab', 'letter'))
        ['a', 'b']
    """
    if not reporting():
        yield from items
        return
    with progress(what, len(items), unit) as bar:
        for item in items:
            yield item
            bar.update()


@contextmanager
def _tqdm_bar(what: str, total: int, unit: str, initial: int) -> Iterator[Bar]:
    with tqdm(desc=what, total=total, unit=unit, initial=initial) as drawn:
        bar = Bar(total, unit, initial, lambda bar: _move_tqdm(drawn, bar))
        yield bar
        bar.draw()


def _move_tqdm(drawn: tqdm, bar: Bar) -> None:
    drawn.update(bar.done - drawn.n)
