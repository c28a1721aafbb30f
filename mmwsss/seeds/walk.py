"""IRN's random walk on a seed: maps spread to where no boundary is crossed."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmwsss.functional.own_background import background_share
from mmwsss.functional.random_walk import (
    normalize_walk,
    random_walk,
    upsample_walk,
    walk_extent,
)
from mmwsss.seeds.files import Seed, Source
from mmwsss.seeds.thresholds import IRN_THRESHOLDS, Power
from mmwsss.structures import Range, Settings


@dataclass(frozen=True)
class WalkSettings(Settings):
    """How a seed walks.

    Attributes:
        source: ``cam``, ``pacam`` or ``sum``.
        power: Exponent of the maps before the walk.
        radius: Of the steps, in cells of the stride-4 grid.
        beta: Exponent of the affinities.
        steps: Number of steps.
        full_size: Return maps of the image's size, enlarged by 4 and cropped as IRN does. Those on
            the stride-4 grid are files of a tenth; whoever reads them enlarges and crops them
            likewise, as their ``extent`` says.

    Raises:
        ValueError: The source is unknown, or a number is out of its range.
    """

    source: Source = 'cam'
    power: Power = IRN_THRESHOLDS.power
    radius: Annotated[int, Range(2)] = 5  # IRN
    beta: Annotated[float, Range(0)] = 10.0  # IRN
    steps: Annotated[int, Range(1)] = 256  # IRN, 2 ** 8
    full_size: bool = False


def walk_seed(seed: Seed, edge: Tensor, settings: WalkSettings) -> Seed:
    """Let the maps of a seed walk.

    Args:
        seed: Of an image of ``(H, W)``.
        edge: Boundary map in [0, 1] on the stride-4 grid, ``(ceil(H/4), ceil(W/4))``; the walk
            happens on its device.
        settings: Source, power, radius and steps of the walk.

    Returns:
        The same classes with the maps after the walk as ``cam``, divided by the maximum of all of
        them, so that a threshold means the same for each class. A PACAM's own background walks
        along: then ``cam`` and ``background`` are shares of a pixel (`background_share`), and the
        argmax of the masks needs no threshold.

    Raises:
        ValueError: The boundaries are of another part of the image.
    """
    if settings.source == 'pacam' and seed.pacam_background is not None:
        return _walk_with_background(seed, seed.pacam_background, edge, settings)
    maps = torch.from_numpy(seed.maps(settings.source)).to(edge)
    maps = _on_grid(maps, edge)
    if len(maps):
        maps = random_walk(
            maps**settings.power, edge, settings.radius, settings.beta, settings.steps
        )
    else:
        maps = maps.new_zeros(0, *edge.shape)
    extent = _extent(maps, seed, settings)
    if settings.full_size:
        maps = upsample_walk(maps, seed.size)
    elif extent:
        maps = normalize_walk(maps, seed.size)
    elif len(maps):
        maps = maps / maps.max().clamp(min=torch.finfo(maps.dtype).tiny)
    return Seed(seed.classes, maps.cpu().numpy(), seed.size, extent=extent)


def _walk_with_background(
    seed: Seed, background: np.ndarray, edge: Tensor, settings: WalkSettings
) -> Seed:
    """Let the background of the PACAM, ``(h, w)``, walk as one more map."""
    planes = np.concatenate([background[None], seed.maps('pacam')])
    maps = _on_grid(torch.from_numpy(planes).to(edge), edge)
    maps = random_walk(maps**settings.power, edge, settings.radius, settings.beta, settings.steps)
    extent = _extent(maps, seed, settings)
    if settings.full_size:
        maps = upsample_walk(maps, seed.size)
    shares = background_share(maps).cpu().numpy()
    return Seed(seed.classes, shares[1:], seed.size, background=shares[0], extent=extent)


def _extent(maps: Tensor, seed: Seed, settings: WalkSettings) -> tuple[int, int] | None:
    """Return the pixels that maps on the stride-4 grid cover; None for maps on any other one."""
    covered = walk_extent(maps.shape[1:])
    over = [pixels - side for pixels, side in zip(covered, seed.size, strict=True)]
    on_grid = min(over) >= 0 and max(over) < walk_extent((1, 1))[0]
    return covered if on_grid and not settings.full_size else None


def _on_grid(maps: Tensor, edge: Tensor) -> Tensor:
    """Resize maps ``(k, h, w)`` to the grid of the boundaries."""
    _check_same_part(maps.shape[-2:], edge.shape)
    if maps.shape[-2:] == edge.shape or not len(maps):
        return maps
    return F.interpolate(maps[None], edge.shape, mode='bilinear', align_corners=False)[0]


def _check_same_part(grid: tuple[int, ...], edge: tuple[int, ...]) -> None:
    """Compare proportions: a map may be finer or coarser, but not of a crop."""
    if abs(grid[0] * edge[1] - grid[1] * edge[0]) > sum(grid) + sum(edge):
        raise ValueError(
            f'the seed is {grid[0]} x {grid[1]}, the boundaries are {edge[0]} x {edge[1]}: they '
            'are not of the same part of the image; released_crop of mmwsss.IRNet crops'
        )
