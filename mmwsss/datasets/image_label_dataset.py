"""Images with image labels: what the classification stages train on."""

import os
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from mmwsss.datasets.image_labels import foreground_classes, load_image_labels, to_multi_hot
from mmwsss.datasets.listing import image_folder, image_suffixes, other_suffixes
from mmwsss.datasets.mask_paths import set_mask_paths
from mmwsss.datasets.wrapped_dataset import WrappedDataset, suffix_setting
from mmwsss.registry import DATASETS
from mmwsss.structures import IMAGE_SUFFIXES, check_files_exist

_MASK_CURE = (
    'run `mmwsss run <config of the host> --until pseudo_masks`, or for '
    'ir_labels run `mmwsss run <config of the host> --until ir_labels`'
)


@DATASETS.register_module()
class ImageLabelDataset(WrappedDataset):
    """Adds image labels to the images of any mmseg dataset, and takes the masks away.

    An item is what the wrapped dataset knows about an image, with ``img_id`` and ``gt_label``,
    int64 of shape ``(N,)``: 1 for each foreground class in the image. Without `load_masks` no item
    names its ground truth, so that no transform can open it. The classes are those of the wrapped
    dataset; a first one named ``background`` has no label.

    For hosts that learn from masks, ``seg_map_path`` is ``<mask_dir>/<img_id>.png``, and
    ``ground_truth_path`` the path of the ground truth, or None without `load_masks`.

    Args:
        dataset: Config of the wrapped dataset; a pipeline in it is left out.
        label_file: Image labels in any of the formats of `mmwsss.datasets.image_labels`.
        pipeline: Configs of the transforms, from loading the image to packing it.
        load_masks: Whether items keep the path of the ground truth, for an evaluation.
        mask_dir: Folder of ir_labels or pseudo masks, for hosts that learn from them.
        seed: Seed of the samples' randomness.
        test_mode: Whether the items serve a test.
        serialize_data: Whether the list is kept as bytes, which workers share.
        indices: Some of the images alone, as in mmengine's `BaseDataset`.
        views: Random views that an image has, as in `SampleRandomness`.

    Raises:
        FileNotFoundError: The label file, the image list, an image or a wanted mask is missing.
        ValueError: The label file is malformed, or has no entry for an image; a mask in `mask_dir`
            is damaged, in colours, or of another size than its image.
    """

    def __init__(
        self,
        dataset: dict[str, Any],
        label_file: str | os.PathLike[str],
        pipeline: Sequence[Any],
        load_masks: bool = False,
        mask_dir: str | os.PathLike[str] | None = None,
        seed: int = 0,
        test_mode: bool = False,
        serialize_data: bool = True,
        indices: int | Sequence[int] | None = None,
        views: int | None = None,
    ) -> None:
        self.label_file = label_file
        self.load_masks = load_masks
        self.mask_dir = None if mask_dir is None else Path(mask_dir)
        super().__init__(dataset, pipeline, seed, test_mode, serialize_data, indices, views)

    def load_data_list(self) -> list[dict]:
        """Join the images with their labels."""
        infos = super().load_data_list()
        classes = foreground_classes(self._metainfo['classes'])
        labels = load_image_labels(self.label_file, classes)
        labels = {_composed(image_id): names for image_id, names in labels.items()}
        ids = [_composed(info['img_id']) for info in infos]
        self._check_labelled(ids, labels)
        self.unused_labels = sorted(labels.keys() - set(ids))
        for image_id, info in zip(ids, infos, strict=True):
            info['gt_label'] = to_multi_hot(labels[image_id], classes)
            if not self.load_masks:
                info.pop('seg_map_path', None)
        if self.load_masks:
            check_files_exist(
                [info['seg_map_path'] for info in infos],
                'mask',
                'check `data_prefix`, or set load_masks=False',
            )
        if self.mask_dir is not None:
            for info in infos:
                info['ground_truth_path'] = info.get('seg_map_path')
            set_mask_paths(infos, self.mask_dir, _MASK_CURE)
        return infos

    def check_unused_labels(self) -> str | None:
        """Look at the entries of the label file that are of none of the images.

        Returns:
            A sentence about those whose image is nowhere in the folder, or None.

        Raises:
            ValueError: Some are of images in the folder that have another suffix.
        """
        if not self.unused_labels:
            return None
        files = (path for path in image_folder(self.dataset).rglob('*') if path.is_file())
        there = {_composed(path.stem) for path in files if path.suffix.lower() in IMAGE_SUFFIXES}
        own = tuple(image_suffixes(self.dataset))
        left_out = [image_id for image_id in self.unused_labels if image_id in there]
        if left_out and not self.dataset.get('ann_file') and other_suffixes(self.dataset):
            raise ValueError(
                f'{self.label_file} has entries for {len(left_out)} images that are there but do '
                f'not end in {" or ".join(own)}, among them {", ".join(left_out[:3])}: set '
                f'{suffix_setting(self.dataset)}, or take the entries out.'
            )
        absent = [image_id for image_id in self.unused_labels if image_id not in there]
        if not absent:
            return None
        return (
            f'{self.label_file} has entries for {len(absent)} images that are not in '
            f'{image_folder(self.dataset)}, among them {", ".join(absent[:3])}'
        )

    def _check_labelled(self, ids: Sequence[str], labelled: Collection[str]) -> None:
        missing = [image_id for image_id in ids if image_id not in labelled]
        if missing:
            raise ValueError(
                f'{self.label_file} has no entry for {len(missing)} of {len(ids)} images, among '
                f'them {", ".join(missing[:3])}; add them (an empty list for an image of '
                'background), ids being file names without folder and suffix: it has '
                f'{", ".join(list(labelled)[:3])}.'
            )


def _composed(image_id: str) -> str:
    """Return an id in one spelling: of an accented letter, Unicode and disks have two."""
    return unicodedata.normalize('NFC', image_id)
