"""Figures of papers: curves over rows, bars by class, embeddings, grids of pictures."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmwsss.structures.files import atomic_path

_MARKERS = 'os^Dvp*hX<>'
_DPI = 150
_CELL = 1.7  # inches, of a picture's side
_LEGEND_COLUMNS = 8
# apart for colour-blind eyes too (Okabe and Ito), dark enough on white
_COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#000000')


@dataclass(frozen=True)
class Embedding:
    """Points of a plane, in the colours of their classes.

    Attributes:
        title: Of the panel.
        points: ``(n, 2)``.
        classes: Class of each point, ``(n,)`` in ``[0, number of names)``.
        marks: Points that are drawn larger, as prototypes are, by what they are: ``(m, 2)`` and
            their classes ``(m,)``.
        links: Whether the first marks of a class are joined with the second, and so on.
    """

    title: str
    points: np.ndarray
    classes: np.ndarray
    marks: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    links: bool = False


def save_figure(figure: Figure, stem: str | os.PathLike[str]) -> list[Path]:
    """Write a figure as ``<stem>.svg`` and ``<stem>.png``; the same figure gives the same bytes.

    Returns:
        The paths.
    """
    paths = []
    with matplotlib.rc_context({'svg.hashsalt': 'mmwsss'}):
        for kind, metadata in (('svg', {'Date': None}), ('png', {'Software': None})):
            path = Path(f'{os.fspath(stem)}.{kind}')
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata, dpi=_DPI)
            paths.append(path)
    return paths


def draw_row_curves(
    curves: Mapping[str, Mapping[float, float]],
    published: Mapping[float, float],
    axis: str,
    size: tuple[float, float] = (6.0, 3.8),
) -> Figure:
    """Draw what was measured against what the rows differ in, and the published points.

    Args:
        curves: By what it is of: position -> mean IoU in percent. They are drawn in this order.
        published: Position -> mean IoU in percent.
        axis: What the rows differ in. Where it spans a factor of 20, its scale is logarithmic.
        size: Width and height in inches.

    Raises:
        ValueError: There is no point.
    """
    if not any(curves.values()) and not published:
        raise ValueError('there is no point to draw')
    figure, axes = _new_axes(size, _DPI)
    for index, (name, points) in enumerate(curves.items()):
        if points:
            places = sorted(points)
            values = [points[place] for place in places]
            color = _COLORS[index % len(_COLORS)]
            axes.plot(places, values, '-', marker=_MARKERS[index], color=color, label=name)
    if published:
        axes.plot(
            list(published),
            list(published.values()),
            '*',
            markersize=11,
            color='#000000',
            markerfacecolor='none',
            label='published (VOC)',
        )
    places = sorted({place for points in (*curves.values(), published) for place in points})
    if places[0] > 0 and places[-1] / places[0] >= 20:
        axes.set_xscale('log')
    axes.set_xticks(places, [f'{place:g}' for place in places])
    axes.minorticks_off()
    axes.set_xlabel(axis)
    axes.set_ylabel('mean IoU (%)')
    figure.legend(fontsize='small', frameon=False, loc='outside lower center', ncols=2)
    return figure


def draw_class_bars(
    values: Mapping[str, Mapping[str, float]], size: tuple[float, float] = (9.0, 3.8)
) -> Figure:
    """Draw the IoU of each class, a group of bars per class and a bar per row.

    Args:
        values: By row, then by class: IoU in percent; a class without a number has no bar.
        size: Width and height in inches.

    Raises:
        ValueError: There is no class.
    """
    names = list(dict.fromkeys(name for row in values.values() for name in row))
    if not names:
        raise ValueError('there is no class to draw')
    figure, axes = _new_axes(size, _DPI)
    width = 0.8 / len(values)
    for index, (row, ious) in enumerate(values.items()):
        places = np.arange(len(names)) + (index - (len(values) - 1) / 2) * width
        heights = [ious.get(name, math.nan) for name in names]
        color = _COLORS[index % len(_COLORS)]
        mean = np.nanmean(heights)
        axes.bar(places, heights, width, color=color, label=f'{row}: mean {mean:.1f}')
    axes.grid(visible=False, axis='x')
    axes.set_xticks(range(len(names)), names, rotation=45, ha='right')
    axes.set_ylabel('IoU (%)')
    axes.set_ylim(0, 100)
    figure.legend(fontsize='small', frameon=False, loc='outside upper center', ncols=len(values))
    return figure


def draw_embeddings(panels: Sequence[Embedding], names: Sequence[str], side: float = 4.2) -> Figure:
    """Draw embeddings side by side; every class has one colour in all of them.

    Args:
        panels: At least one.
        names: Of the classes.
        side: Of a panel, in inches.

    Raises:
        ValueError: There is no panel.
    """
    if not panels:
        raise ValueError('there is no embedding to draw')
    figure = Figure(figsize=(side * len(panels), side + 0.9), dpi=_DPI, layout='constrained')
    FigureCanvasAgg(figure)
    colors = _class_colors(len(names))
    shown: set[int] = set()
    for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        _draw_embedding(axes, panel, colors)
        shown |= set(np.asarray(panel.classes).tolist())
    kinds = dict.fromkeys(kind for panel in panels for kind in panel.marks)
    handles = [
        axes.plot([], [], 'o', markersize=4, color=colors[index], label=names[index])[0]
        for index in sorted(shown)
    ]
    handles += [
        axes.plot([], [], _MARK_OF[place], color='#888888', markeredgecolor='black', label=kind)[0]
        for place, kind in enumerate(kinds)
    ]
    figure.legend(
        handles=handles,
        fontsize='x-small',
        frameon=False,
        loc='outside lower center',
        ncols=min(_LEGEND_COLUMNS, len(handles)),
    )
    return figure


def draw_pictures(
    rows: Sequence[Sequence[np.ndarray | None]],
    heads: Sequence[str],
    captions: Sequence[str] = (),
    notes: Sequence[Sequence[str]] = (),
    side: float = _CELL,
) -> Figure:
    """Lay pictures out in a grid.

    Args:
        rows: Of pictures ``(H, W, 3)`` uint8, or None for an empty place.
        heads: Of the columns.
        captions: Of the rows; none by default.
        notes: Under the pictures, row by row; none by default.
        side: Of a place, in inches.

    Raises:
        ValueError: There is no picture.
    """
    if not any(picture is not None for row in rows for picture in row):
        raise ValueError('there is no picture to lay out')
    figure = Figure(
        figsize=(side * len(heads) + 0.4, side * len(rows) + 0.4), dpi=_DPI, layout='constrained'
    )
    FigureCanvasAgg(figure)
    places = figure.subplots(len(rows), len(heads), squeeze=False)
    for number, (line, pictures) in enumerate(zip(places, rows, strict=True)):
        for column, (axes, picture) in enumerate(zip(line, pictures, strict=True)):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if picture is not None:
                axes.imshow(picture)
            if not number:
                axes.set_title(heads[column], fontsize='small')
            if notes:
                axes.set_xlabel(notes[number][column], fontsize='x-small')
        if captions:
            line[0].set_ylabel(captions[number], fontsize='small')
    return figure


_MARK_OF = '*DPX'  # of the first kind of marks, the second, ...


def _draw_embedding(axes: Axes, panel: Embedding, colors: np.ndarray) -> None:
    classes = np.asarray(panel.classes)
    axes.scatter(
        panel.points[:, 0],
        panel.points[:, 1],
        s=14,
        color=colors[classes],
        linewidths=0,
        alpha=0.75,
    )
    kinds = list(panel.marks.values())
    if panel.links and len(kinds) > 1:
        (start, starts), (end, ends) = kinds[:2]
        for index in sorted(set(starts.tolist()) & set(ends.tolist())):
            line = np.stack([start[starts == index][0], end[ends == index][0]])
            axes.plot(*line.T, '-', color=colors[index], linewidth=0.8, zorder=2)
    for marker, (points, owners) in zip(_MARK_OF, kinds, strict=False):
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=45,
            marker=marker,
            color=colors[owners],
            edgecolors='black',
            linewidths=0.5,
            zorder=3,
        )
    axes.set_title(panel.title, fontsize='small')
    axes.set_xticks([])
    axes.set_yticks([])


def _class_colors(number: int) -> np.ndarray:
    """Return a colour per class, ``(number, 4)``: those of a map of twenty, then a circle."""
    if number <= 20:
        return np.asarray(matplotlib.colormaps['tab20'](np.arange(number)))
    return np.asarray(matplotlib.colormaps['hsv'](np.arange(number) / number))


def _new_axes(size: tuple[float, float], dpi: int) -> tuple[Figure, Axes]:
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
