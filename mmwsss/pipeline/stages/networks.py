"""The configs of the other networks of a run: their own recipe, the run's images."""

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmwsss.pipeline.backbones import settle_backbone
from mmwsss.pipeline.class_counts import forget_class_counts, settle_class_counts
from mmwsss.pipeline.config import load_config, merge_options, set_seed
from mmwsss.pipeline.workspace import Workspace


def other_config(
    path: str, options: Mapping[str, Any] | None, workspace: Workspace, where: str
) -> Config:
    """Load the config of another network of the run.

    It keeps its recipe and takes images, labels, classes and random seed of the run's config, and
    is tested on that one's ``tested_on``.

    Args:
        path: A path, or the name of a shipped config.
        options: Changes to it, as with ``--cfg-options``.
        workspace: Folder, config and stages of the run.
        where: Where the options stand, for messages.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: An option is unknown, or a stated number of classes does not fit the images.
    """
    config = load_config(path)
    forget_class_counts(config)
    set_seed(config, workspace.config.get('randomness', {}).get('seed', 0))
    _take_images(config, workspace.config)
    backbone = copy.deepcopy((config.get('model') or {}).get('backbone'))
    merge_options(config, dict(options or {}), where)  # last: what is said there is meant
    settle_class_counts(config, f'{where}.')
    settle_backbone(config, backbone)
    return config


def _take_images(config: Config, run: Config) -> None:
    """Put the images of the run into the loaders of a config; its views stay."""
    labelled = run.seed_dataloader.dataset
    for name in ('train_dataloader', 'seed_dataloader'):
        dataset = (config.get(name) or {}).get('dataset') or {}
        for key in dataset.keys() & {'dataset', 'label_file'} & labelled.keys():
            dataset[key] = labelled[key]
    tested_on = run.get('tested_on')
    if tested_on and config.model.get('decode_head'):
        views = config.test_dataloader.dataset.pipeline
        config.test_dataloader.dataset = {**tested_on, 'pipeline': views}
