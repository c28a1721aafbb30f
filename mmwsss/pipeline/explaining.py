"""Trained networks one image at a time, and what a plug-in says of its prototypes there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmwsss.registry import DATASETS
from mmwsss.terminal import track

from .report_pictures import Images, choose_ids

MOST = 500  # ours: images at most, evenly over the list
_TIE = 1e-4  # far below a weight that is shown


@dataclass(frozen=True)
class Light:
    """Where the context prototypes of a class light up in an image (CPAL Figure 5 a).

    Attributes:
        image_id: The image.
        class_index: Foreground class: of the image, the one with the strongest maps.
        total: All maps together, each by its weight, ``(h, w)`` in [0, 1], divided by the maximum.
        weights: What the weightiest prototypes have of it, ``(p,)``, descending; all sum to 1.
        maps: Of these, ``(p, h, w)`` in [0, 1], each divided by its maximum.
    """

    image_id: str
    class_index: int
    total: np.ndarray
    weights: list[float]
    maps: np.ndarray


def batches(network: Any, dataset: Mapping[str, Any], most: int = MOST) -> Iterator[dict]:
    """Yield preprocessed batches of one image, in its first view.

    Args:
        network: With a data preprocessor.
        dataset: Config of the images.
        most: Number of images at most; of more, evenly spaced ones.
    """
    built = DATASETS.build(dataset)
    number = min(most, len(built))
    places = np.linspace(0, len(built) - 1, number).round().astype(int)
    for place in track('images', places.tolist(), 'image'):
        item = built[place]
        if isinstance(item['inputs'], list):  # several views
            item = {key: views[0] for key, views in item.items()}
        with torch.no_grad():
            yield network.data_preprocessor(pseudo_collate([item]), False)


def image_label(batch: Mapping[str, Any]) -> Tensor:
    """Return the image labels of a batch, ``(B, N)`` of 0 and 1."""
    return torch.stack([sample.gt_label.multi_hot for sample in batch['data_samples']])


@torch.no_grad()
def explain(network: Any, batch: Mapping[str, Any]) -> Any:
    """Return what the plug-in says of a batch: an `Explanation` of its own."""
    output = network.compute_cam(batch['inputs'], batch['data_samples'])
    return network.prototype_head.explain(output, image_label(batch))


def light_up(
    network: Any, dataset: Mapping[str, Any], images: Images, number: int, prototypes: int
) -> Iterator[Light]:
    """Yield where prototypes light up, of images with many different classes.

    Args:
        network: Whose plug-in explains itself.
        dataset: Config of the images, with their labels.
        images: What `read_images` returns of them.
        number: Of images, at most; one whose classes have no prototypes is left out.
        prototypes: Shown of an image at most, those with the largest weights. Where one has all
            the weight, the others stand in the order of how much they light up.
    """
    labels = {
        name: np.flatnonzero(info['gt_label']).tolist() for name, info in images.infos.items()
    }
    chosen = choose_ids(list(labels), number, lambda image_id: labels[image_id])
    places = [list(labels).index(image_id) for image_id in chosen]
    for image_id, batch in zip(
        chosen, batches(network, {**dataset, 'indices': places}), strict=True
    ):
        found = explain(network, batch)
        if not len(found.class_index):
            continue
        pair = int(found.maps.mean(dim=(1, 2, 3)).argmax())
        weight, maps = found.weight[pair].float().cpu(), found.maps[pair].float().cpu()
        order = (weight + _TIE * maps.mean(dim=(1, 2))).argsort(descending=True)[:prototypes]
        order = order[(weight[order] > 0) | maps[order].amax(dim=(1, 2)).gt(0)]  # those that exist
        total = (weight[:, None, None] * maps).sum(dim=0)
        yield Light(
            image_id,
            int(found.class_index[pair]),
            _by_maximum(total),
            weight[order].tolist(),
            np.stack([_by_maximum(one) for one in maps[order]]),
        )


def _by_maximum(heatmap: Tensor) -> np.ndarray:
    return (heatmap / heatmap.max().clamp(min=torch.finfo(heatmap.dtype).tiny)).numpy().clip(0, 1)
