"""What all test-time augmentations do to the views of one image."""

import torch
from mmseg.structures import SegDataSample
from torch import Tensor


def flip_back(maps: Tensor, view: SegDataSample) -> Tensor:
    """Undo the flip of a view.

    Args:
        maps: Of the view, ``(..., h, w)``.
        view: Says whether and how the image was flipped.
    """
    if not view.metainfo.get('flip'):
        return maps
    axis = {'horizontal': -1, 'vertical': -2}[view.flip_direction]
    return maps.flip(axis)


def mean_probability(views: list[SegDataSample]) -> Tensor:
    """Return the mean softmax of a segmentor's views, ``(C, H, W)``."""
    return torch.stack([view.seg_logits.data.softmax(dim=0) for view in views]).mean(dim=0)
