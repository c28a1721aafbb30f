"""Images with pseudo-masks: what the last stage trains on."""

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.datasets.mask_paths import WITHOUT_MAPPING, set_mask_paths
from mmwsss.datasets.wrapped_dataset import WrappedDataset
from mmwsss.registry import DATASETS
from mmwsss.seeds.masks import IGNORE_INDEX, load_mask

_CURE = 'run `mmwsss refine` (or `mmwsss run`)'
_IMPORT = 'run `mmwsss import`'


@DATASETS.register_module()
class PseudoMaskDataset(WrappedDataset):
    """Puts pseudo-masks in the place of the ground truth of any mmseg dataset.

    ``seg_map_path`` of an item is ``<mask_dir>/<img_id>.png``; the ground truth is never opened.
    A pseudo-mask counts classes as the wrapped dataset does after its own mappings (0 is the
    background), so `label_map` and `reduce_zero_label` are off.

    Args:
        dataset: Config of the wrapped dataset; a pipeline in it is left out.
        mask_dir: The folder of the pseudo-masks, one palette PNG per image.
        pipeline: Configs of the transforms, from loading image and mask to packing them.
        seed: Seed of the samples' randomness.
        check_sizes: Whether the headers of all masks and images are compared at the start.
        test_mode: Whether the items serve a test.
        serialize_data: Whether the list is kept as bytes, which workers share.
        indices: Some of the images alone, as in mmengine's `BaseDataset`.
        corrected_dir: Folder of masks that take the place of those in `mask_dir` where it has one,
            ``<img_id>.png`` too; None for none.
        repeat_below: An image is seen ``sqrt(repeat_below / share)`` times an epoch if its rarest
            class is in the masks of a smaller share of the images than this, in (0, 1]; a fraction
            of a time by chance, from `seed` (repeat factors: Gupta, Dollar and Girshick, LVIS, CVPR
            2019). None: every image once.

    Raises:
        FileNotFoundError: The image list, an image or a pseudo-mask is missing.
        ValueError: A pseudo-mask has another size than its image, or is in colours; the first
            class is not the background; `repeat_below` is no share, or there are `indices` beside
            it.
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
        corrected_dir: str | os.PathLike[str] | None = None,
        repeat_below: float | None = None,
    ) -> None:
        self.mask_dir = Path(mask_dir)
        self.corrected_dir = None if corrected_dir is None else Path(corrected_dir)
        self.check_sizes = check_sizes
        if repeat_below is not None and not 0 < repeat_below <= 1:
            raise ValueError(f'repeat_below is a share of the images in (0, 1], not {repeat_below}')
        if repeat_below is not None and indices is not None:
            raise ValueError('give one of repeat_below and indices: those are of images seen once')
        self.repeat_below = repeat_below
        super().__init__(dataset, pipeline, seed, test_mode, serialize_data, indices)

    def load_data_list(self) -> list[dict]:
        """Join the images with their pseudo-masks."""
        infos = super().load_data_list()
        _check_background_first(self._metainfo['classes'])
        self._metainfo.update(WITHOUT_MAPPING)
        corrected, others = self._split(infos)
        set_mask_paths(others, self.mask_dir, _CURE, self.check_sizes)
        if self.corrected_dir is not None:
            set_mask_paths(corrected, self.corrected_dir, _IMPORT, self.check_sizes)
        return infos if self.repeat_below is None else self._repeated(infos, self.repeat_below)

    def _repeated(self, infos: list[dict], limit: float) -> list[dict]:
        """Return images of rare classes several times, each time with random views of its own."""
        shown = [_classes_of(info['seg_map_path']) for info in infos]
        images_with = Counter(index for indices in shown for index in indices)
        rng = np.random.default_rng(self.randomness.seed)
        repeated = []
        for info, indices in zip(infos, shown, strict=True):
            rarest = min((images_with[index] for index in indices), default=len(infos))
            times = max(1.0, math.sqrt(limit * len(infos) / rarest))
            number = int(times) + int(rng.random() < times % 1)
            repeated += [{**info, 'repeat': repeat} for repeat in range(number)]
        return repeated

    def _split(self, infos: list[dict]) -> tuple[list[dict], list[dict]]:
        """Part the items with a corrected mask from those without."""
        if self.corrected_dir is None:
            return [], infos
        names = {path.stem for path in self.corrected_dir.glob('*.png')}
        corrected = [info for info in infos if info['img_id'] in names]
        return corrected, [info for info in infos if info['img_id'] not in names]


def _classes_of(mask_path: str) -> set[int]:
    """Return the foreground classes of a pseudo-mask."""
    return set(np.unique(load_mask(mask_path)).tolist()) - {0, IGNORE_INDEX}


def _check_background_first(classes: Sequence[str]) -> None:
    if len(foreground_classes(classes)) == len(classes):
        raise ValueError(
            f'A pseudo-mask has 0 for the background, but the first class of the dataset is '
            f"{classes[0]!r}; give it metainfo=dict(classes=('background', {classes[0]!r}, ...))."
        )
