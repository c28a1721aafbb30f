"""Mean IoU of seeds (every background threshold) and of masks, over files.

IoU is in percent and accumulated over the data set; the mean is over the classes that appear.
"""

import copy
import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from mmseg.evaluation import IoUMetric
from mmseg.utils import get_classes
from prettytable import PrettyTable
from torch import Tensor

from mmwsss.functional.threshold_sweep import (
    default_thresholds,
    iou_curve,
    new_histogram,
    update_histogram,
)
from mmwsss.seeds.files import SOURCES, Seed, load_seed
from mmwsss.seeds.masks import IGNORE_INDEX, load_mask
from mmwsss.seeds.processes import run_in_processes
from mmwsss.seeds.thresholds import Threshold
from mmwsss.structures import check_choice, check_option
from mmwsss.terminal import progress

BACKGROUND = 'background'
MANY_IMAGES = 2000  # from here on several processes are worth their start
_CHUNK = 32  # images
NOTHING_LABELLED = 'the ground truth of these images has no labelled pixel'

Result = TypeVar('Result')


class SeedSweep:
    """Threshold curves of seeds, summed over images: one histogram per source.

    Args:
        classes: Names of the foreground classes.
        sources: Which maps to judge; those that the seeds do not have are left out.
        thresholds: Background thresholds, ascending; 0.00, 0.01, ..., 1.00 when None.
        ignore_index: Pixels of the ground truth that do not count.

    Raises:
        ValueError: A source is unknown, or a threshold is not in [0, 1].
    """

    def __init__(
        self,
        classes: Sequence[str],
        sources: Sequence[str] = SOURCES,
        thresholds: Sequence[float] | None = None,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        if not sources:
            raise ValueError(f'sources is empty; choose some of {", ".join(SOURCES)}')
        for source in sources:
            check_choice('a source', source, SOURCES)
        self.classes = tuple(classes)
        self.sources = tuple(sources)
        self.ignore_index = ignore_index
        self.thresholds = default_thresholds()
        if thresholds is not None:
            for threshold in thresholds:
                check_option('a threshold', threshold, Threshold)
            self.thresholds = torch.tensor(thresholds, dtype=torch.float32)
        self.images = 0
        self.histograms: dict[str, Tensor] = {}

    def add(self, seed: Seed, gt: np.ndarray) -> None:
        """Count one image.

        Args:
            seed: The seed of the image.
            gt: Its ground truth, ``(H, W)`` uint8.

        Raises:
            ValueError: Seed and ground truth do not fit each other, the classes, or the seeds
                before.
        """
        if gt.shape != seed.size:
            raise ValueError(f'the seed is of an image of {seed.size}, the ground truth {gt.shape}')
        if len(seed.classes) and seed.classes[-1] >= len(self.classes):
            raise ValueError(f'the seed has class {seed.classes[-1]} of {len(self.classes)}')
        present = [source for source in self.sources if source in seed.sources]
        if self.images and present != list(self.histograms):
            raise ValueError(
                f'the seed has {present}, but the ones before have {list(self.histograms)}: '
                'seeds of two models are mixed'
            )
        for source in present:
            if source not in self.histograms:
                self.histograms[source] = new_histogram(len(self.classes), len(self.thresholds))
            update_histogram(
                self.histograms[source],
                torch.from_numpy(seed.full_size(source)),
                torch.from_numpy(seed.classes).long(),
                torch.from_numpy(gt),
                self.thresholds,
                self.ignore_index,
            )
        self.images += 1

    def merge(self, other: 'SeedSweep') -> None:
        """Add the counts of another process.

        Raises:
            ValueError: Its seeds have other sources.
        """
        if self.images and other.images and set(self.histograms) != set(other.histograms):
            raise ValueError(
                f'some seeds have {sorted(self.histograms)}, others {sorted(other.histograms)}: '
                'seeds of two models are mixed'
            )
        for source, histogram in other.histograms.items():
            mine = self.histograms.get(source)
            self.histograms[source] = histogram if mine is None else mine + histogram
        self.images += other.images

    def results(self) -> dict[str, dict[str, Any]]:
        """Return the curve and the best point of every source that was seen.

        Returns:
            ``{source: {'thresholds': [...], 'mIoU': [...], 'best': {'threshold', 'mIoU', 'IoU',
            'at_border'}}}``. ``IoU`` maps a class name to its value, None for a class that
            appears nowhere. Of equally good thresholds the lowest is best.
        """
        return {source: self._curve(self.histograms[source]) for source in self.histograms}

    def _curve(self, histogram: Tensor) -> dict[str, Any]:
        if not histogram.any():
            raise ValueError(NOTHING_LABELLED)
        iou = 100 * iou_curve(histogram)  # (T, N + 1)
        mean = iou.nanmean(dim=1)
        best = int(mean.argmax())
        thresholds = [round(float(threshold), 6) for threshold in self.thresholds]
        return {
            'thresholds': thresholds,
            'mIoU': mean.tolist(),
            'best': {
                'threshold': thresholds[best],
                'mIoU': float(mean[best]),
                'IoU': _named(self.classes, iou[best].tolist()),
                'at_border': best in (0, len(thresholds) - 1),
            },
        }


def evaluate_seeds(
    seed_dir: str | os.PathLike[str],
    mask_dir: str | os.PathLike[str],
    ids: Sequence[str],
    classes: Sequence[str],
    sources: Sequence[str] = SOURCES,
    split: str | None = None,
    thresholds: Sequence[float] | None = None,
    ignore_index: int = IGNORE_INDEX,
    processes: int = 1,
) -> dict[str, Any]:
    """Judge ``<seed_dir>/<id>.npz`` by ``<mask_dir>/<id>.png`` at every background threshold.

    Args:
        seed_dir: Folder of seeds.
        mask_dir: Folder of ground-truth masks.
        ids: Ids of the images that are judged; each needs a seed and a mask.
        classes: Names of the foreground classes.
        sources: Which maps; those that the seeds do not have are left out.
        split: Name of the images; the best threshold was chosen on it.
        thresholds: Ascending; 0.00, 0.01, ..., 1.00 when None.
        ignore_index: Pixels of the ground truth that do not count.
        processes: Used for many images alone: few are counted before a process has started.

    Returns:
        ``{'split', 'images', 'sources'}``, the last as in `SeedSweep.results`.

    Raises:
        FileNotFoundError: A seed or a mask is missing.
        ValueError: There is nothing to judge, or a file does not fit.
    """
    empty = SeedSweep(classes, sources, thresholds, ignore_index)
    work = partial(_sweep_images, empty=empty, seed_dir=Path(seed_dir), mask_dir=Path(mask_dir))
    sweep = copy.deepcopy(empty)
    for part in _in_chunks(work, ids, processes):
        try:
            sweep.merge(part)
        except ValueError as error:
            raise ValueError(f'{seed_dir}: {error}') from error
    if not sweep.histograms:
        raise ValueError(f'the seeds of {seed_dir} have none of the sources {tuple(sources)}')
    return {'split': split, 'images': sweep.images, 'sources': sweep.results()}


def evaluate_masks(
    pred_dir: str | os.PathLike[str],
    mask_dir: str | os.PathLike[str],
    ids: Sequence[str],
    classes: Sequence[str],
    ignore_index: int = IGNORE_INDEX,
    processes: int = 1,
) -> dict[str, Any]:
    """Judge ``<pred_dir>/<id>.png`` by ``<mask_dir>/<id>.png``.

    Args:
        pred_dir: Folder of pseudo masks; their ignored pixels count as background.
        mask_dir: Folder of ground-truth masks.
        ids: Ids of the images that are judged; each needs two masks.
        classes: Names of the foreground classes.
        ignore_index: Pixels of the ground truth that do not count.
        processes: How many processes share the images.

    Returns:
        ``{'images', 'mIoU', 'IoU'}``, the last by class name, None for a class that appears
        nowhere.

    Raises:
        FileNotFoundError: A mask is missing.
        ValueError: There is nothing to judge, or a mask does not fit.
    """
    work = partial(
        _count_areas,
        pred_dir=Path(pred_dir),
        mask_dir=Path(mask_dir),
        num_classes=len(classes),
        ignore_index=ignore_index,
    )
    areas = torch.stack(list(_in_chunks(work, ids, processes))).sum(dim=0)
    if not areas.any():
        raise ValueError(NOTHING_LABELLED)
    iou = 100 * IoUMetric.total_area_to_metrics(*areas)['IoU']
    return {
        'images': len(ids),
        'mIoU': float(np.nanmean(iou)),
        'IoU': _named(classes, iou.tolist()),
    }


def class_names(spec: Sequence[str]) -> tuple[str, ...]:
    """Return the names of foreground classes that a command line asks for.

    Args:
        spec: ``['voc']``, one JSON file with a list of names, or the names.

    Raises:
        FileNotFoundError: There is no such JSON file.
        ValueError: The file is no list of names.

    Example:
        >>> class_names(['voc'])[0], len(class_names(['voc'])), class_names(['cat', 'dog'])
        ('aeroplane', 20, ('cat', 'dog'))
    """
    if list(spec) == ['voc']:
        return tuple(get_classes('voc')[1:])  # without background
    if len(spec) > 1 or not spec[0].endswith('.json'):
        return tuple(spec)
    path = Path(spec[0])
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing; it should hold a JSON list of class names')
    try:
        names = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is no JSON: {error}') from error
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise ValueError(f'{path} must hold a list of class names (without background)')
    return tuple(names)


def format_evaluation(evaluation: dict[str, Any]) -> str:
    """Return what `evaluate_seeds` found as a table for people."""
    bests = {source: curve['best'] for source, curve in evaluation['sources'].items()}
    table = PrettyTable(['', *bests], align='r')
    table.align[''] = 'l'
    table.add_row(['mIoU', *(f'{best["mIoU"]:.2f}' for best in bests.values())], divider=False)
    thresholds = [f'{best["threshold"]:g}' for best in bests.values()]
    table.add_row(['best threshold', *thresholds], divider=True)
    for name in next(iter(bests.values()))['IoU']:
        values = [best['IoU'][name] for best in bests.values()]
        table.add_row([name, *('-' if value is None else f'{value:.2f}' for value in values)])
    lines = [
        str(table),
        f'{evaluation["images"]} images; best thresholds chosen on {evaluation["split"] or "them"}',
    ]
    lines += [
        f'{source}: the best threshold lies at the border of the sweep'
        for source, best in bests.items()
        if best['at_border']
    ]
    return '\n'.join(lines)


def _in_chunks(
    function: Callable[[Sequence[str]], Result], ids: Sequence[str], processes: int
) -> Iterator[Result]:
    """Apply a function to a few images at a time, with a progress bar."""
    if not ids:
        raise ValueError('there is no image to evaluate')
    chunks = [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
    processes = processes if len(ids) >= MANY_IMAGES else 1
    with progress('evaluate', len(ids)) as bar:
        for count, result in run_in_processes(partial(_counted, function), chunks, processes):
            bar.update(count)
            yield result


def _counted(
    function: Callable[[Sequence[str]], Result], chunk: Sequence[str]
) -> tuple[int, Result]:
    return len(chunk), function(chunk)


def _sweep_images(
    ids: Sequence[str], empty: SeedSweep, seed_dir: Path, mask_dir: Path
) -> SeedSweep:
    sweep = copy.deepcopy(empty)
    for image_id in ids:
        path = seed_dir / f'{image_id}.npz'
        seed, gt = load_seed(path), load_mask(mask_dir / f'{image_id}.png')
        try:
            sweep.add(seed, gt)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
    return sweep


def _count_areas(
    ids: Sequence[str], pred_dir: Path, mask_dir: Path, num_classes: int, ignore_index: int
) -> Tensor:
    """Sum mmseg's four areas of every class, ``(4, N + 1)``."""
    # double: float32 stops counting at 2^24 pixels, about ninety images
    areas = torch.zeros(4, num_classes + 1, dtype=torch.double)
    for image_id in ids:
        name = f'{image_id}.png'
        pred, gt = load_mask(pred_dir / name), load_mask(mask_dir / name)
        _check_mask_pair(pred_dir / name, pred, gt, num_classes, ignore_index)
        pred = np.where(pred == ignore_index, 0, pred)
        areas += torch.stack(
            IoUMetric.intersect_and_union(
                torch.from_numpy(pred), torch.from_numpy(gt), num_classes + 1, ignore_index
            )
        )
    return areas


def _named(classes: Sequence[str], iou: list[float]) -> dict[str, float | None]:
    """Name the values, background first; NaN, which JSON does not know, becomes None."""
    names = (BACKGROUND, *classes)
    return {n: None if np.isnan(v) else v for n, v in zip(names, iou, strict=True)}


def _check_mask_pair(
    path: Path, pred: np.ndarray, gt: np.ndarray, num_classes: int, ignore_index: int
) -> None:
    if pred.shape != gt.shape:
        raise ValueError(f'{path} is {pred.shape}, its ground truth {gt.shape}')
    for name, mask in (('it', pred), ('its ground truth', gt)):
        label = mask[mask != ignore_index].max(initial=0)
        if label > num_classes:
            raise ValueError(
                f'{path}: {name} has label {label}, but there are {num_classes} classes'
            )
