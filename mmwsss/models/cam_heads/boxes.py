"""Boxes around what a map is sure of (CLIP-ES)."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

_EIGHT_NEIGHBORS = np.ones((3, 3), dtype=int)


def box_mask(maps: Tensor, threshold: float, border: bool = True) -> Tensor:
    """Mark the cells that lie in the box of a connected region of large values (CLIP-ES, CAA).

    Maps are rounded down to 0..255. A region holds the cells strictly above ``threshold`` of the
    map's maximum; cells touch at sides and corners. Regions inside the hole of another count, too.

    Args:
        maps: ``(B, N, h, w)`` in [0, 1].
        threshold: Share of a map's maximum, in [0, 1].
        border: False leaves out the last row and column of the grid, as the released code does.

    Returns:
        ``(B, N, h, w)`` of 0 and 1; a map without a region has no box.
    """
    grey = (maps.detach().cpu().numpy() * 255).astype(np.uint8)
    mask = np.zeros(grey.shape, dtype=np.float32)
    height, width = grey.shape[-2:]
    bottom, right = (height, width) if border else (height - 1, width - 1)
    planes, masks = grey.reshape(-1, height, width), mask.reshape(-1, height, width)
    for plane, boxes in zip(planes, masks, strict=True):
        regions, _ = ndimage.label(plane > int(threshold * plane.max()), _EIGHT_NEIGHBORS)
        for rows, columns in ndimage.find_objects(regions):
            boxes[rows.start : min(rows.stop, bottom), columns.start : min(columns.stop, right)] = 1
    return torch.from_numpy(mask).to(maps)
