"""Where the context prototypes of CPAL light up in a few images (CPAL Figure 5 a)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device

from mmwsss.pipeline import stages
from mmwsss.pipeline.network import last_checkpoint, load_network
from mmwsss.pipeline.report_pictures import choose_ids, read_images
from mmwsss.pipeline.run import PipelineRun
from mmwsss.registry import DATASETS

from .thumbnails import map_layer, photograph

_IMAGES = 6
_PROTOTYPES = 5  # of an image, those with the largest weights
_SIDE = 160


def prototype_rows(runs: Sequence[PipelineRun]) -> list[dict[str, Any]]:
    """Return a row per image: the photograph, and layers of the weightiest prototypes.

    Args:
        runs: Those whose network has no context prototypes are left out.
    """
    rows: list[dict[str, Any]] = []
    for run in runs:
        found = _trained_plug_in(run)
        if found:
            rows += _rows_of(run.name, *found)
    return rows


def _trained_plug_in(run: PipelineRun) -> tuple[Config, Path] | None:
    """Return the config and the checkpoint of the network with a plug-in, or None."""
    for name in run.records:
        stage = run.workspace.stages[name]
        if not isinstance(stage, stages.Train):
            continue
        folder = run.workspace.folder(name)
        config = stage.network_config(run.workspace)
        has_plug_in = bool(config.get('model', {}).get('prototype_head'))
        if has_plug_in and (folder / 'last_checkpoint').is_file():
            return config, last_checkpoint(folder)
    return None


def _rows_of(name: str, config: Config, checkpoint: Path) -> list[dict[str, Any]]:
    network: Any = load_network(config.model, checkpoint).to(get_device()).eval()
    if not hasattr(network.prototype_head, 'explain'):  # not every plug-in says what it saw
        return []
    images = read_images(config.seed_dataloader.dataset)
    ids = list(images.infos)
    labels = {key: np.flatnonzero(info['gt_label']).tolist() for key, info in images.infos.items()}
    chosen = choose_ids(ids, _IMAGES, lambda image_id: labels[image_id])
    places = [ids.index(image_id) for image_id in chosen]
    dataset = DATASETS.build({**config.seed_dataloader.dataset, 'indices': places})
    rows = []
    for place, image_id in enumerate(chosen):
        found = _explain(network, dataset[place])
        if not len(found.class_index):
            continue
        photo, size = photograph(images.infos[image_id]['img_path'], _SIDE)
        pair = int(found.maps.mean(dim=(1, 2, 3)).argmax())
        title = f'{image_id}: {images.classes[int(found.class_index[pair]) + 1]}'
        layers = _layers(found.weight[pair].cpu(), found.maps[pair].cpu().float(), size)
        rows.append({'run': name, 'title': title, 'photo': photo, 'size': size, 'layers': layers})
    return rows


@torch.no_grad()
def _explain(network: Any, item: dict[str, Any]) -> Any:
    """Return what the plug-in says of the first view of an image."""
    if isinstance(item['inputs'], list):  # several views
        item = {key: views[0] for key, views in item.items()}
    batch = network.data_preprocessor(pseudo_collate([item]), False)
    output = network.compute_cam(batch['inputs'], batch['data_samples'])
    label = torch.stack([sample.gt_label.multi_hot for sample in batch['data_samples']])
    return network.prototype_head.explain(output, label)


def _layers(
    weight: torch.Tensor, maps: torch.Tensor, size: tuple[int, int]
) -> list[dict[str, str]]:
    """Return the weighted sum of ``(P, h, w)`` and its largest terms, each divided by its maximum.

    Args:
        weight: ``(P,)``, sums to 1.
        maps: Of the prototypes.
        size: ``(H, W)`` of the photograph.
    """
    shown, order = weight.sort(descending=True)
    kept = [place for place, value in zip(order, shown, strict=True) if value > 0][:_PROTOTYPES]
    named = [('all, weighted', (weight[:, None, None] * maps).sum(dim=0))]
    named += [(f'weight {float(weight[place]):.2f}', maps[place]) for place in kept]
    return [
        {'name': text, 'src': map_layer((one / one.max().clamp(min=1e-12)).numpy(), size)}
        for text, one in named
    ]
