"""Predictions that are named as the masks that judge them."""

from collections.abc import Sequence
from typing import Any

from mmseg.evaluation import IoUMetric

from mmwsss.registry import METRICS


@METRICS.register_module()
class MaskNamedIoUMetric(IoUMetric):
    """mmseg's `IoUMetric`, whose predictions have the names of the masks, where there are masks.

    mmseg names them after the images, without their folders, so that ``cat/1.jpg`` and
    ``dog/1.jpg`` would be one file.
    """

    def process(self, data_batch: dict[str, Any], data_samples: Sequence[dict[str, Any]]) -> None:
        """Judge a batch, and write its predictions where there is an ``output_dir``."""
        named = [
            {**sample, 'img_path': sample.get('seg_map_path') or sample['img_path']}
            for sample in data_samples
        ]
        super().process(data_batch, named)
