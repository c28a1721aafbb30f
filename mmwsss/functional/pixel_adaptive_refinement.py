"""Pixel-adaptive refinement, PAR (Ru et al., AFA, CVPR 2022, Sec. 3.4).

Maps spread over the eight neighbours of a pixel at several distances, each step by the same
weights: a softmax of how alike the colours are, in standard deviations of the colours around the
pixel, and a little of one of how near the neighbours are.
"""

import itertools
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

DILATIONS = (1, 2, 4, 8, 12, 24)  # AFA Sec. 4.1
_TINY = 1e-8  # ours: where all neighbours have one colour, no neighbour differs


def pixel_adaptive_refinement(
    images: Tensor, maps: Tensor, dilations: Sequence[int] = DILATIONS, iterations: int = 10
) -> Tensor:
    """Refine maps by the colours of the image.

    Args:
        images: ``(B, 3, H, W)``; the unit of the colours does not matter.
        maps: ``(B, C, H, W)`` float.
        dilations: Distances of the neighbours, in pixels.
        iterations: Steps.

    Returns:
        ``(B, C, H, W)``; all labels grow alike by a hundredth a step, as the weights of AFA do not
        sum to one.

    Raises:
        ValueError: If the sizes differ.
    """
    if images.shape[0] != maps.shape[0] or images.shape[2:] != maps.shape[2:]:
        raise ValueError(f'images are {tuple(images.shape)}, but the maps {tuple(maps.shape)}')
    weights = neighbour_weights(images.to(maps), dilations)
    for _ in range(iterations):
        refined = torch.zeros_like(maps)
        for weight, neighbour in zip(
            weights.unbind(dim=1), _neighbours(maps, dilations), strict=True
        ):
            refined.addcmul_(weight[:, None], neighbour)
        maps = refined
    return maps


def neighbour_weights(
    images: Tensor,
    dilations: Sequence[int] = DILATIONS,
    color_width: float = 0.3,  # AFA Sec. 4.1, w_1
    position_width: float = 0.3,  # w_2
    position_share: float = 0.01,  # w_3
) -> Tensor:
    """Return how much a pixel takes from each neighbour (AFA Eq. 8 to 10).

    ``softmax(-mean_c (|I - I_k| / (w_1 s))^2) + w_3 softmax(-(|p - p_k| / (w_2 s_p))^2)``, with
    ``s`` and ``s_p`` the standard deviations of the neighbours' colours and distances.

    Args:
        images: ``(B, 3, H, W)`` float.
        dilations: Distances of the neighbours, in pixels.
        color_width: ``w_1``.
        position_width: ``w_2``.
        position_share: ``w_3``.

    Returns:
        ``(B, K, H, W)`` with ``K`` eight times the number of distances.
    """
    differences = torch.stack([n - images for n in _neighbours(images, dilations)], dim=1)
    deviation = differences.std(dim=1, keepdim=True)  # (B, 1, 3, H, W)
    unlike = differences.div_(color_width * deviation + _TINY).square_().mean(dim=2)
    distance = images.new_tensor([(dy * dy + dx * dx) ** 0.5 for dy, dx in _offsets(dilations)])
    far = (distance / (position_width * distance.std() + _TINY)).square()
    near = position_share * (-far).softmax(dim=0)
    return (-unlike).softmax(dim=1) + near[:, None, None]


def _offsets(dilations: Sequence[int]) -> list[tuple[int, int]]:
    """List the ``(dy, dx)`` of the neighbours."""
    around = [(dy, dx) for dy, dx in itertools.product((-1, 0, 1), repeat=2) if dy or dx]
    return [(step * dy, step * dx) for step in dilations for dy, dx in around]


def _neighbours(maps: Tensor, dilations: Sequence[int]) -> Iterator[Tensor]:
    """Yield views of every pixel's neighbours; beyond the edge the pixels of the edge go on."""
    margin, (height, width) = max(dilations), maps.shape[2:]
    padded = F.pad(maps, [margin] * 4, mode='replicate')
    for dy, dx in _offsets(dilations):
        rows, columns = slice(margin + dy, margin + dy + height), margin + dx
        yield padded[:, :, rows, columns : columns + width]
