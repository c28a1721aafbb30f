"""What networks read of the data samples of a batch."""

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor


def stack_masks(data_samples: Sequence[SegDataSample], name: str = 'mask') -> Tensor:
    """Stack the masks that are learnt from, ``(B, H, W)`` int64.

    Args:
        data_samples: Of the batch, each with ``gt_sem_seg``.
        name: What the masks are called, for the message.

    Raises:
        ValueError: A sample has none.
    """
    for sample in data_samples:
        if 'gt_sem_seg' not in sample:
            raise ValueError(
                f'image {sample.metainfo.get("img_path")} carries no {name} to learn from: set '
                'mask_dir of its mmwsss.ImageLabelDataset, and put LoadAnnotations after LoadImage '
                'in the train_pipeline'
            )
    return torch.cat([sample.gt_sem_seg.data for sample in data_samples])
