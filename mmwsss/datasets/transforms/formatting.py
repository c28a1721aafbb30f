"""From the dictionary of a pipeline to what a model takes."""

from collections.abc import Sequence

import torch
from mmengine.structures import LabelData, PixelData
from mmseg.datasets.transforms import PackSegInputs

from mmwsss.registry import TRANSFORMS

META_KEYS = (
    'img_id',
    'img_path',
    'seg_map_path',
    'ground_truth_path',
    'ori_shape',
    'img_shape',
    'pad_shape',
    'scale_factor',
    'flip',
    'flip_direction',
    'reduce_zero_label',
)


@TRANSFORMS.register_module()
class PackImageLabelInputs(PackSegInputs):
    """mmseg's `PackSegInputs` that packs the image label and the valid mask too.

    Where the results have them, the data sample gets

    * ``gt_label.multi_hot``, float32 of shape ``(N,)``, from ``gt_label``;
    * ``valid_mask.data``, uint8 of shape ``(1, H, W)``, from ``valid_mask``.

    Args:
        meta_keys: What goes into the meta information, as far as the results have it.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        super().__init__(tuple(meta_keys))

    def transform(self, results: dict) -> dict:
        """Pack to ``inputs`` uint8 ``(3, H, W)`` and ``data_samples``."""
        packed = super().transform(results)
        sample = packed['data_samples']
        if 'gt_label' in results:
            multi_hot = torch.as_tensor(results['gt_label'], dtype=torch.float32)
            sample.gt_label = LabelData(multi_hot=multi_hot)
        if 'valid_mask' in results:
            sample.valid_mask = PixelData(data=torch.from_numpy(results['valid_mask'])[None])
        return packed
