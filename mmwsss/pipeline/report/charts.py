"""Curves as SVG that a page draws in its own colours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 40
_MAX_POINTS = 400
_TICKS = 6


@dataclass(frozen=True)
class Series:
    """A curve.

    Attributes:
        name: For the legend.
        x: Ascending.
        y: As many.
        color: Which of the page's colours.
        dashes: CSS dashes, empty for a full line.
        mark: A point that is marked, or None.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: int = 0
    dashes: str = ''
    mark: tuple[float, float] | None = None


@dataclass
class Chart:
    """What the template draws; all places are in the units of the SVG.

    Attributes:
        title: Above the chart, and for those who do not see it.
        x_label: Of the axis.
        y_label: Of the axis.
        x_ticks: Place and text.
        y_ticks: Place and text.
        lines: Curves with ``points``, ``name``, ``color``, ``dashes``, ``mark``.
        rules: Vertical lines, place and text.
    """

    title: str
    x_label: str
    y_label: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[dict]
    rules: list[tuple[float, str]] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def draw_chart(
    title: str,
    x_label: str,
    y_label: str,
    series: Sequence[Series],
    rules: Sequence[tuple[float, str]] = (),
    log: bool = False,
    from_zero: bool = True,
) -> Chart | None:
    """Lay curves out; None without a point.

    Args:
        title: What the curves are of.
        x_label: Of the axis.
        y_label: Of the axis.
        series: The curves; points that are not finite are left out.
        rules: Vertical lines at an x, with a text each.
        log: Both axes are logarithmic; points at or below 0 are left out.
        from_zero: The vertical axis begins at 0, where it is not logarithmic.
    """
    curves = [(one, *_points(one, log)) for one in series]
    curves = [curve for curve in curves if len(curve[1])]
    if not curves:
        return None
    x_all = np.concatenate([x for _, x, _ in curves] + [np.array([x for x, _ in rules])])
    y_all = np.concatenate([y for _, _, y in curves])
    x_axis = _Axis(x_all.min(), x_all.max(), _LEFT, WIDTH - _RIGHT, log)
    low = 0.0 if from_zero and not log else y_all.min()
    y_axis = _Axis(low, y_all.max(), HEIGHT - _BOTTOM, _TOP, log)
    lines = [
        {
            'name': one.name,
            'color': one.color,
            'dashes': one.dashes,
            'points': ' '.join(
                f'{x_axis.place(a):.1f},{y_axis.place(b):.1f}' for a, b in zip(x, y, strict=True)
            ),
            'mark': one.mark and (x_axis.place(one.mark[0]), y_axis.place(one.mark[1])),
        }
        for one, x, y in curves
    ]
    placed = [(x_axis.place(x), text) for x, text in rules]
    return Chart(title, x_label, y_label, x_axis.ticks(), y_axis.ticks(), lines, placed)


def _points(series: Series, log: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return what can be drawn, at most `_MAX_POINTS` means of neighbours."""
    x, y = np.asarray(series.x, np.float64), np.asarray(series.y, np.float64)
    shown = np.isfinite(x) & np.isfinite(y)
    if log:
        shown &= (x > 0) & (y > 0)
    x, y = x[shown], y[shown]
    if len(x) > _MAX_POINTS:
        x, y = (
            np.array([part.mean() for part in np.array_split(values, _MAX_POINTS)])
            for values in (x, y)
        )
    return x, y


class _Axis:
    """From values to places, with ticks at round values."""

    def __init__(self, low: float, high: float, start: int, end: int, log: bool) -> None:
        if not high > low:  # a single value
            low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
        locator = LogLocator(numticks=_TICKS) if log else MaxNLocator(_TICKS)
        values = locator.tick_values(low, high)
        self.low, self.high = (low, high) if log else (min(low, values[0]), max(high, values[-1]))
        if not log and low >= 0:
            self.low = max(self.low, 0.0)
        self.start, self.end, self.log = start, end, log
        self._values = [v for v in values if self.low <= v <= self.high]

    def place(self, value: float) -> float:
        """Return where a value stands."""
        low, high = (math.log(v) if self.log else v for v in (self.low, self.high))
        at = math.log(value) if self.log else value
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Return places and texts."""
        return [(self.place(value), f'{value:g}') for value in self._values]
