"""Gaussian filtering of many points in few dimensions on the permutohedral lattice.

Adams, Baek and Davis, *Fast High-Dimensional Filtering Using the Permutohedral Lattice*, 2010. A
point of ``d`` features lies in a simplex of ``d + 1`` lattice points. Values are *splatted* onto
these by barycentric weights, *blurred* along the ``d + 1`` directions of the lattice, and *sliced*
back at the points.

A lattice point is written by the ``d`` whole numbers ``(k_0 - k_i) / (d + 1)`` of its coordinates
``k``, packed into one integer. A step in direction ``i`` then adds one number to the packed one,
the same everywhere; and the corners of a simplex are such steps apart, too. So all corners of all
points are one array of integers, which one stable sort turns into the vertices, and the
neighbours of all vertices are one search for each direction.
"""

import math
import warnings

import torch
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
        self._neighbours = [_neighbours(vertices, step) for step in steps]
        # one more vertex of value 0, the neighbour of whoever has none
        starts = torch.cat([starts, starts.new_full((2,), codes.numel())])
        size = (self.num_vertices + 1, batch * points)
        pixels = order % size[1]
        self._splat = _csr(starts, pixels, weights.flatten()[order], size)
        corners, weights = corners.view_as(codes).T.flatten(), weights.T.flatten()
        starts = torch.arange(0, codes.numel() + 1, dimensions + 1, device=codes.device)
        gain = 1 / (1 + 2.0**-dimensions)
        self._slice = _csr(starts, corners, gain * weights, size[::-1])

    def normalize(self) -> None:
        """Make `filter` symmetric with mean: ``D K D`` with ``D = diag(K 1)^(-1/2)``, for ``K``."""
        ones = torch.ones(self._slice.shape[0], 1, device=self._slice.device)
        scale = (self.filter(ones)[:, 0] + 1e-20).rsqrt()
        self._splat.values().mul_(scale[self._splat.col_indices()])
        self._slice.values().view(len(scale), -1).mul_(scale[:, None])

    def filter(self, values: Tensor) -> Tensor:
        """Filter values at the points.

        Args:
            values: ``(B * N, C)`` float32, image after image. Up to four channels are fastest on a
                CPU, where they stay in the cache.

        Returns:
            The same shape.
        """
        at_vertices = self._splat @ values  # (vertices + 1, C)
        for before, after in self._neighbours:
            around = _take_rows(at_vertices, before).add_(_take_rows(at_vertices, after))
            at_vertices.add_(around, alpha=0.5)
        return self._slice @ at_vertices


def _take_rows(values: Tensor, index: Tensor) -> Tensor:
    """Return rows of ``(M, C)`` float32; those of the size of a number as one number each."""
    channels = values.shape[1]
    if channels not in _NUMBERS:
        return values.index_select(0, index)
    numbers = values.view(_NUMBERS[channels])[:, 0]
    return numbers.index_select(0, index).view(torch.float32).view(-1, channels)


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
        The different numbers, ascending; where their groups start in the sorted corners; the
        sorted corners; and which of the different numbers each corner has, int32.
    """
    ascending, order = codes.flatten().sort(stable=True)
    new = torch.ones_like(ascending, dtype=torch.bool)
    torch.ne(ascending[1:], ascending[:-1], out=new[1:])
    starts = new.nonzero()[:, 0]
    index = new.cumsum(0, dtype=torch.int32) - 1
    return ascending[starts], starts, order, torch.empty_like(index).scatter_(0, order, index)


def _neighbours(vertices: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """Return the vertices one step before and one after each; their number where there is none.

    Args:
        vertices: ``(M,)``, ascending.
        step: In one direction.

    Returns:
        Two of ``(M + 1,)`` int32; the vertex too many is alone.
    """
    count = len(vertices)
    wanted = vertices + step
    index = torch.searchsorted(vertices, wanted).clamp_(max=count - 1)
    here = (vertices[index] == wanted).nonzero()[:, 0]
    there = index[here]
    before, after = (here.new_full((count + 1,), count, dtype=torch.int32) for _ in range(2))
    after[here] = there.int()
    before[there] = here.int()
    return before, after


def _csr(starts: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a sparse matrix with int32 indices, which MKL takes as they are."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'Sparse CSR tensor support is in beta')
        return torch.sparse_csr_tensor(
            starts.int(), columns.int(), values, size, check_invariants=False
        )
