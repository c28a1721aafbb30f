"""The kinds of figures, and those that are drawn from figures of tables."""

import re
from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from mmwsss.visualization import draw_class_bars, draw_row_curves

from .embeddings import draw_alignment, draw_contrast, draw_gap
from .items import Item
from .pictures import draw_maps, draw_masks, draw_prototypes
from .runs import RowRun, State

Runs = Mapping[str, RowRun]
States = Mapping[str, State]
_TEST = 'test'  # stage


def draw_curve(item: Item, scale: str, runs: Runs, states: States) -> Figure:
    """Draw what was measured of each row against the number in its label."""
    columns = dict.fromkeys(c for row in item.rows.values() for c in row.measured.get(scale, ()))
    curves: dict[str, dict[float, float]] = {column: {} for column in columns}
    for label, state in states.items():
        for column, figure in item.rows[label].measured[scale].items():
            if figure in state.figures:
                curves[column][position(label)] = state.figures[figure]
    published = {
        position(label): row.published[0]
        for label, row in item.rows.items()
        if row.published and row.published[0] is not None
    }
    return draw_row_curves(curves, published, item.axis)


def draw_classes(item: Item, scale: str, runs: Runs, states: States) -> Figure:
    """Draw the IoU of each class on the images that segmentors are tested on."""
    values = {}
    for label, state in states.items():
        ious = state.done.records[_TEST]['figures']['IoU']
        values[label] = {name: iou for name, iou in ious.items() if iou is not None}
    return draw_class_bars(values)


def position(label: str) -> float:
    """Return the first number of a row's label.

    Raises:
        ValueError: It has none.

    Example:
        >>> position('tau_I = 0.03'), position('24 x 24 patches')
        (0.03, 24.0)
    """
    found = re.search(r'\d+(?:\.\d+)?', label)
    if found is None:
        raise ValueError(f'the label {label!r} has no number to draw it at')
    return float(found[0])


KINDS: dict[str, Callable[[Item, str, Runs, States], Figure]] = {
    'curve': draw_curve,
    'classes': draw_classes,
    'alignment': draw_alignment,
    'prototypes': draw_prototypes,
    'gap': draw_gap,
    'contrast': draw_contrast,
    'maps': draw_maps,
    'masks': draw_masks,
}
EMBEDDINGS = ('alignment', 'gap', 'contrast')  # kinds that need scikit-learn
