"""The images of any mmseg dataset, under a pipeline of our own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.datasets.listing import image_folder, image_suffixes, listed_images, other_suffixes
from mmwsss.datasets.sample_randomness import SampleRandomness
from mmwsss.registry import DATASETS, TRANSFORMS
from mmwsss.seeds.files import MAX_CLASSES
from mmwsss.structures import check_files_exist

_DATA_CURE = (
    'check `data_root` and the rest of the dataset config; the configs here take `data_root` from '
    'the environment variable MMWSSS_DATA'
)
_NO_IMAGE = f'The dataset has no image in it; check `ann_file` and `img_suffix`, and {_DATA_CURE}'


@DATASETS.register_module()
class WrappedDataset(BaseDataset):
    """Takes the list of images and the classes from another dataset, and nothing of its pipeline.

    Each item is what the other dataset knows about an image and ``img_id``, the file name without
    folder and suffix where that one gives none. The pipeline draws from `SampleRandomness`.

    Args:
        dataset: Config of the dataset; a pipeline in it is left out.
        pipeline: Transforms or their configs, in the order in which they work.
        seed: Seed of the samples' randomness.
        test_mode: Whether the items serve a test; the wrapped dataset has a mode of its own.
        serialize_data: Whether the list is kept as bytes, which workers share.
        indices: Some of the images alone, as in mmengine's `BaseDataset`.
        views: As in `SampleRandomness`.

    Raises:
        FileNotFoundError: The image list, the image folder or an image is missing.
        ValueError: There is no image, no class, or two images have one id.
    """

    def __init__(
        self,
        dataset: dict[str, Any],
        pipeline: Sequence[Any],
        seed: int = 0,
        test_mode: bool = False,
        serialize_data: bool = True,
        indices: int | Sequence[int] | None = None,
        views: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.randomness = SampleRandomness(seed, views)
        super().__init__(
            data_prefix={},
            pipeline=[TRANSFORMS.build(t) if isinstance(t, Mapping) else t for t in pipeline],
            test_mode=test_mode,
            serialize_data=serialize_data,
            indices=indices,
        )

    def set_epoch(self, epoch: int) -> None:
        """Make the next samples those of `epoch`, in living workers too."""
        self.randomness.set_epoch(epoch)

    def load_data_list(self) -> list[dict]:
        """Build the wrapped dataset and copy its list of images and its meta information."""
        check_dataset_paths(self.dataset)
        metainfo, infos = listed_images(self.dataset)
        if not infos:
            raise ValueError(f'{_NO_IMAGE}{_suffix_cure(self.dataset)}')
        self._metainfo.update(metainfo)
        _check_classes(self.dataset['type'], self._metainfo.get('classes'))
        for info in infos:
            info.setdefault('img_id', Path(info['img_path']).stem)
        _check_ids(infos)
        paths = [info['img_path'] for info in infos]
        if not all(Path(path).is_file() for path in paths):
            check_files_exist(paths, 'image', f'{_DATA_CURE}{_suffix_cure(self.dataset)}')
        return infos

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one image, with the randomness of the sample.

        An item that repeats another has a number, ``repeat``, and a randomness of its own.
        """
        info = self.get_data_info(idx)
        repeat = info.get('repeat', 0)
        with self.randomness.of(f'{info["img_id"]} {repeat}' if repeat else info['img_id']):
            item = self.pipeline(info)
        if item is None:
            raise ValueError(
                f'The pipeline returned nothing for {info["img_path"]}; '
                'use transforms that return a sample or raise an error.'
            )
        return item


def check_dataset_paths(dataset: Mapping[str, Any]) -> None:
    """Name a missing image list or folder; mmseg's datasets would list all images, or say less.

    Args:
        dataset: Config of a dataset that reads files itself; of a wrapper nothing is checked.

    Raises:
        FileNotFoundError: The list or the folder is missing.
    """
    root = Path(dataset.get('data_root') or '')
    image_list = dataset.get('ann_file')
    image_dir = (dataset.get('data_prefix') or {}).get('img_path')
    if image_list and not (root / image_list).is_file():
        raise FileNotFoundError(f'There is no image list {root / image_list}; {_DATA_CURE}.')
    if image_dir and not (root / image_dir).is_dir():
        raise FileNotFoundError(f'There is no image folder {root / image_dir}; {_DATA_CURE}.')


def _suffix_cure(dataset: Mapping[str, Any]) -> str:
    """Say that a folder has images with other suffixes; nothing if it has none."""
    found = other_suffixes(dataset)
    if not found:
        return ''
    return f'. {image_folder(dataset)} has {", ".join(found)}: set {suffix_setting(dataset)}'


def suffix_setting(dataset: Mapping[str, Any]) -> str:
    """Return the ``img_suffix`` that takes all images of a data set's folder."""
    return f'img_suffix={(*image_suffixes(dataset), *other_suffixes(dataset))}'


def _check_classes(kind: str, classes: Sequence[str] | None) -> None:
    if not classes:
        raise ValueError(
            f'The dataset {kind} has no classes; '
            "give them in its config: metainfo=dict(classes=('background', 'cat', ...))."
        )
    odd = [name for name in classes if not isinstance(name, str) or not name.strip()]
    if odd:
        raise ValueError(f'metainfo.classes has {odd[0]!r}, which is no name: classes are words.')
    name, count = Counter(name.strip() for name in classes).most_common(1)[0]
    if count > 1:
        raise ValueError(f'metainfo.classes names {name!r} {count} times: name every class once.')
    if any(name.lower() == 'background' for name in classes[1:]):
        raise ValueError("metainfo.classes has 'background' in its midst: put it first.")
    if len(foreground_classes(classes)) > MAX_CLASSES:
        raise ValueError(
            f'metainfo.classes has {len(classes)} names, and the PNG of a mask holds '
            f'{MAX_CLASSES} and the background: leave some out.'
        )


def _check_ids(infos: Sequence[Mapping[str, Any]]) -> None:
    paths: dict[str, str] = {}
    for info in infos:
        if info['img_id'] in paths:
            raise ValueError(
                f'The image id {info["img_id"]!r} is there twice, as {paths[info["img_id"]]} and '
                f'{info["img_path"]}; ids are file names without folder and suffix and must '
                'differ: rename one, or take it out of the image list.'
            )
        paths[info['img_id']] = info['img_path']
