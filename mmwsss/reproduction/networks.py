"""Trained networks of runs, and what they see one by one."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope

from mmwsss.models.weights import read_state_dict, refuse_partial_load
from mmwsss.pipeline.network import last_checkpoint
from mmwsss.pipeline.run import open_workspace
from mmwsss.registry import DATASETS, MODELS
from mmwsss.terminal import track

from .runs import RowRun

_IMAGES = 500  # ours: at most so many, evenly over the list


def open_network(run: RowRun) -> tuple[Any, Config]:
    """Return the trained network of the run's last stage, and its config.

    Raises:
        FileNotFoundError: It is not trained.
        ValueError: The stage trains none, or its file does not fill the network.
    """
    workspace = open_workspace(run.config, run.root)
    config = workspace.network_config(run.until)
    if config is None:
        raise ValueError(f'stage {run.until!r} of {run.config_name} trains no network')
    init_default_scope(config.get('default_scope', 'mmseg'))
    network = MODELS.build(config.model)
    refuse_partial_load(network)
    state = read_state_dict(last_checkpoint(workspace.folder(run.until)))
    network.load_state_dict(state, strict=False)
    return network.to(get_device()).eval(), config


def labelled_val(config: Config) -> dict[str, Any]:
    """Return the config of the images that the segmentor is tested on, with their image labels."""
    return {**config.seed_dataloader.dataset, 'dataset': config.tested_on}


def batches(network: Any, dataset: Mapping[str, Any], most: int = _IMAGES) -> Iterator[dict]:
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


def image_label(batch: Mapping[str, Any]) -> torch.Tensor:
    """Return the image labels of a batch, ``(B, N)`` of 0 and 1."""
    return torch.stack([sample.gt_label.multi_hot for sample in batch['data_samples']])
