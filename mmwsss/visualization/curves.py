"""Curves: the mean IoU of seeds against the background threshold, the KL of a fit against time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_STYLES = {'cam': '-', 'pacam': '--', 'sum': ':'}
# apart for colour-blind eyes too (Okabe and Ito), dark enough on white
COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#000000')


def draw_threshold_curves(
    curves: Mapping[str, Mapping[str, Mapping[str, Any]]],
    size: tuple[float, float] = (8.0, 4.2),
    dpi: int = 110,
) -> np.ndarray:
    """Draw threshold curves: a colour per run, a line style per source, a dot at the best point.

    Args:
        curves: By run, then by source (``cam``, ``pacam``, ``sum``): ``thresholds`` in [0, 1],
            ``mIoU`` in percent, and ``best`` with ``threshold`` and ``mIoU``, as
            `mmwsss.evaluation.evaluate_seeds` gives them.
        size: Width and height in inches.
        dpi: Pixels per inch.

    Returns:
        ``(H, W, 3)`` uint8, RGB.

    Raises:
        ValueError: There is no curve.
    """
    if not any(curves.values()):
        raise ValueError('there is no threshold curve to draw')
    figure, axes = new_axes(size, dpi)
    for index, (run, sources) in enumerate(curves.items()):
        for source, curve in sources.items():
            _draw_curve(axes, f'{run}, {source}', source, curve, COLORS[index % len(COLORS)])
    axes.set_xlabel('background threshold (score in [0, 1])')
    axes.set_ylabel('mean IoU of the seeds (%)')
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    return _picture(figure)


def draw_kl_curves(
    curves: Mapping[str, Sequence[float]],
    size: tuple[float, float] = (8.0, 4.2),
    dpi: int = 110,
) -> np.ndarray:
    """Draw the KL of fits of vision prototypes (VPL); a run has a colour, its end a dot.

    Both axes are logarithmic: the KL rises and falls within the first few of thousands of
    iterations. The first value stands at 1.

    Args:
        curves: By run: mean KL in nats, at least one value, as `VisionPrototypes.curve` or ``kl``
            of a ``kl_curve.json``.
        size: Width and height in inches.
        dpi: Pixels per inch.

    Returns:
        ``(H, W, 3)`` uint8, RGB.

    Raises:
        ValueError: There is no curve, or an empty one.
    """
    if not curves or not all(len(values) for values in curves.values()):
        raise ValueError('there is no KL curve to draw, or one without a value')
    figure, axes = new_axes(size, dpi)
    for index, (run, values) in enumerate(curves.items()):
        color = COLORS[index % len(COLORS)]
        label = f'{run}: {values[0]:.3g}, at most {max(values):.3g}, in the end {values[-1]:.3g}'
        axes.loglog(range(1, len(values) + 1), values, color=color, label=label)
        axes.plot([len(values)], [values[-1]], 'o', color=color, clip_on=False, zorder=3)
    axes.set_xlabel('evaluation of the KL')
    axes.set_ylabel('mean KL of text and vision (nats)')
    return _picture(figure)


def new_axes(size: tuple[float, float], dpi: int) -> tuple[Figure, Axes]:
    """Return a figure with one plain pair of axes.

    Args:
        size: Width and height in inches.
        dpi: Pixels per inch.
    """
    figure = Figure(figsize=size, dpi=dpi, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.grid(color='#dddddd', linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
    return figure, axes


def _picture(figure: Figure) -> np.ndarray:
    figure.legend(fontsize='small', frameon=False, loc='outside lower center', ncols=2)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_curve(axes: Axes, label: str, source: str, curve: Mapping[str, Any], color: str) -> None:
    best = curve['best']
    axes.plot(
        curve['thresholds'],
        curve['mIoU'],
        _STYLES.get(source, '-.'),
        color=color,
        label=f'{label}: {best["mIoU"]:.2f} at {best["threshold"]:.2f}',
    )
    axes.plot([best['threshold']], [best['mIoU']], 'o', color=color, clip_on=False, zorder=3)
