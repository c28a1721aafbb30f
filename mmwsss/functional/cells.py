"""Images of any size for networks that cut them into cells: padding, and maps that fit again."""

import torch
import torch.nn.functional as F
from torch import Tensor


def count_cells(pixels: int, cell: int) -> int:
    """Return how many cells cover so many pixels.

    Example:
        >>> count_cells(28, 14), count_cells(29, 14)
        (2, 3)
    """
    return (pixels + cell - 1) // cell


def pad_to_cells(images: Tensor, cell: int) -> Tensor:
    """Pad with zeros at the right and at the bottom, so that whole cells cover the images.

    Args:
        images: Images or masks, ``(B, C, H, W)``.
        cell: Side of a cell in pixels.

    Returns:
        ``(B, C, H', W')``, multiples of `cell`; `images` itself where they are already.
    """
    height, width = images.shape[-2:]
    bottom, right = -height % cell, -width % cell
    if not (bottom or right or torch.compiler.is_exporting()):
        return images  # an export would take this for images of all sizes
    return F.pad(images, (0, right, 0, bottom))


def spread_over_image(maps: Tensor, cell: int, size: tuple[int, int]) -> Tensor:
    """Bring maps of whole cells, the last of which stick out of the image, to the image itself.

    What reads a map afterwards takes it as spread evenly over the image. Values lie in the middle
    of cells; between them they are bilinear, beyond the outermost constant.

    Args:
        maps: ``(K, h, w)``; cells of `cell` pixels from the upper left corner on.
        cell: Side of a cell in pixels.
        size: ``(H, W)`` of the image in pixels.

    Returns:
        ``(K, h, w)`` on as many cells, which cover ``H`` and ``W`` exactly; `maps` itself where
        they do already.

    Example:
        >>> import torch
        >>> spread_over_image(torch.tensor([[[0.0, 4.0]]]), cell=4, size=(4, 6))
        tensor([[[0.0000, 2.5000]]])
    """
    height, width = maps.shape[-2:]
    if (height * cell, width * cell) == tuple(size) or not len(maps):
        return maps
    # in [-1, 1] of the cells, as grid_sample has it: x' = s (x + 1) - 1 with s = W / (w cell)
    down, across = size[0] / (height * cell), size[1] / (width * cell)
    theta = torch.tensor([[across, 0, across - 1], [0, down, down - 1]], dtype=torch.float32)
    theta = theta.to(maps.device, non_blocking=True)
    with torch.autocast(maps.device.type, enabled=False):  # places need float32
        grid = F.affine_grid(theta[None], [1, 1, height, width], align_corners=False)
        spread = F.grid_sample(maps[None].float(), grid, padding_mode='border', align_corners=False)
    return spread[0].to(maps)
