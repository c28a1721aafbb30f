"""Figures with photographs: maps, segmentations, and where prototypes light up."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from mmwsss.pipeline import GenerateSeeds, PipelineRun, Test
from mmwsss.pipeline.explaining import light_up
from mmwsss.pipeline.report_pictures import (
    Images,
    choose_ids,
    last_stage,
    read_images,
    read_photograph,
    shown_classes,
)
from mmwsss.seeds import load_mask, load_seed
from mmwsss.seeds.files import resize_maps
from mmwsss.visualization import draw_pictures, overlay_heatmap, overlay_mask

from .items import Item
from .networks import open_network
from .runs import RowRun, State

_ROWS = 6  # pictures of a column
_PROTOTYPES = 5  # context prototypes shown of an image
_TEST = 'test'  # stage


def draw_maps(
    item: Item, scale: str, runs: Mapping[str, RowRun], states: Mapping[str, State]
) -> Figure:
    """Draw maps of several runs over the same photographs, a column per row of the item."""
    folders = {label: _seed_folder(state.done) for label, state in states.items()}
    first = next(iter(runs.values()))
    images = read_images(first.config.seed_dataloader.dataset)
    common = [
        image_id
        for image_id in images.infos
        if all((folder / f'{image_id}.npz').is_file() for folder in folders.values())
    ]
    chosen = choose_ids(common, _ROWS, lambda image_id: _labels(images, image_id))
    rows, captions = [], []
    for image_id in chosen:
        photo = read_photograph(images.infos[image_id]['img_path'])
        seeds = {label: load_seed(folder / f'{image_id}.npz') for label, folder in folders.items()}
        classes = shown_classes(list(seeds.values()))
        if not classes:
            continue
        captions.append(images.classes[classes[0] + 1])
        rows.append([photo])
        for label, seed in seeds.items():
            source = item.rows[label].source
            place = int(np.flatnonzero(seed.classes == classes[0])[0])
            heatmap = resize_maps(seed.maps(source)[place][None], photo.shape[:2])[0]
            rows[-1].append(overlay_heatmap(photo, heatmap.clip(0, 1)))
    return draw_pictures(rows, ['photograph', *folders], captions)


def draw_masks(
    item: Item, scale: str, runs: Mapping[str, RowRun], states: Mapping[str, State]
) -> Figure:
    """Draw what segmentors predict of the same photographs, a column per row of the item."""
    workspaces = {label: state.done.workspace for label, state in states.items()}
    folders = {label: work.folder(_TEST) / 'predictions' for label, work in workspaces.items()}
    first = next(iter(workspaces.values()))
    stage = first.stages[_TEST]
    assert isinstance(stage, Test)
    images = read_images(stage.test_dataset(first))
    truths = {image_id: load_mask(info['seg_map_path']) for image_id, info in images.infos.items()}
    chosen = choose_ids(
        list(images.infos), _ROWS, lambda image_id: np.unique(truths[image_id]).tolist()
    )
    rows = []
    for image_id in chosen:
        photo = read_photograph(images.infos[image_id]['img_path'])
        masks = [truths[image_id], *(load_mask(f / f'{image_id}.png') for f in folders.values())]
        rows.append([photo, *(_over(photo, mask, images.palette) for mask in masks)])
    return draw_pictures(rows, ['photograph', 'ground truth', *folders])


def draw_prototypes(
    item: Item, scale: str, runs: Mapping[str, RowRun], states: Mapping[str, State]
) -> Figure:
    """Draw where the weightiest context prototypes of an image light up (CPAL Figure 5 a)."""
    (run,) = runs.values()
    network, config = open_network(run)
    dataset = config.seed_dataloader.dataset
    images = read_images(dataset)
    rows, captions, notes = [], [], []
    for light in light_up(network, dataset, images, _ROWS, _PROTOTYPES):
        photo = read_photograph(images.infos[light.image_id]['img_path'])
        captions.append(images.classes[light.class_index + 1])
        pictures = [photo, *(_heat(photo, one) for one in [light.total, *light.maps])]
        rows.append([*pictures, *[None] * (2 + _PROTOTYPES - len(pictures))])
        shares = [f'weight {share:.2f}' for share in light.weights]
        notes.append(['', '', *shares, *[''] * (_PROTOTYPES - len(shares))])
    heads = ['photograph', 'all, weighted', *(f'prototype {n}' for n in range(1, _PROTOTYPES + 1))]
    return draw_pictures(rows, heads, captions, notes)


def _heat(photo: np.ndarray, heatmap: np.ndarray) -> np.ndarray:
    """Lay a map over a photograph."""
    return overlay_heatmap(photo, resize_maps(heatmap[None], photo.shape[:2])[0].clip(0, 1))


def _over(photo: np.ndarray, mask: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Lay a mask over a photograph that was shrunk."""
    height, width = photo.shape[:2]
    resized = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    return overlay_mask(photo, resized, palette)


def _seed_folder(run: PipelineRun) -> Path:
    stage = last_stage(run, GenerateSeeds)
    assert stage is not None  # an item of maps runs until the seeds
    return run.workspace.folder(stage.name) / 'seeds'


def _labels(images: Images, image_id: str) -> list[int]:
    return np.flatnonzero(images.infos[image_id].get('gt_label', ())).tolist()
