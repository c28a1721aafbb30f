"""Datasets: images with image labels, images with pseudo-masks, label files."""

import mmwsss.registry  # noqa: F401  (first: with its cures mmseg can be imported)

from .coco_objects import COCOObjectDataset
from .image_files import check_images
from .image_folder import ImageFolderDataset, images_by_id
from .image_label_dataset import ImageLabelDataset
from .image_labels import (
    foreground_classes,
    load_image_labels,
    save_image_labels,
    to_multi_hot,
)
from .pseudo_mask_dataset import PseudoMaskDataset
from .sample_randomness import SampleRandomness
from .size_order_sampler import SizeOrderSampler
from .transforms import LoadImage, PackImageLabelInputs, RandomPadCrop
from .whole_batch_sampler import WholeBatchSampler
from .wrapped_dataset import WrappedDataset

__all__ = [
    'COCOObjectDataset',
    'ImageFolderDataset',
    'ImageLabelDataset',
    'LoadImage',
    'PackImageLabelInputs',
    'PseudoMaskDataset',
    'RandomPadCrop',
    'SampleRandomness',
    'SizeOrderSampler',
    'WholeBatchSampler',
    'WrappedDataset',
    'check_images',
    'foreground_classes',
    'images_by_id',
    'load_image_labels',
    'save_image_labels',
    'to_multi_hot',
]
