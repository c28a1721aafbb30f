"""The mean IoU of seeds against the background threshold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_STYLES = {'cam': '-', 'pacam': '--', 'sum': ':'}
# apart for colour-blind eyes too (Okabe and Ito), dark enough on white
_COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#000000')


def draw_threshold_curves(
    curves: Mapping[str, Mapping[str, Mapping[str, Any]]],
    size: tuple[float, float] = (8.0, 4.2),
    dpi: int = 110,
) -> np.ndarray:
    """Draw threshold curves; a run has a colour, a source a line style, the best point a dot.

    Args:
        curves: By run, then by source (``cam``, ``pacam``, ``sum``): ``thresholds`` in [0, 1],
            ``mIoU`` in percent, and ``best`` with ``threshold`` and ``mIoU``, as
            `mmwsss.evaluation.evaluate_seeds` gives them.
        size: Width and height in inches.
        dpi: Pixels an inch.

    Returns:
        ``(H, W, 3)`` uint8, RGB.

    Raises:
        ValueError: There is no curve.
    """
    if not any(curves.values()):
        raise ValueError('there is no threshold curve to draw')
    figure = Figure(figsize=size, dpi=dpi, layout='constrained')
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for index, (run, sources) in enumerate(curves.items()):
        for source, curve in sources.items():
            _draw_curve(axes, f'{run}, {source}', source, curve, _COLORS[index % len(_COLORS)])
    axes.set_xlabel('background threshold (score in [0, 1])')
    axes.set_ylabel('mean IoU of the seeds (%)')
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.grid(color='#dddddd', linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
    figure.legend(fontsize='small', frameon=False, loc='outside lower center', ncols=2)
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
