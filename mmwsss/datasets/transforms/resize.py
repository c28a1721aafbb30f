"""The resize that the released hosts use: Pillow's."""

import math

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from mmwsss.registry import TRANSFORMS
from mmwsss.structures import Count, Positive

_FILTERS = {'bicubic': Image.Resampling.BICUBIC, 'bilinear': Image.Resampling.BILINEAR}


@TRANSFORMS.register_module()
class PillowResize(BaseTransform):
    """Resize as the released IRN, AMN, SIPE, MCTformer and CLIP-ES do.

    Two things differ from mmcv's `Resize`. Pillow's filter grows with the step when it shrinks an
    image (anti-aliasing), where OpenCV's has four pixels always, and its bicubic kernel is another
    (``a = -0.5``; OpenCV: -0.75). And a side of half a pixel is rounded to even, as numpy rounds:
    91 pixels times 1.5 are 136, and mmcv makes 137. Masks are resized to the nearest pixel, by
    Pillow too.

    Required keys: ``img`` uint8 ``(H, W, 3)``, ``seg_fields`` (optional).
    Modified keys: ``img``, ``img_shape``, the masks that ``seg_fields`` names.
    Added keys: ``scale`` ``(w, h)``, ``scale_factor`` ``(w, h)``, ``keep_ratio``.

    Args:
        scale_factor: Factor of both sides.
        scale: ``(w, h)`` in the place of `scale_factor`. With `keep_ratio` a box, in either
            orientation, that the result is the largest to fit in.
        keep_ratio: Whether `scale` keeps the aspect.
        size_divisor: Sides are rounded up to multiples of it, whatever that does to the aspect.
        interpolation: Of the image: ``bicubic`` or ``bilinear``.

    Raises:
        ValueError: Not one of `scale_factor` and `scale` is given, or the interpolation is unknown.
    """

    def __init__(
        self,
        scale_factor: Positive | None = None,
        scale: Count | tuple[Count, Count] | None = None,
        keep_ratio: bool = True,
        size_divisor: Count | None = None,
        interpolation: str = 'bicubic',
    ) -> None:
        if (scale_factor is None) == (scale is None):
            raise ValueError(
                f'PillowResize needs one of scale_factor and scale, not {scale_factor} and {scale}'
            )
        if interpolation not in _FILTERS:
            raise ValueError(
                f'interpolation is {interpolation!r}; choose one of {", ".join(_FILTERS)}'
            )
        self.scale_factor = scale_factor
        self.scale = (scale, scale) if isinstance(scale, int) else scale
        self.keep_ratio = keep_ratio
        self.size_divisor = size_divisor
        self.interpolation = interpolation

    def transform(self, results: dict) -> dict:
        """Resize the image and its masks."""
        height, width = results['img'].shape[:2]
        size = self._target(height, width)
        results['img'] = _resize(results['img'], size, _FILTERS[self.interpolation])
        for field in results.get('seg_fields', []):
            results[field] = _resize(results[field], size, Image.Resampling.NEAREST)
        results['img_shape'] = size
        results['scale'] = size[::-1]
        results['scale_factor'] = size[1] / width, size[0] / height
        results['keep_ratio'] = self.keep_ratio
        return results

    def _target(self, height: int, width: int) -> tuple[int, int]:
        """Return the size ``(h, w)`` to resize to."""
        wanted = self._wanted(height, width)
        if self.size_divisor:
            rows, columns = (math.ceil(side / self.size_divisor) for side in wanted)
            return rows * self.size_divisor, columns * self.size_divisor
        rows, columns = (max(round(side), 1) for side in wanted)  # half to even, as numpy's
        return rows, columns

    def _wanted(self, height: int, width: int) -> tuple[float, float]:
        """Return the size before it is rounded."""
        if self.scale_factor is not None:
            return height * self.scale_factor, width * self.scale_factor
        assert self.scale is not None
        if not self.keep_ratio:
            return self.scale[1], self.scale[0]
        long, short = max(self.scale), min(self.scale)
        factor = min(long / max(height, width), short / min(height, width))
        return height * factor, width * factor

    def __repr__(self) -> str:
        name = type(self).__name__
        return (
            f'{name}(scale_factor={self.scale_factor}, scale={self.scale}, '
            f'keep_ratio={self.keep_ratio}, size_divisor={self.size_divisor}, '
            f'interpolation={self.interpolation!r})'
        )


def _resize(array: np.ndarray, size: tuple[int, int], resample: Image.Resampling) -> np.ndarray:
    return np.array(Image.fromarray(array).resize(size[::-1], resample))
