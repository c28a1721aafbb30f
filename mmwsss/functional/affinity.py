"""Affinity of pixel pairs from a class boundary map (IRN, CVPR 2019, Sec. 4.1 and 5)."""

import math
from functools import reduce
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Offset = tuple[int, int]  # (dy, dx) in grid cells
EPS = 1e-5  # added inside the logarithms of the affinity loss (IRN)


def pair_offsets(radius: int) -> list[Offset]:
    """Return the offsets from a source to its partners: half a disc, each pair once.

    Args:
        radius: Of the disc, in cells; a partner is strictly nearer.

    Returns:
        ``(dy, dx)`` with ``dy > 0``, or ``dy = 0`` and ``dx > 0``; row by row.

    Example:
        >>> pair_offsets(2)
        [(0, 1), (1, -1), (1, 0), (1, 1)]
    """
    reach = radius - 1
    return [
        (dy, dx)
        for dy in range(reach + 1)
        for dx in range(-reach, reach + 1)
        if (dy > 0 or dx > 0) and dy * dy + dx * dx < radius * radius
    ]


def path_cells(offset: Offset) -> list[Offset]:
    """Return the cells on the straight path from ``(0, 0)`` to `offset`, both ends included.

    They are the cells of the bounding box of both ends whose distance to the line is below 1.

    Example:
        >>> path_cells((1, 2))
        [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    """
    dy, dx = offset
    length = math.hypot(dy, dx)
    return [
        (y, x)
        for y in range(min(0, dy), max(0, dy) + 1)
        for x in range(min(0, dx), max(0, dx) + 1)
        if abs(dy * x - dx * y) / length < 1
    ]


def pair_affinity(edge: Tensor, radius: int) -> Tensor:
    """Return one minus the strongest boundary on the path between the pixels of each pair.

    Args:
        edge: Boundary map in [0, 1], ``(..., H, W)``; carries gradient. Outside it is 1.
        radius: Radius of the disc of pairs, in cells, as in `pair_offsets`.

    Returns:
        ``(P, ..., H, W)``, pair ``p`` of a pixel being that with the pixel at ``pair_offsets[p]``
        from it; 0 where that lies outside.
    """
    reach = radius - 1
    # Partners lie to the left, to the right and below; a pair that leaves the image crosses the 1.
    return source_affinity(F.pad(edge, (reach, reach, 0, reach), value=1.0), radius)


def source_affinity(edge: Tensor, radius: int) -> Tensor:
    """Return the affinities of `pair_affinity` for those pixels alone that `sources` cuts out.

    Args:
        edge: Boundary map in [0, 1], ``(..., H, W)``; carries gradient.
        radius: Radius of the disc of pairs, in cells, as in `pair_offsets`.

    Returns:
        ``(P, ..., H - radius + 1, W - 2 * (radius - 1))``; empty where the map is too small.
    """
    reach = radius - 1
    height, width = sources(edge, radius).shape[-2:]
    planes = []
    for offset in pair_offsets(radius):
        path = [
            edge[..., y : y + height, x + reach : x + reach + width] for y, x in path_cells(offset)
        ]
        # The path of every source at once: the map, moved by each cell of the path.
        planes.append(1 - _maximum(path))
    return torch.stack(planes)


def _maximum(maps: list[Tensor]) -> Tensor:
    """Return the maximum of several maps, cell by cell.

    The gradient of `amax` costs half of that of a chain of maxima. Without a gradient the chain
    needs no copy of all maps, which at IRN's sizes would start torch's threads for each offset.
    """
    if maps[0].requires_grad:
        return torch.stack(maps).amax(dim=0)
    return reduce(torch.maximum, maps)


class PairKinds(NamedTuple):
    """Which pairs a loss counts, each ``(P, B, h, w)`` of bools on the grid of `sources`.

    Attributes:
        background: Both ends are background.
        foreground: Both ends are of the same class.
        different: The ends differ.
    """

    background: Tensor
    foreground: Tensor
    different: Tensor


def sources(maps: Tensor, radius: int) -> Tensor:
    """Cut out the pixels all of whose partners lie inside (IRN: only they are sources).

    Args:
        maps: ``(..., H, W)``.
        radius: Radius of the disc of pairs, in cells, as in `pair_offsets`.

    Returns:
        ``(..., H - radius + 1, W - 2 * (radius - 1))``; empty where the map is too small.

    Example:
        >>> sources(torch.arange(12).view(3, 4), radius=2)
        tensor([[1, 2],
                [5, 6]])
    """
    reach = radius - 1
    height, width = maps.shape[-2:]
    return maps[..., : max(height - reach, 0), reach : max(width - reach, reach)]


def partners(maps: Tensor, radius: int) -> Tensor:
    """Return the values at the partners of the pixels of `sources`.

    Args:
        maps: ``(..., H, W)``.
        radius: Radius of the disc of pairs, in cells, as in `pair_offsets`.

    Returns:
        ``(P, ..., h, w)``, in the order of `pair_offsets`.
    """
    reach = radius - 1
    height, width = sources(maps, radius).shape[-2:]
    return torch.stack(
        [
            maps[..., dy : dy + height, reach + dx : reach + dx + width]
            for dy, dx in pair_offsets(radius)
        ]
    )


def pair_kinds(label: Tensor, radius: int, ignore_index: int) -> PairKinds:
    """Sort the pairs of every source by the labels of their ends.

    Args:
        label: ``(B, H, W)``, 0 is background.
        radius: Radius of the disc of pairs, in cells, as in `pair_offsets`.
        ignore_index: A pair with such an end is of no kind.
    """
    source, partner = sources(label, radius), partners(label, radius)
    counted = (source != ignore_index) & (partner != ignore_index)
    same = counted & (source == partner)
    return PairKinds(
        background=same & (source == 0),
        foreground=same & (source != 0),
        different=counted & (source != partner),
    )


def affinity_loss_terms(affinity: Tensor, kinds: PairKinds) -> tuple[Tensor, Tensor]:
    """Sums and counts of the cross-entropy of affinities (boundary loss of IRN).

    With the means ``b, f, d`` over background, foreground and different pairs the loss is
    ``((b + f) / 2 + d) / 2``. Sums and counts are apart so that means run over all processes.

    Args:
        affinity: Of `pair_affinity`, cut to the sources, ``(P, B, h, w)`` in [0, 1].
        kinds: Of the same pairs.

    Returns:
        Sums ``(3,)`` and counts ``(3,)``: background, foreground, different.
    """
    # Affinities may be 0 and 1; the released code adds the same number.
    positive = -torch.log(affinity + EPS)
    negative = -torch.log(1 + EPS - affinity)
    total = [
        (positive * kinds.background).sum(),
        (positive * kinds.foreground).sum(),
        (negative * kinds.different).sum(),
    ]
    count = [kind.sum() for kind in kinds]
    return torch.stack(total), torch.stack(count).to(affinity)


def displacement_loss_terms(
    displacement: Tensor, kinds: PairKinds, radius: int
) -> tuple[Tensor, Tensor]:
    """Sums and counts of the displacement losses of IRN.

    Both pixels of a foreground pair shall point to one place, so that their displacements differ,
    source minus partner, by the offset from source to partner; those of a background pair shall not
    differ. The loss is half the sum of the two means. As in the released code a pair counts
    twice, once for each axis.

    Args:
        displacement: ``(B, 2, H, W)``, ``(dy, dx)`` in grid cells.
        kinds: Of `pair_kinds` on the same grid.
        radius: Radius of the disc of pairs, in cells, as in `pair_offsets`.

    Returns:
        Sums ``(2,)`` and counts ``(2,)``, background first.
    """
    difference = sources(displacement, radius) - partners(displacement, radius)  # (P, B, 2, h, w)
    offset = torch.tensor(pair_offsets(radius), dtype=difference.dtype)
    offset = offset.to(difference.device, non_blocking=True)[:, None, :, None, None]
    total = [
        (difference.abs().sum(dim=2) * kinds.background).sum(),
        ((difference - offset).abs().sum(dim=2) * kinds.foreground).sum(),
    ]
    count = [2 * kinds.background.sum(), 2 * kinds.foreground.sum()]
    return torch.stack(total), torch.stack(count).to(displacement)
