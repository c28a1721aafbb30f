"""The images of any mmseg dataset, under a pipeline of our own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from mmwsss.datasets.sample_randomness import SampleRandomness
from mmwsss.registry import DATASETS, TRANSFORMS
from mmwsss.structures import check_files_exist

_DATA_CURE = (
    'check `data_root` and the rest of the dataset config; the configs here take `data_root` from '
    'the environment variable MMWSSS_DATA'
)
_NO_IMAGE = f'The dataset has no image in it; check `ann_file` and `img_suffix`, and {_DATA_CURE}.'


class WrappedDataset(BaseDataset):
    """Takes the list of images and the classes from another dataset, and nothing of its pipeline.

    Each item is what the other dataset knows about an image and ``img_id``, the file name without
    folder and suffix. The pipeline draws from `SampleRandomness`.

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
        wrapped = _build_without_pipeline(self.dataset)
        self._metainfo.update(wrapped.metainfo)
        if not self._metainfo.get('classes'):
            raise ValueError(
                f'The dataset {self.dataset["type"]} has no classes; '
                "give them in its config: metainfo=dict(classes=('background', 'cat', ...))."
            )
        infos = [wrapped.get_data_info(index) for index in range(len(wrapped))]
        for info in infos:
            info['img_id'] = Path(info['img_path']).stem
        _check_ids(infos)
        check_files_exist([info['img_path'] for info in infos], 'image', _DATA_CURE)
        return infos

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one image, with the sample's own randomness."""
        info = self.get_data_info(idx)
        with self.randomness.of(info['img_id']):
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


def _build_without_pipeline(dataset: Mapping[str, Any]) -> BaseDataset:
    try:
        return DATASETS.build({key: dataset[key] for key in dataset if key != 'pipeline'})
    except ValueError as error:
        # mmengine joins the bytes of all items, and numpy does not join none.
        if 'at least one array to concatenate' in str(error):
            raise ValueError(_NO_IMAGE) from error
        raise


def _check_ids(infos: Sequence[Mapping[str, Any]]) -> None:
    if not infos:
        raise ValueError(_NO_IMAGE)
    paths: dict[str, str] = {}
    for info in infos:
        if info['img_id'] in paths:
            raise ValueError(
                f'The image id {info["img_id"]!r} is there twice, as {paths[info["img_id"]]} and '
                f'{info["img_path"]}; ids are file names without folder and suffix and must '
                'differ: rename one, or take it out of the image list.'
            )
        paths[info['img_id']] = info['img_path']
