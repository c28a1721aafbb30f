"""Gaussian filtering of many points in few dimensions on the permutohedral lattice.

Adams, Baek and Davis, *Fast High-Dimensional Filtering Using the Permutohedral Lattice*, 2010. A
point of ``d`` features lies in a simplex of ``d + 1`` lattice points. Values are *splatted* onto
these by barycentric weights, *blurred* along the ``d + 1`` directions of the lattice, and *sliced*
back at the points.

A lattice point is written by the ``d`` whole numbers ``(k_0 - k_i) / (d + 1)`` of its coordinates
``k``, packed into one integer. A step in direction ``i`` then adds one number to the packed one,
the same everywhere; and the corners of a simplex are such steps apart, too. So all corners of all
points are one array of integers, which one stable sort turns into the vertices, and one more for
each direction finds the neighbours of all vertices. Splat, blur and slice are weighted sums of
rows, a row being the values of all channels.
"""

import math
from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# Channels of float32 -> a number of the same size, which is copied in one piece.
_NUMBERS = {1: torch.float32, 2: torch.complex64, 4: torch.complex128}


class PermutohedralLattice:
    """Filters values by the Gaussian ``exp(-|f_a - f_b|^2 / 2)`` of the points' features.

    The result is the sum over the points, up to one common factor; whoever wants a mean divides by
    the filtered ones.

    Args:
        features: ``(B, d, N)`` float: ``d`` features, each in standard deviations of the Gaussian,
            of the ``N`` points of each of ``B`` images. Points of different images do not meet.

    Attributes:
        num_vertices: Lattice points that are in use.

    Raises:
        ValueError: If there are no points, a feature is not finite, or the features reach so far
            that their lattice cannot be numbered.
    """

    def __init__(self, features: Tensor) -> None:
        if features.ndim != 3 or not features.numel():
            raise ValueError(f'features must be (B, d, N), not {tuple(features.shape)}')
        if not features.isfinite().all():
            raise ValueError('features must be finite')
        batch, dimensions, points = features.shape
        flat = features.float().movedim(0, 1).reshape(dimensions, batch * points)
        cell, residue, rank = _closest_simplex(_elevate(flat))
        codes, steps = _corner_codes(cell, rank, batch)
        weights = _barycentric_weights(residue, rank)
        vertices, starts, order, corners = _vertices(codes)
        self.num_vertices = len(vertices)
        # one more vertex of value 0, the neighbour of whoever has none
        starts = F.pad(starts, (0, 1), value=codes.numel())
        self._splat = _Sums(starts.int(), order % (batch * points), weights.flatten()[order])
        self._blurs = [_Blur(vertices, step) for step in steps]
        self._corners = corners.view_as(codes).T.contiguous()  # (B * N, d + 1)
        self._weights = (1 / (1 + 2.0**-dimensions) * weights).T.contiguous()

    def normalize(self) -> None:
        """Make `filter` symmetric with mean: ``D K D`` with ``D = diag(K 1)^(-1/2)``, for ``K``."""
        ones = torch.ones(len(self._weights), 1, device=self._weights.device)
        scale = (self.filter(ones)[:, 0] + 1e-20).rsqrt()
        self._splat.weights.mul_(scale[self._splat.rows])
        self._weights.mul_(scale[:, None])

    def filter(self, values: Tensor) -> Tensor:
        """Filter values at the points.

        Args:
            values: ``(B * N, C)`` float32, image after image. One, two and four channels are
                fastest for their number on a CPU.

        Returns:
            The same shape.
        """
        return self.slice(self.splat(values), slice(None))

    def splat(self, values: Tensor) -> Tensor:
        """Bring values ``(B * N, C)`` to the vertices and blur them, ``(num_vertices + 1, C)``."""
        at_vertices = self._splat.of(values)
        for blur in self._blurs:
            at_vertices = blur.of(at_vertices)
        return at_vertices

    def slice(self, at_vertices: Tensor, points: slice) -> Tensor:
        """Bring what `splat` returned to some of the points, ``(number of them, C)``."""
        corners, weights = self._corners[points], self._weights[points]
        return F.embedding_bag(corners, at_vertices, mode='sum', per_sample_weights=weights)


class _Sums(NamedTuple):
    """Weighted sums of rows.

    Attributes:
        starts: Sum ``m`` has the entries from ``starts[m]`` to ``starts[m + 1]``, ``(M + 1,)``.
        rows: What to sum, ``(E,)``.
        weights: By which factors, ``(E,)`` float32.
    """

    starts: Tensor
    rows: Tensor
    weights: Tensor

    def of(self, values: Tensor) -> Tensor:
        """Sum rows of ``(number, C)``: ``(M, C)``."""
        return F.embedding_bag(
            self.rows,
            values,
            self.starts,
            mode='sum',
            per_sample_weights=self.weights,
            include_last_offset=True,
        )


def _elevate(features: Tensor) -> Tensor:
    """Map points onto the hyperplane of the lattice, whose coordinates sum to zero.

    Args:
        features: ``(d, P)``.

    Returns:
        ``(d + 1, P)``, scaled so that the splat, blur and slice of the lattice have the variance
        of the Gaussian (Adams et al. Sec. 3.1).
    """
    dimensions, points = features.shape
    elevated = features.new_empty(dimensions + 1, points)
    total = features.new_zeros(points)
    deviation = float(torch.tensor(math.sqrt(2 / 3) * (dimensions + 1)))  # rounded to float32
    for axis in range(dimensions, 0, -1):
        scaled = features[axis - 1] * (deviation / math.sqrt(axis * (axis + 1)))
        elevated[axis] = total - axis * scaled
        total = total + scaled
    elevated[0] = total
    return elevated


def _closest_simplex(elevated: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the simplex around every point.

    Args:
        elevated: ``(d + 1, P)`` coordinates that sum to zero.

    Returns:
        The closest lattice point whose coordinates are multiples of ``d + 1``, divided by that;
        the way from there to the point, divided by ``d + 1`` too; and the rank of every coordinate
        of this way, 0 the largest, int8. All ``(d + 1, P)``.
    """
    count = len(elevated)
    cell = torch.round(elevated * (1 / count))
    way = elevated - cell * count
    order = torch.arange(count, dtype=torch.int8, device=elevated.device)
    rank = order[:, None].repeat(1, elevated.shape[1])
    for first in range(count):
        for second in range(first + 1, count):
            smaller = (way[first] < way[second]).view(torch.int8)
            rank[first] += smaller
            rank[second] -= smaller
    # Rounding may have left the hyperplane: the coordinates that were rounded furthest go back.
    rank += cell.sum(dim=0).to(torch.int8)
    back = (rank < 0).to(torch.int8) - (rank >= count).to(torch.int8)
    rank += count * back
    cell += back
    return cell, (elevated - cell * count) * (1 / count), rank


def _corner_codes(cell: Tensor, rank: Tensor, batch: int) -> tuple[Tensor, list[int]]:
    """Number the corners of the simplices.

    Args:
        cell: As from `_closest_simplex`.
        rank: Likewise.
        batch: Number of images, whose points follow each other.

    Returns:
        The numbers, ``(d + 1, P)`` int32 where they fit, else int64; and what a step in each
        of the ``d + 1`` directions adds to a number.

    Raises:
        ValueError: If they do not fit into int64 either.
    """
    distances = cell[0] - cell[1:]  # (d, P)
    low, high = (extreme.tolist() for extreme in distances.aminmax(dim=1))
    strides, total = [], 1
    for least, most in zip(low, high, strict=True):
        strides.append(total)
        total *= int(most - least) + 5  # a corner is one step away, its neighbour one more
    if total * batch >= 2**63:
        raise ValueError(
            'the features of the points reach too far for a lattice: use wider Gaussians'
        )
    dtype = torch.int32 if total * batch < 2**31 else torch.int64
    steps = [-sum(strides), *strides]
    code = torch.arange(batch, dtype=dtype, device=cell.device) * total
    code = code.repeat_interleave(cell.shape[1] // batch)
    for distance, least, stride in zip(distances, low, strides, strict=True):
        code += (distance - (least - 2)).to(dtype) * stride
    by_axis = torch.tensor(steps, dtype=dtype, device=cell.device)[:, None].expand(cell.shape)
    # the next corner is a step in the direction of the next smaller coordinate, the last one first
    by_rank = torch.empty_like(rank, dtype=dtype).scatter_(0, rank.long(), by_axis)
    return torch.cat([code[None], by_rank[1:].flip(0)]).cumsum(0, dtype=dtype), steps


def _barycentric_weights(residue: Tensor, rank: Tensor) -> Tensor:
    """Return the weight of every corner, ``(d + 1, P)``, of sum 1 (Adams et al. Sec. 3.2)."""
    descending = torch.empty_like(residue).scatter_(0, rank.long(), residue)
    first = 1 - (descending[:1] - descending[-1:])
    return torch.cat([first, (descending[:-1] - descending[1:]).flip(0)])


def _vertices(codes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Group equal numbers.

    Args:
        codes: Of the corners.

    Returns:
        The ``M`` different numbers, ascending; where their groups start in the sorted corners, and
        where the last one ends, ``(M + 1,)``; the sorted corners, int32; and which of the different
        numbers each corner has, int32.
    """
    ascending, order = codes.flatten().sort(stable=True)
    new = torch.ones_like(ascending, dtype=torch.bool)
    torch.ne(ascending[1:], ascending[:-1], out=new[1:])
    starts = F.pad(new.nonzero()[:, 0], (0, 1), value=len(new))
    index = new.cumsum(0, dtype=torch.int32) - 1
    corners = torch.empty_like(index).scatter_(0, order, index)
    return ascending[starts[:-1]], starts, order.int(), corners


class _Blur:
    """The blur in one direction: every vertex takes half of its two neighbours.

    Args:
        vertices: ``(M,)``, ascending.
        step: From a vertex to the next one in this direction.
    """

    def __init__(self, vertices: Tensor, step: int) -> None:
        count = len(vertices)
        # a vertex, and right behind it the one a step before it, moved by this step
        ascending, order = torch.cat([vertices, vertices + step]).sort(stable=True)
        meeting = (ascending[1:] == ascending[:-1]).nonzero()[:, 0]
        here, there = order[meeting + 1] - count, order[meeting]
        alone = here.new_full((2, count + 1), count, dtype=torch.int32)
        self._before, self._after = alone
        self._after[here] = there.int()
        self._before[there] = here.int()

    def of(self, values: Tensor) -> Tensor:
        """Blur ``(M + 1, C)``, whose last row is 0 and stays so; what was given may change."""
        number = _NUMBERS.get(values.shape[1])
        if number is None:
            return self._sums.of(values)
        rows = values.view(number)[:, 0]
        before, after = (rows.index_select(0, index) for index in (self._before, self._after))
        around = before.view(torch.float32).add_(after.view(torch.float32))
        return values.add_(around.view_as(values), alpha=0.5)

    @cached_property
    def _sums(self) -> _Sums:
        """The same as sums of those rows that there are, faster where rows are long."""
        count = len(self._before) - 1
        own = torch.arange(count + 1, dtype=torch.int32, device=self._before.device)
        rows = torch.stack([own, self._before, self._after], dim=1)
        there = rows < count
        ends = there.sum(dim=1, dtype=torch.int32).cumsum(0, dtype=torch.int32)
        starts = F.pad(ends, (1, 0))
        rows = rows.masked_select(there)
        weights = torch.full(rows.shape, 0.5, device=rows.device)
        weights[starts[:-2]] = 1
        return _Sums(starts, rows, weights)
