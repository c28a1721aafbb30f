"""All images of a report: each judged, and as many shown as a page can hold."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmwsss.pipeline import stages
from mmwsss.pipeline.report_pictures import (
    Images,
    judged_ids,
    last_stage,
    prediction_folder,
    prediction_images,
    seed_images,
    seed_scores,
    shown_classes,
    test_ground_truth,
)
from mmwsss.pipeline.run import PipelineRun
from mmwsss.seeds.files import load_seed
from mmwsss.seeds.masks import load_mask
from mmwsss.seeds.processes import run_in_processes
from mmwsss.terminal import progress

from .judging import Judgement, count_areas, count_pairs, judge, judge_alone, usual_shares
from .thumbnails import SIDES, map_layer, mask_layer, photograph

TRAINING, TEST = 'training', 'test'
MAX_IMAGES = 2000  # shown; all are judged
_BYTES = 8_500_000  # of all images of a page, as JSON
_WORDS = 250  # of an image, beside its pictures
_SAMPLE = 24  # images that tell how large the others will be
_CHUNK = 16  # images handed to a process at a time
_WORTH_PROCESSES = 1000  # images; fewer are done before a process has started
_MAPS = {'cam': 'CAM', 'pacam': 'PACAM'}


@dataclass(frozen=True)
class RunFiles:
    """What one run has made of the images of a set.

    Attributes:
        name: Of the run, for what lies over its pictures.
        masks: Folder of masks, or None.
        seeds: Folder of seeds, or None.
        thresholds: Best background threshold by source of seeds, where it is known.
        edges: Folder of the boundaries that a random walk saw, or None.
        corrected: Folder of masks that a person has corrected, which has some or is not there.
    """

    name: str
    masks: Path | None
    seeds: Path | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    edges: Path | None = None
    corrected: Path | None = None


@dataclass(frozen=True)
class ImageSet:
    """Images that runs have in common.

    Attributes:
        kind: `TRAINING` or `TEST`.
        images: With classes and colours.
        runs: What each run has made of them; the last one with masks is judged.
        truth: Folder of the ground truth of training images, or None.
        judged: Ids of the training images that have one.
    """

    kind: str
    images: Images
    runs: list[RunFiles]
    truth: Path | None = None
    judged: frozenset[str] = frozenset()

    @property
    def ids(self) -> list[str]:
        """Return the ids, sorted."""
        return sorted(self.images.infos)

    def labels(self, image_id: str) -> list[int]:
        """Return the labels that the image label names."""
        given = self.images.infos[image_id].get('gt_label', ())
        return (np.flatnonzero(given) + 1).tolist()

    def ground_truth(self, image_id: str) -> np.ndarray | None:
        """Read the ground truth of an image, ``(H, W)``, or None."""
        if self.kind == TEST:
            return test_ground_truth(self.images.infos[image_id])
        if self.truth is None or image_id not in self.judged:
            return None
        return load_mask(self.truth / f'{image_id}.png')


@dataclass
class Judged:
    """What was found in all images of a set.

    Attributes:
        judgements: By id, of the last run with masks.
        pairs: By run: pixels by true and predicted label, summed over the images with ground truth.
        areas: By id: pixels by label, of the last run with masks.
        found: By id: labels to filter by, of image label, mask and ground truth.
        by_truth: Ids of those that were judged by ground truth.
    """

    judgements: dict[str, Judgement] = field(default_factory=dict)
    pairs: dict[str, np.ndarray] = field(default_factory=dict)
    areas: dict[str, np.ndarray] = field(default_factory=dict)
    found: dict[str, list[int]] = field(default_factory=dict)
    by_truth: set[str] = field(default_factory=set)


def training_set(runs: Sequence[PipelineRun]) -> ImageSet | None:
    """Return the training images that all runs with seeds have in common; None without any."""
    images = seed_images(runs)
    if images is None or not images.infos:
        return None
    truth, judged = judged_ids(runs)
    seeded = [run for run in runs if last_stage(run, stages.GenerateSeeds)]
    return ImageSet(TRAINING, images, [_training_files(run) for run in seeded], truth, judged)


def test_set(runs: Sequence[PipelineRun]) -> ImageSet | None:
    """Return the images that all tested runs were tested on; None without any."""
    images = prediction_images(runs)
    if images is None or not images.infos:
        return None
    folders = {run.name: folder for run in runs if (folder := prediction_folder(run))}
    return ImageSet(TEST, images, [RunFiles(name, folder) for name, folder in folders.items()])


def _training_files(run: PipelineRun) -> RunFiles:
    generate = last_stage(run, stages.GenerateSeeds)
    assert generate is not None
    refine, walk = last_stage(run, stages.RefineSeeds), last_stage(run, stages.WalkSeeds)
    judge_stage = seed_scores(run)
    curves = run.records[judge_stage.name]['figures']['sources'] if judge_stage else {}
    return RunFiles(
        run.name,
        run.workspace.folder(refine.name) / 'masks' if refine else None,
        run.workspace.folder(generate.name) / 'seeds',
        {source: curve['best']['threshold'] for source, curve in curves.items()},
        run.workspace.folder(walk.name) / 'edges' if walk else None,
        run.workspace.corrected(refine.name) if refine else None,
    )


def judge_images(image_set: ImageSet, processes: int) -> Judged:
    """Judge every image of a set: by ground truth where there is one, else by its label.

    Args:
        image_set: The images.
        processes: That share many images.

    Raises:
        FileNotFoundError: A mask is missing.
    """
    judged = Judged()
    count = len(image_set.images.classes)
    for image_id, pairs, areas, found in _in_chunks(
        partial(_look_at, image_set), image_set.ids, processes, 'judge'
    ):
        judged.found[image_id] = found
        for name, one in pairs.items():
            judged.pairs[name] = judged.pairs.get(name, 0) + _dense(one, count)
        if areas is not None:
            judged.areas[image_id] = areas
        if pairs:
            *_, last = pairs.values()
            judged.by_truth.add(image_id)
            judged.judgements[image_id] = judge(_dense(last, count), image_set.images.classes)
    usual = usual_shares(list(judged.areas.values()), count)
    for image_id, areas in judged.areas.items():
        if image_id not in judged.judgements:
            labels = image_set.labels(image_id)
            judged.judgements[image_id] = judge_alone(
                areas, labels, usual, image_set.images.classes
            )
    return judged


def _look_at(
    image_set: ImageSet, image_id: str
) -> tuple[str, dict[str, tuple], np.ndarray | None, list[int]]:
    """Return pairs by run, areas, and the classes of an image."""
    count = len(image_set.images.classes)
    truth = image_set.ground_truth(image_id)
    masks = {
        run.name: load_mask(run.masks / f'{image_id}.png') for run in image_set.runs if run.masks
    }
    shown = [count_areas(mask, count) for mask in masks.values()]
    areas = shown[-1] if shown else None
    if truth is not None:
        shown.append(count_areas(truth, count))
    found = set(image_set.labels(image_id)).union(
        *((np.flatnonzero(counts[1:count]) + 1).tolist() for counts in shown)
    )
    pairs = {}
    if truth is not None:
        for name, mask in masks.items():
            pairs[name] = _sparse(count_pairs(truth, mask, count))
    return image_id, pairs, areas, sorted(found)


def _sparse(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places and counts: between processes a matrix of 81 classes is long."""
    flat = pairs.ravel()
    places = np.flatnonzero(flat)
    return places, flat[places]


def _dense(sparse: tuple[np.ndarray, np.ndarray], count: int) -> np.ndarray:
    flat = np.zeros(count**2, dtype=np.int64)
    flat[sparse[0]] = sparse[1]
    return flat.reshape(count, count)


def choose_shown(image_set: ImageSet, judged: Judged, limit: int) -> list[str]:
    """Choose the images that a page shows: all, or worst, best and a spread of the others.

    Args:
        image_set: The images.
        judged: What was found in them.
        limit: How many at most.

    Returns:
        Ids, sorted.
    """
    ids = image_set.ids
    if len(ids) <= limit:
        return ids
    ranked = sorted(
        (image_id for image_id in ids if image_id in judged.judgements),
        key=lambda image_id: (_rank(judged.judgements[image_id]), image_id),
    )
    worst, best = ranked[: limit // 3], ranked[len(ranked) - limit // 6 :]
    chosen = dict.fromkeys([*worst, *best])
    others = [image_id for image_id in ids if image_id not in chosen]
    places = np.linspace(0, len(others) - 1, limit - len(chosen)).round().astype(int)
    return sorted({*chosen, *(others[place] for place in places)})


def _rank(judgement: Judgement) -> float:
    return float('inf') if judgement.score is None else judgement.score


def draw_images(
    sets: Mapping[str, tuple[ImageSet, Judged]], limit: int, processes: int
) -> list[dict[str, Any]]:
    """Return what the page shows of images, as JSON; pictures become smaller the more there are.

    Args:
        sets: Images and what was found in them, by kind.
        limit: How many images at most, of all sets together.
        processes: That share many images.
    """
    chosen = _choose_all(sets, limit)
    if not chosen:
        return []
    side, fitting = _choose_side(chosen)
    if fitting < len(chosen):
        chosen = _choose_all(sets, fitting)
    drawn: dict[tuple[str, str], dict[str, Any]] = {}
    for image_set, judged in sets.values():
        ids = [image_id for owner, image_id in chosen if owner is image_set]
        draw = partial(_draw_image, image_set, side)
        for image_id, entry in _in_chunks(draw, ids, processes, 'draw'):
            drawn[image_set.kind, image_id] = entry | _describe(image_id, image_set, judged)
    return [drawn[image_set.kind, image_id] for image_set, image_id in chosen]


def _describe(image_id: str, image_set: ImageSet, judged: Judged) -> dict[str, Any]:
    judgement = judged.judgements.get(image_id)
    described: dict[str, Any] = {
        'id': image_id,
        'set': image_set.kind,
        'classes': judged.found[image_id],
        'label': image_set.labels(image_id),
    }
    if judgement is not None:
        score = None if judgement.score is None else round(judgement.score, 1)
        described |= {
            'score': score,
            'measure': 'IoU' if image_id in judged.by_truth else 'usual size',
            'kind': judgement.kind,
            'why': judgement.why,
        }
    return described


def _choose_all(
    sets: Mapping[str, tuple[ImageSet, Judged]], limit: int
) -> list[tuple[ImageSet, str]]:
    """Choose from every set as many images as its size asks for."""
    total = sum(len(image_set.ids) for image_set, _ in sets.values())
    chosen = []
    for image_set, judged in sets.values():
        share = limit * len(image_set.ids) // max(total, limit, 1) if total > limit else limit
        chosen += [(image_set, i) for i in choose_shown(image_set, judged, share)]
    return chosen


def _choose_side(chosen: Sequence[tuple[ImageSet, str]]) -> tuple[int, int]:
    """Return the largest side at which all pictures together stay small enough.

    Returns:
        The side, and how many images a page can hold at that side.
    """
    places = np.linspace(0, len(chosen) - 1, min(_SAMPLE, len(chosen))).round().astype(int)
    for side in SIDES:
        drawn = [_draw_image(chosen[place][0], side, chosen[place][1])[1] for place in places]
        fitting = int(_BYTES / np.mean([_length(entry) for entry in drawn]))
        if fitting >= len(chosen):
            break
    return side, fitting


def _length(entry: Mapping[str, Any]) -> int:
    return len(json.dumps(entry)) + _WORDS


def _draw_image(image_set: ImageSet, side: int, image_id: str) -> tuple[str, dict[str, Any]]:
    """Return a photograph and the layers over it."""
    photo, size = photograph(image_set.images.infos[image_id]['img_path'], side)
    palette, layers = image_set.images.palette, []
    several = len(image_set.runs) > 1
    for run in image_set.runs:
        owner = run.name if several else ''
        layers += _seed_layers(run, image_id, size, image_set.images.classes, owner)
        if run.masks:
            what = 'prediction' if image_set.kind == TEST else 'pseudo mask'
            mask = load_mask(run.masks / f'{image_id}.png')
            layers.append({'name': what, 'run': owner, 'src': mask_layer(mask, size, palette)})
        if run.corrected and (better := run.corrected / f'{image_id}.png').is_file():
            source = mask_layer(load_mask(better), size, palette)
            layers.append({'name': 'corrected mask', 'run': owner, 'src': source})
    truth = image_set.ground_truth(image_id)
    if truth is not None:
        layers.append({'name': 'ground truth', 'run': '', 'src': mask_layer(truth, size, palette)})
    return image_id, {'photo': photo, 'size': size, 'layers': layers}


def _seed_layers(
    run: RunFiles, image_id: str, size: tuple[int, int], classes: Sequence[str], owner: str
) -> list[dict[str, Any]]:
    """Return the maps of the largest classes of a seed, and the boundaries."""
    if run.seeds is None:
        return []
    seed = load_seed(run.seeds / f'{image_id}.npz')
    layers = []
    for label in shown_classes([seed]):
        place = seed.classes.tolist().index(label)
        for source in (source for source in seed.sources if source in _MAPS):
            heatmap = seed.maps(source)[place]
            layers.append(
                {
                    'name': f'{_MAPS[source]}, {classes[label + 1]}',
                    'run': owner,
                    'src': map_layer(heatmap, size, run.thresholds.get(source)),
                    'label': label + 1,
                }
            )
    if run.edges:
        edges = load_mask(run.edges / f'{image_id}.png').astype(np.float32) / 255
        layers.append({'name': 'boundaries', 'run': owner, 'src': map_layer(edges, size)})
    return layers


def _in_chunks(function: Any, ids: Sequence[str], processes: int, what: str) -> Iterable[Any]:
    """Yield what a function returns of each image, in no order, with a progress bar."""
    chunks = [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
    processes = processes if len(ids) >= _WORTH_PROCESSES else 1
    with progress(what, len(ids)) as bar:
        for results in run_in_processes(partial(_of_chunk, function), chunks, processes):
            bar.update(len(results))
            yield from results


def _of_chunk(function: Any, ids: Sequence[str]) -> list[Any]:
    return [function(image_id) for image_id in ids]
