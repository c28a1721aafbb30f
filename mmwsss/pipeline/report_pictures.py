"""The report's pictures: which images are shown, and what the runs made of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.evaluation.seed_evaluation import BACKGROUND
from mmwsss.seeds.files import Seed, load_seed, resize_maps
from mmwsss.seeds.masks import load_mask, voc_palette
from mmwsss.structures import read_ids, read_image
from mmwsss.visualization import fit_image, overlay_heatmap, overlay_mask

from . import stages
from .report_html import Cell, render_grid
from .run import PipelineRun
from .stages.base import Stage
from .stages.images import build_images

_LONGEST_SIDE = 256  # of a picture, in pixels
_MAX_CLASSES = 3  # whose maps are shown of one image
_CANDIDATES = 5  # images looked at for one that is shown
_MAPS = {'cam': 'CAM', 'pacam': 'PACAM'}


@dataclass
class Images:
    """The images of a dataset.

    Attributes:
        infos: What the dataset knows of an image, by its id.
        classes: Names in the order of the labels in a mask, background first.
        palette: Their colours, ``(at least len(classes), 3)`` uint8.
    """

    infos: dict[str, dict[str, Any]]
    classes: tuple[str, ...]
    palette: np.ndarray


@dataclass
class _Maps:
    """What a run made of the training images.

    Attributes:
        name: Of the run.
        seeds: Folder of the seeds.
        sources: Which maps they have.
        thresholds: The best background threshold by source, where it is known.
        masks: Folder of the pseudo masks, if they are made.
        edges: Folder of the boundaries that a random walk saw, if there was one.
    """

    name: str
    seeds: Path
    sources: list[str]
    thresholds: dict[str, float]
    masks: Path | None
    edges: Path | None


def last_stage(run: PipelineRun, kind: type | tuple[type, ...]) -> Stage | None:
    """Return the last stage of a kind that has run, or None."""
    done = [run.workspace.stages[name] for name in run.records]
    found = [stage for stage in done if isinstance(stage, kind)]
    return found[-1] if found else None


def seed_scores(run: PipelineRun) -> Stage | None:
    """Return the last stage that judged the seeds of a network, not those after a walk."""
    done = [run.workspace.stages[name] for name in run.records]
    judges = [stage for stage in done if isinstance(stage, stages.EvaluateSeeds)]
    found = [
        stage
        for stage in judges
        if isinstance(run.workspace.stages[stage.seeds], stages.GenerateSeeds)
    ]
    return found[-1] if found else None


def read_images(dataset: Mapping[str, Any]) -> Images:
    """Read the list of images, the classes and the colours of a dataset's config."""
    built = build_images(dataset)
    infos = [built.get_data_info(index) for index in range(len(built))]
    names = foreground_classes(built.metainfo['classes'])
    colors = built.metainfo.get('palette') or []
    if len(colors) == len(names):  # the dataset has no background
        colors = [(0, 0, 0), *colors]
    palette = np.array(colors, dtype=np.uint8) if len(colors) > len(names) else voc_palette()
    return Images(
        {Path(info['img_path']).stem: info for info in infos}, (BACKGROUND, *names), palette
    )


def seed_images(runs: Sequence[PipelineRun]) -> Images | None:
    """Return the images that all runs with seeds have in common; None without seeds."""
    return _common_images(
        [
            read_images(run.workspace.config.seed_dataloader.dataset)
            for run in runs
            if last_stage(run, stages.GenerateSeeds)
        ]
    )


def prediction_images(runs: Sequence[PipelineRun]) -> Images | None:
    """Return the images that all tested runs were tested on; None without a test."""
    return _common_images([_test_images(run) for run in runs if _predictions(run)])


def choose_ids(
    ids: Collection[str], count: int, classes_of: Callable[[str], Collection[int]]
) -> list[str]:
    """Choose images evenly over the sorted list, with many different classes.

    The list is cut into `count` equal parts; of each, the image is taken that has most classes
    which are not shown yet, out of `_CANDIDATES` evenly spaced ones.

    Args:
        ids: Ids of all images, in any order.
        count: How many to choose at most.
        classes_of: Gives the classes of an image.

    Example:
        >>> choose_ids('abcdef', 2, lambda image_id: {'abcdef'.index(image_id) // 4})
        ['a', 'e']
    """
    ordered = sorted(ids)
    chosen: list[str] = []
    seen: set[int] = set()
    for part in np.array_split(np.arange(len(ordered)), min(count, len(ordered)) or 1):
        if not len(part):
            continue
        places = np.linspace(part[0], part[-1], min(_CANDIDATES, len(part))).round().astype(int)
        classes = {ordered[place]: set(classes_of(ordered[place])) for place in places}
        best = max(classes, key=lambda image_id: len(classes[image_id] - seen))
        seen |= classes[best]
        chosen.append(best)
    return chosen if count else []


def render_training_pictures(runs: Sequence[PipelineRun], images: Images, count: int) -> list[str]:
    """Return one grid of pictures per image: photograph, maps, pseudo masks, ground truth.

    Args:
        runs: The pipelines; those without seeds are left out.
        images: What `seed_images` gave.
        count: How many images at most.
    """
    truth, judged = _ground_truth(runs)
    ids = [image_id for image_id in images.infos if image_id in judged] or list(images.infos)
    chosen = choose_ids(ids, count, lambda image_id: _image_label(images.infos[image_id]))
    if not chosen:
        return []
    maps = [_open_maps(run, chosen[0]) for run in runs if last_stage(run, stages.GenerateSeeds)]
    return [_training_grid(image_id, images, maps, truth) for image_id in chosen]


def render_test_pictures(runs: Sequence[PipelineRun], images: Images, count: int) -> str:
    """Return one grid of pictures, a row per image: photograph, ground truth, predictions.

    Args:
        runs: The pipelines; those that are not tested are left out.
        images: What `prediction_images` gave.
        count: How many images at most.
    """

    def classes_of(image_id: str) -> set[int]:
        truth = _test_ground_truth(images.infos[image_id])
        return set() if truth is None else set(np.unique(truth).tolist())

    chosen = choose_ids(list(images.infos), count, classes_of)
    truths = {image_id: _test_ground_truth(images.infos[image_id]) for image_id in chosen}
    folders = {run.name: folder for run in runs if (folder := _predictions(run))}
    with_truth = any(truth is not None for truth in truths.values())
    heads = ['photograph', *(['ground truth'] if with_truth else []), *folders]
    cells = [Cell(caption=head, heads=True) for head in heads]
    for image_id, truth in truths.items():
        photo = _photograph(images.infos[image_id]['img_path'])
        cells.append(Cell(photo, image_id))
        if with_truth:
            cells.append(_mask_cell(photo, truth, images, 'ground truth'))
        for folder in folders.values():
            prediction = load_mask(folder / f'{image_id}.png')
            cells.append(_mask_cell(photo, prediction, images, 'prediction'))
    return render_grid(cells, len(heads)) if chosen else ''


def _training_grid(image_id: str, images: Images, maps: Sequence[_Maps], truth: Path | None) -> str:
    photo = _photograph(images.infos[image_id]['img_path'])
    seeds = [load_seed(run.seeds / f'{image_id}.npz') for run in maps]
    classes = _shown_classes(seeds)
    columns = 1 + sum(len(run.sources) for run in maps)
    cells = [Cell(heads=True, caption='image')]
    cells += [Cell(caption=run.name, columns=len(run.sources), heads=True) for run in maps]
    cells.append(Cell(photo, 'photograph', rows=max(1, len(classes))))
    if not classes:
        cells.append(Cell(caption='no class: no map', columns=columns - 1))
    for label in classes:
        for run, seed in zip(maps, seeds, strict=True):
            cells += [
                _map_cell(photo, seed, source, label, images.classes, run.thresholds.get(source))
                for source in run.sources
            ]
    cells += _edge_cells(image_id, photo, maps)
    cells += _mask_cells(image_id, photo, images, maps, truth)
    present = sorted({int(label) for seed in seeds for label in seed.classes})
    names = ', '.join(images.classes[label + 1] for label in present) or 'background only'
    left_out = f' ({len(classes)} of {len(present)} shown)' if len(classes) < len(present) else ''
    return render_grid(cells, columns, f'{image_id}: {names}{left_out}', _LONGEST_SIDE)


def _map_cell(
    photo: np.ndarray,
    seed: Seed,
    source: str,
    label: int,
    names: Sequence[str],
    threshold: float | None,
) -> Cell:
    places = np.flatnonzero(seed.classes == label)
    if not len(places) or source not in seed.sources:
        return Cell(caption=f'no {_MAPS[source]}, {names[label + 1]}')
    heatmap = resize_maps(seed.maps(source)[places], photo.shape[:2])[0].clip(0, 1)
    picture = overlay_heatmap(photo, heatmap, threshold)
    return Cell(picture, f'{_MAPS[source]}, {names[label + 1]}')


def _edge_cells(image_id: str, photo: np.ndarray, maps: Sequence[_Maps]) -> list[Cell]:
    """Return the row of boundaries, if a run has some."""
    if not any(run.edges for run in maps):
        return []
    cells = [Cell()]
    for run in maps:
        if run.edges:
            edge = load_mask(run.edges / f'{image_id}.png').astype(np.float32)[None] / 255
            picture = overlay_heatmap(photo, resize_maps(edge, photo.shape[:2])[0])
            cells.append(Cell(picture, 'boundaries'))
        else:
            cells.append(Cell())
        cells += [Cell() for _ in run.sources[1:]]
    return cells


def _mask_cells(
    image_id: str, photo: np.ndarray, images: Images, maps: Sequence[_Maps], truth: Path | None
) -> list[Cell]:
    """Return the row of masks, which has the ground truth below the photograph."""
    true_path = truth / f'{image_id}.png' if truth else None
    true_mask = load_mask(true_path) if true_path and true_path.is_file() else None
    if true_mask is None and not any(run.masks for run in maps):
        return []
    cells = [_mask_cell(photo, true_mask, images, 'ground truth')]
    for run in maps:
        mask = load_mask(run.masks / f'{image_id}.png') if run.masks else None
        cells.append(_mask_cell(photo, mask, images, 'pseudo mask'))
        cells += [Cell() for _ in run.sources[1:]]
    return cells


def _mask_cell(photo: np.ndarray, mask: np.ndarray | None, images: Images, caption: str) -> Cell:
    if mask is None:
        return Cell()
    height, width = photo.shape[:2]
    mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    return Cell(overlay_mask(photo, mask, images.palette), caption)


def _photograph(path: str) -> np.ndarray:
    """Read an image upright, in the size of the report."""
    return fit_image(read_image(path), _LONGEST_SIDE)


def _shown_classes(seeds: Sequence[Seed]) -> list[int]:
    """Return the classes whose maps are shown: of many, those with the largest CAM."""
    sizes: dict[int, float] = {}
    for seed in seeds:
        for label, cam in zip(seed.classes.tolist(), seed.cam, strict=True):
            sizes[label] = max(sizes.get(label, 0.0), float(cam.mean()))
    return sorted(sorted(sizes, key=lambda label: (-sizes[label], label))[:_MAX_CLASSES])


def _open_maps(run: PipelineRun, image_id: str) -> _Maps:
    """Find the files of a run; an image tells which maps the seeds have."""
    generate, refine = last_stage(run, stages.GenerateSeeds), last_stage(run, stages.RefineSeeds)
    judge, walk = seed_scores(run), last_stage(run, stages.WalkSeeds)
    assert generate is not None
    folder = run.workspace.folder(generate.name) / 'seeds'
    curves = run.records[judge.name]['figures']['sources'] if judge else {}
    return _Maps(
        run.name,
        folder,
        [source for source in load_seed(folder / f'{image_id}.npz').sources if source in _MAPS],
        {source: curve['best']['threshold'] for source, curve in curves.items()},
        run.workspace.folder(refine.name) / 'masks' if refine else None,
        run.workspace.folder(walk.name) / 'edges' if walk else None,
    )


def _ground_truth(runs: Sequence[PipelineRun]) -> tuple[Path | None, set[str]]:
    """Return the folder of the training images' masks and the ids judged by it, if there is one."""
    for run in runs:
        stage = last_stage(run, (stages.EvaluateSeeds, stages.EvaluateMasks))
        if isinstance(stage, stages.EvaluateSeeds | stages.EvaluateMasks):
            return Path(stage.ground_truth), set(read_ids(stage.ids))
    return None, set()


def _image_label(info: Mapping[str, Any]) -> list[int]:
    return np.flatnonzero(info.get('gt_label', ())).tolist()


def _predictions(run: PipelineRun) -> Path | None:
    """Return the folder of a run's predictions, if it is tested."""
    stage = last_stage(run, stages.Test)
    folder = run.workspace.folder(stage.name) / 'predictions' if stage else None
    return folder if folder and folder.is_dir() else None


def _test_images(run: PipelineRun) -> Images:
    stage = last_stage(run, stages.Test)
    assert isinstance(stage, stages.Test)
    return read_images(stage.test_dataset(run.workspace))


def _test_ground_truth(info: Mapping[str, Any]) -> np.ndarray | None:
    """Read the ground truth of a test image, with the labels that the dataset makes of it."""
    path = info.get('seg_map_path')
    if not path or not Path(path).is_file():
        return None
    mask = load_mask(path)
    mapped = mask.copy()
    for old, new in (info.get('label_map') or {}).items():
        mapped[mask == old] = new
    return mapped


def _common_images(images: Sequence[Images]) -> Images | None:
    if not images:
        return None
    first, *others = images
    common = set(first.infos).intersection(*(other.infos for other in others))
    infos = {image_id: info for image_id, info in first.infos.items() if image_id in common}
    return Images(infos, first.classes, first.palette)
