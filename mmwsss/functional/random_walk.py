"""Random walk of CAMs over pixels of high affinity (IRN, CVPR 2019, Sec. 5).

The walk is ``x <- x T`` with ``x`` a row vector over the ``n = h * w`` grid cells and ``T`` the
affinities to the power ``beta``, each column divided by its sum ``d``. ``T`` is no matrix here. It
is similar to the symmetric ``S = diag(d)^(-1/2) A^beta diag(d)^(-1/2)``, for which half of the
pairs are enough: ``x T^s = ((x * root) S^s) / root`` with ``root = d^(1/2)``. ``S`` is stored by
diagonals, one plane per offset. On the flattened grid an offset ``(dy, dx)`` is the one shift
``dy * w + dx``, so a step is a sum of planes times ``x`` shifted forwards, and of shifted planes
times ``x`` shifted backwards. Where a shift wraps into another row, the pair does not exist and its
weight is 0.

Shapes: ``k`` classes, grid ``h x w``, ``P`` offsets of half the disc (34 for radius 5).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmwsss.functional.affinity import Offset, pair_affinity, pair_offsets

_STRIDE = 4  # of the grid to the image, IRN Sec. 5
_TAIL = 1e-10  # ours: weight of the Chebyshev polynomials that are left out
_PLAIN_STEPS = 8  # ours: see `random_walk`
_CHUNK = 32_000  # ours: elements of a call on CPU; they stay in the cache, and from 32,768 on
# torch starts its threads for every call, which costs more than it saves

# Views of one chunk: target, running sum, and what to multiply: (target, weight, source) each.
_Chunk = tuple[Tensor, Tensor, list[tuple[Tensor, Tensor, Tensor]]]


def half_disc_offsets(radius: int) -> list[Offset]:
    """Return the offsets of `pair_offsets` from far to near, and that of a cell to itself.

    Far neighbours have small weights, and a sum that starts with them loses the least to rounding.

    Example:
        >>> half_disc_offsets(2)
        [(1, -1), (1, 1), (0, 1), (1, 0), (0, 0)]
    """
    return [*sorted(pair_offsets(radius), key=lambda offset: -math.hypot(*offset)), (0, 0)]


@torch.no_grad()
def symmetric_transition(edge: Tensor, radius: int, beta: float) -> tuple[Tensor, Tensor]:
    """Return ``S``, which the transition ``T = A^beta / column sums`` is similar to, by offset.

    Args:
        edge: Boundary map in [0, 1], ``(h, w)``.
        radius: Radius of the disc of pairs, in cells, as in `pair_offsets`.
        beta: Exponent of the affinities; a self loop is 1.

    Returns:
        The planes, ``(P + 1, h, w)``: plane ``p`` at cell ``i`` is ``S[i, j]`` with ``j`` at
        ``half_disc_offsets[p]`` from ``i``, 0 where that lies outside. And the roots of the column
        sums, ``(h, w)``, with which ``T[i, j] = S[i, j] * root[i] / root[j]``. Without gradient.

    Example:
        >>> weight, root = symmetric_transition(torch.tensor([[0.0, 0.5, 0.0]]), radius=2, beta=1)
        >>> root.square()  # of A = [[1, .5, 0], [.5, 1, .5], [0, .5, 1]]
        tensor([[1.5000, 2.0000, 1.5000]])
        >>> weight[2, 0, :2] * root[0, :2] * root[0, 1:]  # to the right
        tensor([0.5000, 0.5000])
    """
    affinity = dict(zip(pair_offsets(radius), pair_affinity(edge, radius).pow_(beta), strict=True))
    affinity[0, 0] = torch.ones_like(edge)
    weight = torch.stack([affinity[offset] for offset in half_disc_offsets(radius)]).flatten(1)
    shifts = _shifts(radius, edge.shape)
    # The error of a column sum would be in each of the steps, so it is double precision.
    total = torch.ones_like(weight[0], dtype=torch.float64)
    for plane, shift in zip(weight[:-1], shifts, strict=False):
        total += plane
        total[shift:] += plane[: len(plane) - shift]
    scale = total.rsqrt()
    for plane, shift in zip(weight, shifts, strict=True):
        ahead = scale[shift:]
        pairs = plane[: len(ahead)]  # the others leave the image, and are 0
        pairs.copy_(ahead * scale[: len(ahead)] * pairs)
    return weight.view(-1, *edge.shape), total.sqrt().to(edge).view_as(edge)


def _shifts(radius: int, size: tuple[int, ...]) -> list[int]:
    """Return what the offsets are on the flattened grid ``(h, w)``; ``h w`` where none fits."""
    height, width = size
    return [
        dy * width + dx if dy < height and abs(dx) < width else height * width
        for dy, dx in half_disc_offsets(radius)
    ]


def chebyshev_coefficients(power: int) -> list[float]:
    """Expand ``t^power`` on [-1, 1] in Chebyshev polynomials, up to an error of 1e-10.

    ``t^s = sum_d c_d T_d(t)`` with ``c_d = 2^(1-s) binomial(s, (s - d) / 2)`` for ``d`` of the
    parity of ``s`` (half of it for ``d = 0``). The coefficients are the distribution of the
    distance of a coin-flip walk after ``s`` steps: those beyond a few ``sqrt(s)`` are negligible
    (Sachdeva and Vishnoi, Faster Algorithms via Approximation Theory, 2014, Sec. 3).

    Returns:
        ``c_0, c_1, ...``; the sum of those left out is below 1e-10.

    Example:
        >>> chebyshev_coefficients(2), len(chebyshev_coefficients(256))
        ([0.5, 0.0, 0.5], 103)
    """
    coefficients = [
        math.comb(power, (power - d) // 2) * (2 if d else 1) / 2**power
        if d % 2 == power % 2
        else 0.0
        for d in range(power + 1)
    ]
    tail = coefficients[-1]
    while tail < _TAIL:
        coefficients.pop()
        tail += coefficients[-1]
    return coefficients


@torch.no_grad()
def random_walk(
    cam: Tensor, edge: Tensor, radius: int = 5, beta: float = 10.0, steps: int = 256
) -> Tensor:
    """Propagate CAMs to pixels that no boundary separates (IRN Sec. 5).

    ``S`` is symmetric with eigenvalues in [-1, 1], so a truncated Chebyshev expansion of
    ``S^steps`` is exact up to 1e-10 and takes 110 products in place of 256. Its recurrence adds and
    subtracts terms as large as its input, so the first few steps are plain: they flatten a peak,
    whose rounding errors would be seen in a far smaller result.

    Args:
        cam: ``(k, h, w)``, non-negative; all classes walk together.
        edge: Boundary map in [0, 1], ``(h, w)``.
        radius: Radius of the disc of pairs, in cells, as in `pair_offsets`.
        beta: Exponent of the affinities.
        steps: Number of steps, ``2^8`` in IRN.

    Returns:
        ``x T^steps`` with ``x = cam * (1 - edge)``, ``(k, h, w)``, without gradient.

    Example:
        >>> random_walk(torch.tensor([[[8.0, 0.0]]]), torch.tensor([[0.5, 0.5]]), beta=1, steps=1)
        tensor([[[2.6667, 1.3333]]])
    """
    edge = edge.to(cam)
    weight, root = symmetric_transition(edge, radius, beta)
    walk = _Walk(cam * (1 - edge) * root, weight, _shifts(radius, edge.shape))
    plain = min(steps, _PLAIN_STEPS)
    for _ in range(plain):
        walk.step(scale=1, minus=0, share=0)
    coefficients = chebyshev_coefficients(steps - plain)
    walk.total.add_(walk.current(), alpha=coefficients[0])
    for degree in range(1, len(coefficients)):
        # T_1 = t T_0, then T_d = 2 t T_{d-1} - T_{d-2}
        scale, minus = (2, 1) if degree > 1 else (1, 0)
        walk.step(scale, minus, share=coefficients[degree])
    return walk.total.view_as(cam).div_(root)


def upsample_walk(walk: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring a walk's maps to the image and divide them by their joint maximum (IRN Sec. 5).

    One maximum over all classes, so that a constant background plane can stand beside them.

    Args:
        walk: ``(k, h, w)``, non-negative.
        size: ``(H, W)`` of the image; ``h`` and ``w`` are a fourth of it, rounded up.

    Returns:
        ``(k, H, W)`` in [0, 1]; all zero stays zero.

    Raises:
        ValueError: The grid does not cover the image.

    Example:
        >>> upsample_walk(torch.tensor([[[2.0]], [[1.0]]]), (1, 2))
        tensor([[[1.0000, 1.0000]],
        <BLANKLINE>
                [[0.5000, 0.5000]]])
    """
    maps = _enlarge(walk, size)
    return maps / _joint_maximum(maps)


def normalize_walk(walk: Tensor, size: tuple[int, int]) -> Tensor:
    """Divide a walk's maps, on their grid, by what `upsample_walk` divides by.

    Stretched to `walk_extent` and cropped to the image they are those of `upsample_walk`, but for
    cells above the maximum of the image, which become 1.

    Args:
        walk: ``(k, h, w)``, non-negative.
        size: ``(H, W)`` of the image; ``h`` and ``w`` are a fourth of it, rounded up.

    Returns:
        ``(k, h, w)`` in [0, 1].

    Raises:
        ValueError: The grid does not cover the image.
    """
    return (walk / _joint_maximum(_enlarge(walk, size))).clamp(max=1)


def walk_extent(grid: tuple[int, ...]) -> tuple[int, int]:
    """Return how many pixels, ``(H, W)``, the cells of a walk's grid ``(h, w)`` cover."""
    return _STRIDE * grid[0], _STRIDE * grid[1]


def _enlarge(walk: Tensor, size: tuple[int, int]) -> Tensor:
    """Enlarge ``(k, h, w)`` to the pixels and crop to the image, ``(k, H, W)``."""
    height, width = size
    covered = walk_extent(walk.shape[1:])
    if height > covered[0] or width > covered[1]:
        raise ValueError(
            f'A grid of {tuple(walk.shape[1:])} cells does not cover an image of {size}: '
            f'make the CAM and the edges on a grid of stride {_STRIDE}, rounded up.'
        )
    if not len(walk):
        return walk.new_zeros(0, height, width)
    maps = F.interpolate(walk[None], scale_factor=_STRIDE, mode='bilinear', align_corners=False)[0]
    return maps[:, :height, :width]


def _joint_maximum(maps: Tensor) -> Tensor:
    tiny = torch.finfo(maps.dtype).tiny
    return maps.max().clamp(min=tiny) if len(maps) else maps.new_ones(())


class _Walk:
    """Present and previous vectors, a running sum, and the views that a step works on.

    The views are made once: making one takes as long as a good part of a small image's product.
    All work goes chunk by chunk, see `_CHUNK`.

    Args:
        x: Start, ``(k, h, w)``.
        weight: ``S``, ``(P + 1, h, w)`` of `symmetric_transition`.
        shifts: Of its planes on the flattened grid.

    Attributes:
        total: Sum of the vectors after each step times its share, ``(k, n)``.
    """

    def __init__(self, x: Tensor, weight: Tensor, shifts: list[int]) -> None:
        present = x.flatten(1)
        previous, self.total = torch.zeros_like(present), torch.zeros_like(present)
        self._buffers = [present, previous]
        planes = list(zip(weight.flatten(1), shifts, strict=True))
        self._chunks = [
            _chunks(planes, source, target, self.total)
            for source, target in ((present, previous), (previous, present))
        ]

    def current(self) -> Tensor:
        """Return the present vectors, ``(k, n)``; the step after the next overwrites them."""
        return self._buffers[0]

    def step(self, scale: float, minus: float, share: float) -> None:
        """Replace present ``x`` and previous ``y`` by ``z = scale * x S - minus * y`` and ``x``.

        Args:
            scale: Factor of the product.
            minus: Of the previous vector.
            share: Of ``z`` in the running sum.
        """
        for target, total, products in self._chunks[0]:
            target.mul_(-minus / scale)
            for part, weight, source in products:
                part.addcmul_(weight, source)
            target.mul_(scale)
            total.add_(target, alpha=share)
        self._buffers.reverse()
        self._chunks.reverse()


def _chunks(
    planes: list[tuple[Tensor, int]], source: Tensor, target: Tensor, total: Tensor
) -> list[_Chunk]:
    """Cut a step from `source` to `target`, ``(k, n)`` both, into chunks of cells.

    Args:
        planes: Of ``S``, ``(n,)``, with their shifts.
        source: To multiply.
        target: To add to.
        total: The running sum, ``(k, n)``.
    """
    classes, cells = total.shape
    size = cells if total.is_cuda else max(_CHUNK // max(classes, 1), 1)
    chunks = []
    for start in range(0, cells, size):
        stop = min(start + size, cells)
        products = []  # both pairs of a plane follow each other, while it is in the cache
        for plane, shift in planes:
            end = min(stop, cells - shift)  # further on, no partner is ahead
            if start < end:
                ahead = source[:, start + shift : end + shift]
                products.append((target[:, start:end], plane[start:end], ahead))
            begin = max(start, shift)  # before, none is behind
            if shift and begin < stop:
                behind = slice(begin - shift, stop - shift)
                products.append((target[:, begin:stop], plane[behind], source[:, behind]))
        chunks.append((target[:, start:stop], total[:, start:stop], products))
    return chunks
