"""What the stages ask of a config's data sets."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.datasets.wrapped_dataset import check_dataset_paths
from mmwsss.models.weights import pretrained_file
from mmwsss.pipeline.config import load_config, merge_options, set_seed
from mmwsss.pipeline.stage import Stage, Workspace, file_hash
from mmwsss.registry import DATASETS
from mmwsss.seeds.crf import CRF_PRESETS
from mmwsss.seeds.refine import RefineItem

GROUND_TRUTH_CURE = 'set the folder of the ground truth, or leave the stage out of the pipeline'
_WITHOUT_EFFECT = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor')


def other_config(
    path: str, options: dict[str, Any] | None, workspace: Workspace, where: str = ''
) -> Config:
    """Load the config of another network of the pipeline, with the pipeline's random seed.

    Args:
        path: A path, or the name of a shipped config.
        options: Changes to it, as with ``--cfg-options``.
        workspace: Of the run.
        where: Where the options stand, for messages.
    """
    config = load_config(path, options, where)
    set_seed(config, workspace.config.get('randomness', {}).get('seed', 0))
    merge_options(config, options, where)  # once more: a seed in them is meant
    return config


def check_crf(name: str, crf: str | None) -> None:
    """Look at a CRF's preset and for its package.

    Args:
        name: Of the stage.
        crf: None where the stage has no CRF.

    Raises:
        ValueError: There is no such preset.
        ImportError: The package is missing.
    """
    if crf is not None and crf not in CRF_PRESETS:
        raise ValueError(f'crf of stage {name!r} is {crf!r}; known are {sorted(CRF_PRESETS)}')
    if crf is not None and importlib.util.find_spec('pydensecrf') is None:
        raise ImportError(
            f'stage {name!r} needs the dense CRF: pip install -r requirements/crf.txt, or set its '
            'crf=None'
        )


def check_source(name: str, source: str, seeds: Stage, workspace: Workspace) -> None:
    """Look whether seeds will have the maps that a stage reads.

    Args:
        name: Of the stage that reads.
        source: Which maps.
        seeds: Stage that writes the seeds.
        workspace: Of the run.

    Raises:
        ValueError: They will not, or it writes no seeds.
    """
    known = seeds.seed_sources(workspace)
    if source not in known:
        raise ValueError(
            f'source of stage {name!r} is {source!r}, but the seeds of {seeds.name!r} have '
            f'{", ".join(known) or "no maps"}'
        )


def list_images(dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a data set knows of its images, without what earlier stages must make."""
    built = build_images(dataset)
    return [built.get_data_info(index) for index in range(len(built))]


def build_images(dataset: Mapping[str, Any]) -> Any:
    """Build a data set for its list of images and classes: no pipeline, no pseudo masks."""
    check_dataset_paths(dataset)
    init_default_scope('mmseg')
    kept = {key: value for key, value in dataset.items() if key != 'mask_dir'}
    return DATASETS.build({**kept, 'pipeline': [], 'serialize_data': False})


def refine_items(workspace: Workspace, seed_dir: Path) -> list[RefineItem]:
    """List the images of the pipeline with their seed files."""
    return [
        RefineItem(info['img_id'], Path(info['img_path']), seed_dir / f'{info["img_id"]}.npz')
        for info in list_images(workspace.config.seed_dataloader.dataset)
    ]


def class_names(workspace: Workspace) -> tuple[str, ...]:
    """Return the names of the foreground classes."""
    return foreground_classes(
        build_images(workspace.config.seed_dataloader.dataset).metainfo['classes']
    )


def frozen_inputs(config: Config) -> dict[str, str]:
    """Return the hashes of the files that a backbone and the texts of a CLIP come from."""
    text = config.model.get('cam_head', {}).get('text') or {}
    backbone = config.model.get('backbone', {})
    files = {'pretrained': backbone.get('pretrained'), **text}
    if initial := pretrained_file(backbone):
        files['initial'] = initial
    return {name: file_hash(path) for name, path in files.items() if isinstance(path, str)}


def loader_recipe(loader: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a data loader decides its batches: options, labels, list of images."""
    dataset = loader['dataset']
    wrapped = dataset.get('dataset', dataset)
    ids = Path(wrapped.get('data_root') or '') / (wrapped.get('ann_file') or '')
    return {
        'loader': {key: value for key, value in loader.items() if key not in _WITHOUT_EFFECT},
        'labels': file_hash(dataset.get('label_file', '')),
        'images': file_hash(ids),
    }
