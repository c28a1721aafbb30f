"""What the stages ask of a config's data sets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsss.datasets.image_files import check_images, note_large_images
from mmwsss.datasets.image_label_dataset import ImageLabelDataset
from mmwsss.datasets.image_labels import foreground_classes, load_image_labels
from mmwsss.datasets.listing import read_names
from mmwsss.datasets.wrapped_dataset import WrappedDataset, check_dataset_paths
from mmwsss.errors import Faults
from mmwsss.pipeline.class_counts import dataset_classes
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
    if 'dataset' in kept:
        return DATASETS.build({**kept, 'pipeline': [], 'serialize_data': False})
    return WrappedDataset(kept, pipeline=[], serialize_data=False)


def check_dataset(dataset: Mapping[str, Any], workspace: Workspace) -> WrappedDataset:
    """Look at the images of a data set and at their labels; note what is odd.

    Args:
        dataset: Config of the data set.
        workspace: Of the run, whose notes are added to.

    Returns:
        The data set, as `build_images` builds it.

    Raises:
        FileNotFoundError: A list or an image is missing.
        ValueError: An image cannot be used, or a label or an image list does not fit.
    """
    faults = Faults()
    with faults.collect():
        built = build_images(dataset)
        with faults.collect():
            check_images(built)
            workspace.note(note_large_images(built))
        if isinstance(built, ImageLabelDataset):
            workspace.note(built.check_unused_labels())
    if faults and 'dataset' in dataset:  # labels may be what is wrong; the images are seen without
        with faults.collect():
            check_images(build_images(dataset['dataset']))
    faults.say()
    return built


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
        'labels': _labels_hash(dataset),
        'images': content_hash(read_names(wrapped)),
    }


def _labels_hash(dataset: Mapping[str, Any]) -> str:
    """Return the hash of what a label file says, however it is written."""
    path = dataset.get('label_file', '')
    classes = dataset_classes(dataset) if Path(path).is_file() else None
    if classes is None:
        return file_hash(path)
    return content_hash(load_image_labels(path, foreground_classes(classes)))
