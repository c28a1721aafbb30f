"""Multi-scale and flip views of a host with pixel logits, merged into a seed (AMN)."""

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cam import normalize_by_range
from mmwsss.functional.segmentation import resize_labels
from mmwsss.registry import MODELS

from .cam_tta import CAMTTAModel


@MODELS.register_module()
class AMNTTAModel(CAMTTAModel):
    """Test-time augmentation of a `CAMSegmentor` with an `AMNHead`.

    Softmax of the mean logits of all views; where the ir_label is no background each map of the
    background and of the present classes is stretched to its whole range. PACAMs are merged as
    `CAMTTAModel` does. With `full_size` the maps are resized to the image itself and not, as IRN's,
    to a padded one.

    The arguments are those of `CAMTTAModel`.
    """

    padded = False

    def merge_host(self, views: list[SegDataSample]) -> dict[str, Tensor]:
        """Return ``cam`` ``(k, h, w)`` and ``background`` ``(h, w)``.

        Raises:
            ValueError: There is no ir_label, or its size is not that of the image.
        """
        logits = self.sum_views(views, 'logits') / len(views)  # (N + 1, h, w)
        mask_channels = [n + 1 for n in views[0].cam_view.metainfo['classes']]
        kept = logits.softmax(dim=0)[[0, *mask_channels]]  # (1 + k, h, w)
        label = resize_labels(_ir_label(views[0]), kept.shape[-2:])  # (1, h, w)
        merged = torch.where(label != 0, normalize_by_range(kept), kept)
        return {'cam': merged[1:], 'background': merged[0]}


def _ir_label(sample: SegDataSample) -> Tensor:
    """Return the image's ir_label, ``(1, H, W)``."""
    image = sample.metainfo.get('img_path')
    if 'gt_sem_seg' not in sample:
        raise ValueError(
            f'image {image} has no ir_label, which tells where its seed is stretched: set mask_dir '
            'in seed_dataloader.dataset, put LoadAnnotations after RandomFlip in the tta_pipeline, '
            'and make the ir_labels with `python tools/run_pipeline.py CONFIG --until ir_labels`'
        )
    label = sample.gt_sem_seg.data
    if tuple(label.shape[-2:]) != tuple(sample.ori_shape):
        raise ValueError(
            f'the ir_label of {image} is {tuple(label.shape[-2:])}, the image '
            f'{tuple(sample.ori_shape)}: put LoadAnnotations after Resize and RandomFlip in the '
            'tta_pipeline'
        )
    return label
