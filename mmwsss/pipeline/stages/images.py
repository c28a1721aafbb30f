"""What the stages ask of a config's data sets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.datasets.wrapped_dataset import check_dataset_paths
from mmwsss.pipeline.workspace import Workspace, content_hash, file_hash
from mmwsss.registry import DATASETS
from mmwsss.seeds.refine import RefineItem

# of a data loader: how fast, not what
_WITHOUT_EFFECT = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor')


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


def seeded_images(workspace: Workspace, seed_dir: Path) -> list[RefineItem]:
    """List the images that seeds are made of, with their seed files."""
    return [
        RefineItem(info['img_id'], Path(info['img_path']), seed_dir / f'{info["img_id"]}.npz')
        for info in list_images(workspace.config.seed_dataloader.dataset)
    ]


def foreground_names(workspace: Workspace) -> tuple[str, ...]:
    """Return the names of the foreground classes."""
    dataset = build_images(workspace.config.seed_dataloader.dataset)
    return foreground_classes(dataset.metainfo['classes'])


def stated(config: Config, *keys: str) -> dict[str, Any]:
    """Return those of some keys that a config has a value for; a recipe has no more of them."""
    return {key: config[key] for key in keys if config.get(key)}


def loader_recipe(loader: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a data loader decides its batches: options, labels, list of images."""
    dataset = loader['dataset']
    wrapped = dataset.get('dataset', dataset)
    return {
        'loader': {key: value for key, value in loader.items() if key not in _WITHOUT_EFFECT},
        'labels': file_hash(dataset.get('label_file', '')),
        'images': _images_hash(wrapped),
    }


def _images_hash(dataset: Mapping[str, Any]) -> str:
    """Return the hash of the list of images, or, without a list, of the names in the folder."""
    root = Path(dataset.get('data_root') or '')
    if dataset.get('ann_file'):
        return file_hash(root / dataset['ann_file'])
    folder = root / (dataset.get('data_prefix') or {}).get('img_path', '')
    return content_hash(sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*.*')))
