"""The crop of IRN: random where the image is larger, padding where it is smaller."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmwsss.registry import TRANSFORMS
from mmwsss.structures import Count


@TRANSFORMS.register_module()
class RandomPadCrop(BaseTransform):
    """Cut, or place on an empty canvas, at random, for each axis by itself.

    Along an axis on which the image is larger than the crop, a random part is cut out; on which it
    is smaller, it is placed at random on zeros. ``valid_mask`` says where the image is: without it
    padding would count as background in losses that have no label there. The data preprocessor sets
    the padding to zero again after the normalisation (`mmwsss.CAMDataPreProcessor`).

    It must be the last transform that moves pixels, because others do not move the valid mask.

    Required keys: ``img``, ``seg_fields`` (optional).
    Modified keys: ``img``, ``img_shape``, the masks that ``seg_fields`` names.
    Added keys: ``pad_shape``, ``valid_mask`` uint8 ``(H, W)``, 1 inside the image.

    Args:
        crop_size: Height and width of the crop, or one number for both.
        ignore_index: What masks hold outside of the image.
    """

    def __init__(self, crop_size: Count | tuple[Count, Count], ignore_index: int = 255) -> None:
        self.crop_size = (crop_size, crop_size) if isinstance(crop_size, int) else tuple(crop_size)
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Crop the image and its masks at one place."""
        height, width = results['img'].shape[:2]
        rows = _random_window(height, self.crop_size[0])
        columns = _random_window(width, self.crop_size[1])
        source = rows[0], columns[0]
        target = rows[1], columns[1]
        valid_mask = np.ones((height, width), dtype=np.uint8)
        results['valid_mask'] = self._place(valid_mask, source, target, 0)
        results['img'] = self._place(results['img'], source, target, 0)
        for field in results.get('seg_fields', []):
            results[field] = self._place(results[field], source, target, self.ignore_index)
        results['img_shape'] = results['pad_shape'] = self.crop_size
        return results

    def _place(
        self,
        array: np.ndarray,
        source: tuple[slice, slice],
        target: tuple[slice, slice],
        fill: int,
    ) -> np.ndarray:
        canvas = np.full((*self.crop_size, *array.shape[2:]), fill, dtype=array.dtype)
        canvas[target] = array[source]
        return canvas

    def __repr__(self) -> str:
        name = type(self).__name__
        return f'{name}(crop_size={self.crop_size}, ignore_index={self.ignore_index})'


def _random_window(size: int, crop: int) -> tuple[slice, slice]:
    """Draw which part of an axis goes where in the crop: ``(in the image, in the crop)``.

    Example:
        >>> _random_window(3, 3)
        (slice(0, 3, None), slice(0, 3, None))
    """
    length = min(size, crop)
    start = np.random.randint(abs(size - crop) + 1)
    moved, whole = slice(start, start + length), slice(0, length)
    return (moved, whole) if size > crop else (whole, moved)
