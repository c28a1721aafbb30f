"""Choosing the thresholds of ir_labels, where a method publishes none, by the ground truth."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from prettytable import PrettyTable

from mmwsss.seeds.crf import IRN_CRF, DenseCRF, is_on_gpu
from mmwsss.seeds.files import Source, load_seed
from mmwsss.seeds.masks import IGNORE_INDEX, load_mask
from mmwsss.seeds.processes import run_in_processes
from mmwsss.seeds.refine import RefineItem, RefineSettings, check_inputs, refine_seed_by
from mmwsss.structures import read_image
from mmwsss.terminal import progress

CANDIDATES = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True)
class PrecisionCurve:
    """How often masks are right, by the background threshold that they were made with.

    Attributes:
        thresholds: Background scores, ascending.
        foreground: Share of the foreground pixels whose class is right, by threshold; NaN where
            there is none.
        background: The same for the background.
    """

    thresholds: tuple[float, ...]
    foreground: np.ndarray
    background: np.ndarray


def measure_precision(
    items: list[RefineItem],
    ground_truth: str | os.PathLike[str],
    source: Source = 'cam',
    crf: DenseCRF | None = IRN_CRF,
    thresholds: Sequence[float] = CANDIDATES,
    processes: int = 1,
) -> PrecisionCurve:
    """Refine seeds at every threshold and compare with the ground truth.

    Args:
        items: Images and their seeds.
        ground_truth: Folder of the masks, ``<id>.png``.
        source: ``cam``, ``pacam`` or ``sum``.
        crf: Settings; None: argmax alone.
        thresholds: Background scores, ascending.
        processes: 1 works in this process.

    Raises:
        FileNotFoundError: A seed, an image or a mask is missing.
        ValueError: Sizes do not fit.
    """
    check_inputs(items)
    settings = [RefineSettings(source, threshold, crf=crf) for threshold in thresholds]
    work = partial(_count, ground_truth=Path(ground_truth), settings=settings)
    counts = np.zeros((len(settings), 4), dtype=np.int64)
    with progress('thresholds', len(items)) as bar:
        for count in run_in_processes(work, items, processes, is_on_gpu(crf)):
            counts += count
            bar.update()
    with np.errstate(invalid='ignore'):
        foreground, background = counts[:, 0] / counts[:, 1], counts[:, 2] / counts[:, 3]
    return PrecisionCurve(tuple(thresholds), foreground, background)


def choose_evenly(ids: Sequence[str], number: int | None = None) -> list[str]:
    """Return some images of a list, evenly spread over it.

    Args:
        ids: Ids to choose from, in their order.
        number: How many; all when None, or where there are no more.

    Example:
        >>> choose_evenly(['a', 'b', 'c', 'd', 'e'], 2)
        ['a', 'c']
    """
    number = min(number or len(ids), len(ids))
    return [ids[index * len(ids) // number] for index in range(number)]


def format_curve(curve: PrecisionCurve) -> str:
    """Return a table with one row per threshold."""
    table = PrettyTable(['threshold', 'foreground precision', 'background precision'])
    rows = zip(curve.thresholds, curve.foreground, curve.background, strict=True)
    for threshold, foreground, background in rows:
        table.add_row([f'{threshold:.2f}', f'{foreground:.3f}', f'{background:.3f}'])
    return str(table)


def choose_thresholds(
    curve: PrecisionCurve, fg_precision: float, bg_precision: float
) -> tuple[float, float]:
    """Choose how sure ir_labels must be.

    Args:
        curve: Precision of the seeds at every background score.
        fg_precision: Wanted of the foreground: the lowest threshold that reaches it is chosen.
        bg_precision: Wanted of the background: the highest threshold that reaches it is chosen.

    Returns:
        Thresholds of foreground and background; the most precise one where none is precise enough,
        and never a background threshold above that of the foreground.

    Example:
        >>> curve = PrecisionCurve((0.1, 0.2, 0.3), np.array([0.5, 0.8, 0.9]),
        ...                        np.array([0.99, 0.98, 0.9]))
        >>> choose_thresholds(curve, fg_precision=0.75, bg_precision=0.985)
        (0.2, 0.1)
    """
    foreground, background = np.nan_to_num(curve.foreground), np.nan_to_num(curve.background)
    sure = np.flatnonzero(foreground >= fg_precision)
    fg = int(sure[0]) if len(sure) else int(foreground.argmax())
    sure = np.flatnonzero(background >= bg_precision)
    bg = int(sure[-1]) if len(sure) else int(background.argmax())
    return curve.thresholds[fg], curve.thresholds[min(fg, bg)]


def _count(item: RefineItem, ground_truth: Path, settings: Sequence[RefineSettings]) -> np.ndarray:
    """Count pixels by threshold: foreground right and in all, background right and in all."""
    truth = load_mask(ground_truth / f'{item.id}.png')
    image, seed = read_image(item.image_path), load_seed(item.seed_path)
    if truth.shape != seed.size:
        raise ValueError(f'{item.id}: the ground truth is {truth.shape}, the seed {seed.size}')
    rows = []
    for mask, _ in refine_seed_by(image, seed, settings):
        known = truth != IGNORE_INDEX
        right, found = known & (mask == truth), known & (mask != 0)
        ground = known & (mask == 0)
        rows.append([(right & found).sum(), found.sum(), (right & ground).sum(), ground.sum()])
    return np.array(rows, dtype=np.int64)
