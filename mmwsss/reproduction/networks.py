"""Trained networks of runs."""

from typing import Any

from mmengine.config import Config
from mmengine.device import get_device

from mmwsss.pipeline.network import last_checkpoint, load_network
from mmwsss.pipeline.run import open_workspace

from .runs import RowRun


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
    network = load_network(config.model, last_checkpoint(workspace.folder(run.until)))
    return network.to(get_device()).eval(), config


def labelled_val(config: Config) -> dict[str, Any]:
    """Return the config of the images that the segmentor is tested on, with their image labels."""
    return {**config.seed_dataloader.dataset, 'dataset': config.tested_on}
