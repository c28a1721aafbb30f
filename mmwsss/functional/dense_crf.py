"""Mean field of a fully connected CRF (Krähenbühl and Koltun, NIPS 2011)."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .permutohedral import PermutohedralLattice

# Pieces of work that stay in the cache of a CPU.
_CPU_LABELS = 4
_CPU_PIXELS = 8192


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
            pixels = self._batch * math.prod(self._size)
            ones = torch.ones(1, pixels, device=images.device)
            self._whole = _message(ones, self._terms)

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
            score = -energy.float().movedim(0, 1).reshape(labels, -1)  # (C, B * H * W)
            posterior = _softmax(score)
            for _ in range(iterations):
                posterior = _softmax(_updated(score, posterior, self._whole, self._terms))
        return posterior.view(labels, batch, *size).movedim(1, 0).contiguous()


class _Term:
    """One kernel on some images."""

    def __init__(self, images: Tensor, kernel: PairwiseKernel) -> None:
        self._batch, _, height, width = images.shape
        self._compat = kernel.compat
        self._lattice_of_each = kernel.srgb is None
        if kernel.srgb is None:
            self._lattice = _position_lattice(height, width, kernel.sxy, images.device)
            return
        position = _position(height, width, kernel.sxy, images.device)
        color = images.float().flatten(2) / kernel.srgb
        features = torch.cat([position.expand(self._batch, -1, -1), color], dim=1)
        self._lattice = PermutohedralLattice(features)
        self._lattice.normalize()

    def message(self, values: Tensor) -> Tensor:
        """Return what the pixels hear from all others, ``(P, C)`` of ``(P, C)``."""
        if not self._lattice_of_each:
            return self._lattice.filter(values).mul_(self._compat)
        apart = values.view(self._batch, -1, values.shape[1]).movedim(0, 1)  # (H * W, B, C)
        filtered = self._lattice.filter(apart.reshape(len(apart), -1)).view(apart.shape)
        return filtered.movedim(1, 0).reshape(values.shape).mul_(self._compat)


def _updated(score: Tensor, posterior: Tensor, whole: Tensor, terms: list[_Term]) -> Tensor:
    """Return the scores with the messages of all terms, ``(C, P)``.

    Args:
        score: Without messages.
        posterior: Of sum 1, so that the last label's message is what the others leave.
        whole: The message of all labels together, ``(1, P)``.
        terms: Kernels.
    """
    updated = score.clone()
    updated[-1:] += whole
    group = _CPU_LABELS if score.device.type == 'cpu' else len(score)
    for start in range(0, len(score) - 1, group):
        labels = slice(start, min(start + group, len(score) - 1))
        message = _message(posterior[labels], terms)
        updated[labels] += message
        updated[-1] -= message.sum(dim=0)
    return updated


def _message(labels: Tensor, terms: list[_Term]) -> Tensor:
    """Return the sum of the messages of all terms, ``(C, P)`` of ``(C, P)``."""
    values = labels.T.contiguous()
    return functools.reduce(torch.add, [term.message(values) for term in terms]).T


@functools.lru_cache(maxsize=1)  # photographs of one size often follow each other
def _position_lattice(
    height: int, width: int, sxy: float, device: torch.device
) -> PermutohedralLattice:
    lattice = PermutohedralLattice(_position(height, width, sxy, device)[None])
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


def _softmax(scores: Tensor) -> Tensor:
    """Return the softmax over the labels of ``(C, P)``."""
    chunk = _CPU_PIXELS if scores.device.type == 'cpu' else scores.shape[1]
    posterior = torch.empty_like(scores)
    for some, target in zip(scores.split(chunk, 1), posterior.split(chunk, 1), strict=True):
        target.copy_(some.contiguous().softmax(dim=0))
    return posterior
