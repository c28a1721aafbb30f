"""Views of one size go through the network together."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from mmengine.model import BaseTTAModel
from mmseg.structures import SegDataSample

Place = tuple[int, int]  # view, image

# Pixels that the network sees at once, unless one view alone has more: ten megapixels need as much
# memory as they need one by one.
MAX_PIXELS = 2**22  # ours


class BatchedViews(BaseTTAModel):
    """Test-time augmentation whose views of equal size are one batch: a scale and its flip.

    Images of equal size share a batch, too, where the loader gives several. Nothing is padded, so
    that the predictions are those of the views one by one, up to rounding.
    """

    def test_step(self, data: dict[str, Any]) -> list[SegDataSample]:
        """Return one merged sample for each image.

        Args:
            data: ``inputs`` and ``data_samples``, each a list of views, which are lists of images,
                as a loader with `MultiScaleFlip` gives them.
        """
        return self.merge_preds(self.predict_views(data))

    def predict_views(self, data: dict[str, Any]) -> list[list[SegDataSample]]:
        """Return the predictions of the views of each image, in the order of the views."""
        predicted: dict[Place, SegDataSample] = {}
        for places in _batches(data['inputs']):
            batch = {key: [values[v][i] for v, i in places] for key, values in data.items()}
            predicted.update(zip(places, self.module.test_step(batch), strict=True))
        views, images = len(data['inputs']), len(data['inputs'][0])
        return [[predicted[view, image] for view in range(views)] for image in range(images)]


def _batches(inputs: list[list[Any]]) -> Iterator[list[Place]]:
    """Yield the places of tensors ``(3, H, W)`` of one size, up to `MAX_PIXELS`."""
    same_size: defaultdict[tuple[int, ...], list[Place]] = defaultdict(list)
    for view, images in enumerate(inputs):
        for image, pixels in enumerate(images):
            same_size[tuple(pixels.shape)].append((view, image))
    for shape, places in same_size.items():
        count = max(1, MAX_PIXELS // (shape[-2] * shape[-1]))
        for start in range(0, len(places), count):
            yield places[start : start + count]
