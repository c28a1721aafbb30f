"""Which images runs have in common, and what the runs made of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.evaluation.seed_evaluation import BACKGROUND
from mmwsss.seeds.files import Seed
from mmwsss.seeds.masks import load_mask, voc_palette
from mmwsss.structures import read_ids, read_image
from mmwsss.visualization import fit_image

from . import stages
from .run import PipelineRun
from .stages.base import Stage
from .stages.images import build_images

_LONGEST_SIDE = 256  # of a picture, in pixels
_MAX_CLASSES = 3  # whose maps are shown of one image
_CANDIDATES = 5  # images looked at for one that is shown


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
    return Images({info['img_id']: info for info in infos}, (BACKGROUND, *names), palette)


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
    return _common_images([_test_images(run) for run in runs if prediction_folder(run)])


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


def read_photograph(path: str) -> np.ndarray:
    """Read an image upright, in the size of the report."""
    return fit_image(read_image(path, _LONGEST_SIDE), _LONGEST_SIDE)


def shown_classes(seeds: Sequence[Seed]) -> list[int]:
    """Return the classes whose maps are shown: of many, those with the largest CAM."""
    sizes: dict[int, float] = {}
    for seed in seeds:
        for label, cam in zip(seed.classes.tolist(), seed.cam, strict=True):
            sizes[label] = max(sizes.get(label, 0.0), float(cam.mean()))
    return sorted(sorted(sizes, key=lambda label: (-sizes[label], label))[:_MAX_CLASSES])


def judged_ids(runs: Sequence[PipelineRun]) -> tuple[Path | None, frozenset[str]]:
    """Return the folder of the training images' masks and the ids judged by it, if there is one."""
    for run in runs:
        stage = last_stage(run, (stages.EvaluateSeeds, stages.EvaluateMasks))
        if isinstance(stage, stages.EvaluateSeeds | stages.EvaluateMasks):
            return Path(stage.ground_truth), frozenset(read_ids(stage.ids))
    return None, frozenset()


def prediction_folder(run: PipelineRun) -> Path | None:
    """Return the folder of a run's predictions, if it is tested."""
    stage = last_stage(run, stages.Test)
    folder = run.workspace.folder(stage.name) / 'predictions' if stage else None
    return folder if folder and folder.is_dir() else None


def _test_images(run: PipelineRun) -> Images:
    stage = last_stage(run, stages.Test)
    assert isinstance(stage, stages.Test)
    return read_images(stage.test_dataset(run.workspace))


def test_ground_truth(info: Mapping[str, Any]) -> np.ndarray | None:
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
