"""What all test-time augmentations do to the views of one image."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cam import sum_views


@dataclass(frozen=True)
class Views:
    """Maps of one image under several scales and flips, ready to be merged.

    Attributes:
        maps: Flipped back, each ``(K, h, w)`` on the grid of its own view.
        grid: ``(h, w)`` that they are resized to.
        size: ``(h, w)`` of the seed: the top left part of `grid`.
        classes: The image's ``k`` foreground classes, 0-based.
        sample: The first view's data sample, with what a pipeline adds to an image.
    """

    maps: Sequence[Tensor]
    grid: tuple[int, int]
    size: tuple[int, int]
    classes: Sequence[int]
    sample: SegDataSample

    def total(self) -> Tensor:
        """Return the sum over the views, ``(K, h, w)``."""
        height, width = self.size
        return sum_views(list(self.maps), self.grid)[:, :height, :width]

    def mean(self) -> Tensor:
        """Return the mean over the views, ``(K, h, w)``."""
        return self.total() / len(self.maps)


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
    return torch.stack([view.seg_logits.data.float().softmax(dim=0) for view in views]).mean(dim=0)
