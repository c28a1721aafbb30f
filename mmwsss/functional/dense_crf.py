"""Mean field of a fully connected CRF (Krähenbühl and Koltun, NIPS 2011)."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .permutohedral import PermutohedralLattice

_CPU_PIXELS = 4096  # ours: whose scores stay in the cache of a CPU
_VECTOR = 16  # float32 of the longest registers of CPUs


@dataclass(frozen=True)
class PairwiseKernel:
    """A Gaussian kernel of a CRF, normalised symmetrically, with Potts compatibility.

    Attributes:
        sxy: Standard deviation in pixels.
        compat: Weight.
        srgb: Standard deviation in colour, of 0..255; None: colour does not matter.
    """

    sxy: float
    compat: float
    srgb: float | None = None


def dense_crf(
    energy: Tensor, images: Tensor, kernels: Sequence[PairwiseKernel], iterations: int = 10
) -> Tensor:
    """Return the posterior of a fully connected CRF by mean field (Alg. 1 there).

    ``Q <- softmax(-energy + sum_k compat_k D_k K_k D_k Q)``, with ``K_k`` the kernel between all
    pairs of pixels, on a permutohedral lattice, and ``D_k = diag(K_k 1)^(-1/2)``.

    Args:
        energy: Negative log probability of ``C`` labels, ``(B, C, H, W)``.
        images: ``(B, 3, H, W)`` in 0..255, of one size.
        kernels: Which pixels should agree.
        iterations: Steps of the mean field.

    Returns:
        ``(B, C, H, W)`` float32 in [0, 1], of sum 1 over the labels, without gradient.

    Raises:
        ValueError: If the shapes do not fit.
    """
    return FullyConnectedCRF(images, kernels).posterior(energy, iterations)


class FullyConnectedCRF:
    """The kernels of some images, built once for any number of energies.

    Args:
        images: ``(B, 3, H, W)`` in 0..255, of one size.
        kernels: Which pixels should agree.
    """

    def __init__(self, images: Tensor, kernels: Sequence[PairwiseKernel]) -> None:
        self._batch, _, *self._size = images.shape
        with torch.no_grad():
            self._terms = [_Term(images, kernel) for kernel in kernels]
            ones = torch.ones(len(images) * math.prod(self._size), 1, device=images.device)
            # The posteriors of a pixel have the sum 1, so that this is the message of all labels
            # together, and that of the last one is what the others leave.
            heard = [term.receive(term.send(ones), slice(None)) for term in self._terms]
            self._whole = functools.reduce(torch.add, heard)

    def posterior(self, energy: Tensor, iterations: int = 10) -> Tensor:
        """Return the posterior by mean field; `dense_crf` has the rules.

        Args:
            energy: ``(B, C, H, W)``.
            iterations: Steps of the mean field.

        Returns:
            ``(B, C, H, W)`` float32.

        Raises:
            ValueError: If the energies are not of these images.
        """
        batch, labels, *size = energy.shape
        if (batch, size) != (self._batch, self._size):
            images = (self._batch, 3, *self._size)
            raise ValueError(f'images are {images}, but the energies are {tuple(energy.shape)}')
        with torch.no_grad():
            score = _turn(-energy.float().flatten(2)).flatten(0, 1)  # (B * H * W, C)
            posterior = torch.empty_like(score)
            _softmax(score, posterior)
            for _ in range(iterations):
                self._update(posterior, score)
        return _turn(posterior.view(batch, -1, labels)).view(energy.shape)

    def _update(self, posterior: Tensor, score: Tensor) -> None:
        """Do one step of the mean field in place.

        Args:
            posterior: ``(P, C)``.
            score: Without messages, ``(P, C)``.
        """
        others = posterior.shape[1] - 1
        # the lattice is faster with four planes than with three
        planes = posterior if others in (0, 3) else posterior[:, :others].contiguous()
        sent = [term.send(planes) for term in self._terms]
        size = _CPU_PIXELS if score.device.type == 'cpu' else len(score)
        for start in range(0, len(score), size):
            pixels = slice(start, start + size)
            heard = [
                term.receive(message, pixels)
                for term, message in zip(self._terms, sent, strict=True)
            ]
            message = functools.reduce(torch.add, heard)[:, :others]
            last = self._whole[pixels] - message.sum(dim=1, keepdim=True)
            _softmax(torch.cat([message, last], dim=1).add_(score[pixels]), posterior[pixels])


class _Term:
    """One kernel on some images."""

    def __init__(self, images: Tensor, kernel: PairwiseKernel) -> None:
        batch, _, height, width = images.shape
        self._compat = kernel.compat
        if kernel.srgb is None:
            self._lattice = _position_lattice(batch, height, width, kernel.sxy, images.device)
            return
        position = _position(height, width, kernel.sxy, images.device)
        color = images.float().flatten(2) / kernel.srgb
        features = torch.cat([position.expand(batch, -1, -1), color], dim=1)
        self._lattice = PermutohedralLattice(features)
        self._lattice.normalize()

    def send(self, values: Tensor) -> Tensor:
        """Send the values of all pixels, ``(P, C)``, to the vertices of the lattice."""
        return self._lattice.splat(values).mul_(self._compat)

    def receive(self, sent: Tensor, pixels: slice) -> Tensor:
        """Return what some pixels hear from all, ``(number of them, C)``."""
        return self._lattice.slice(sent, pixels)


@functools.lru_cache(maxsize=1)  # photographs of one size often follow each other
def _position_lattice(
    batch: int, height: int, width: int, sxy: float, device: torch.device
) -> PermutohedralLattice:
    position = _position(height, width, sxy, device)
    lattice = PermutohedralLattice(position.expand(batch, -1, -1))
    lattice.normalize()
    return lattice


def _position(height: int, width: int, sxy: float, device: torch.device) -> Tensor:
    """Return the columns and rows of all pixels in standard deviations, ``(2, H * W)``."""
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=device),
        torch.arange(width, dtype=torch.float32, device=device),
        indexing='ij',
    )
    return torch.stack([columns.flatten(), rows.flatten()]) / sxy


def _softmax(scores: Tensor, target: Tensor) -> None:
    """Write the softmax over the labels of ``(P, C)`` to a target of the same shape."""
    if scores.shape[1] < _VECTOR and scores.device.type == 'cpu':
        # of rows shorter than a register torch takes one number at a time
        target.copy_(scores.T.softmax(dim=0).T)
    else:
        torch.softmax(scores, dim=1, out=target)


def _turn(matrices: Tensor) -> Tensor:
    """Transpose ``(B, M, N)``; of a matrix alone torch does it in blocks, several times faster."""
    return torch.stack([matrix.T.contiguous() for matrix in matrices])
