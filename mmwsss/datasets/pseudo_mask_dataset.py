"""Images with pseudo-masks: what the last stage trains on."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.datasets.wrapped_dataset import WrappedDataset, check_files_exist
from mmwsss.registry import DATASETS
from mmwsss.structures import image_size

_CURE = 'run tools/refine_seeds.py (or tools/run_pipeline.py)'


@DATASETS.register_module()
class PseudoMaskDataset(WrappedDataset):
    """Puts pseudo-masks in the place of the ground truth of any mmseg dataset.

    ``seg_map_path`` of an item is ``<mask_dir>/<img_id>.png``; the ground truth is never opened.
    A pseudo-mask counts classes as the wrapped dataset does after its own mappings (0 is the
    background), so `label_map` and `reduce_zero_label` are off.

    Args:
        dataset: Config of the wrapped dataset; a pipeline in it is left out.
        mask_dir: The folder of the pseudo-masks, one palette PNG an image.
        pipeline: The transforms.
        seed: Seed of the samples' randomness.
        check_sizes: Whether the headers of all masks and images are compared at the start.
        test_mode: Whether the items serve a test.
        serialize_data: Whether the list is kept as bytes, which workers share.
        indices: Some of the images alone, as in mmengine's `BaseDataset`.

    Raises:
        FileNotFoundError: The image list, an image or a pseudo-mask is missing.
        ValueError: A pseudo-mask has another size than its image, or is in colours; or the first
            class is not the background.
    """

    def __init__(
        self,
        dataset: dict[str, Any],
        mask_dir: str | os.PathLike[str],
        pipeline: Sequence[Any],
        seed: int = 0,
        check_sizes: bool = True,
        test_mode: bool = False,
        serialize_data: bool = True,
        indices: int | Sequence[int] | None = None,
    ) -> None:
        self.mask_dir = Path(mask_dir)
        self.check_sizes = check_sizes
        super().__init__(dataset, pipeline, seed, test_mode, serialize_data, indices)

    def load_data_list(self) -> list[dict]:
        """Join the images with their pseudo-masks."""
        infos = super().load_data_list()
        _check_background_first(self._metainfo['classes'])
        without_mapping = {'label_map': None, 'reduce_zero_label': False}
        self._metainfo.update(without_mapping)
        for info in infos:
            mask_path = self.mask_dir / f'{info["img_id"]}.png'
            info.update(without_mapping, seg_map_path=str(mask_path))
        mask_paths = [info['seg_map_path'] for info in infos]
        check_files_exist(mask_paths, 'pseudo-mask', f'{_CURE} first')
        if self.check_sizes:
            for info in infos:
                _check_mask_header(info['seg_map_path'], info['img_path'])
        return infos


def _check_background_first(classes: Sequence[str]) -> None:
    if len(foreground_classes(classes)) == len(classes):
        raise ValueError(
            f'A pseudo-mask has 0 for the background, but the first class of the dataset is '
            f"{classes[0]!r}; give it metainfo=dict(classes=('background', {classes[0]!r}, ...))."
        )


def _check_mask_header(mask_path: str, image_path: str) -> None:
    """Compare mode and size of a mask with what its image needs, by their headers."""
    try:
        with Image.open(mask_path) as mask:
            mode, mask_size = mask.mode, mask.size
    except OSError as error:
        raise ValueError(f'{mask_path} is damaged; delete it and {_CURE} again.') from error
    if mode not in ('P', 'L'):
        raise ValueError(
            f'{mask_path} has mode {mode}; a pseudo-mask is a palette (P) or grey (L) PNG that '
            f'holds class indices: {_CURE} again.'
        )
    height, width = image_size(image_path)
    if mask_size != (width, height):
        raise ValueError(
            f'{mask_path} is {mask_size[0]}x{mask_size[1]} pixels, but its image {image_path} is '
            f'{width}x{height}; it belongs to another image: {_CURE} again.'
        )
