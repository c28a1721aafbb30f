"""Dense CRF (Krähenbühl and Koltun, NIPS 2011) with the settings that the WSSS hosts use.

Two programs compute it: `dense_crf`, in PyTorch, and the package pydensecrf, where it is installed.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch

from mmwsss.functional.dense_crf import FullyConnectedCRF, PairwiseKernel

Backend = Literal['auto', 'pydensecrf', 'torch']
BACKENDS: tuple[Backend, ...] = get_args(Backend)
_LEAST_PROBABILITY = 1e-5  # pydensecrf's

_Inference = Callable[[np.ndarray], np.ndarray]  # energies -> posterior, both ``(C, H, W)``


@dataclass(frozen=True)
class DenseCRF:
    """Settings of a dense CRF.

    Attributes:
        gt_prob: How far hard labels are trusted, in (0, 1); None: the unary comes from
            probabilities.
        gaussian_sxy: Width of the smoothness kernel in pixels.
        gaussian_compat: Weight of the Gaussian kernel.
        bilateral_sxy: Width of the appearance kernel in pixels.
        bilateral_srgb: Its width in colour, of 0..255.
        bilateral_compat: Weight of the bilateral kernel.
        iterations: Steps of the mean field.
        wrapped_colors: Compare colours, in BGR order, of an image from which a mean was subtracted
            and whose negative values wrapped around in uint8, as the released CLIP-ES does. The
            order matters, a little: the kernel is approximated on a lattice.
        backend: ``pydensecrf``; ``torch``, on a GPU where there is one; or ``auto``: pydensecrf on
            a CPU where it is installed, else torch.

    Raises:
        ValueError: A setting is out of range.
    """

    gt_prob: float | None
    gaussian_sxy: float
    gaussian_compat: float
    bilateral_sxy: float
    bilateral_srgb: float
    bilateral_compat: float
    iterations: int = 10
    wrapped_colors: bool = False
    backend: Backend = 'auto'

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.gt_prob is not None and not 0 < self.gt_prob < 1:
            raise ValueError(f'gt_prob must lie between 0 and 1, not {self.gt_prob}')
        if min(self.gaussian_sxy, self.bilateral_sxy, self.bilateral_srgb) <= 0:
            raise ValueError(f'the widths of a CRF kernel must be positive: {self}')
        if self.iterations < 1:
            raise ValueError(f'a CRF needs at least one iteration, not {self.iterations}')
        if self.backend not in BACKENDS:
            raise ValueError(f'the backend of a CRF is one of {BACKENDS}, not {self.backend!r}')

    def chosen_backend(self) -> str:
        """Return ``pydensecrf`` or ``torch``: what computes this CRF on this machine."""
        if self.backend != 'auto':
            return self.backend
        return 'pydensecrf' if has_pydensecrf() and not torch.cuda.is_available() else 'torch'


# IRN and SIPE, misc/imutils.py: hard labels.
IRN_CRF = DenseCRF(
    gt_prob=0.7,
    gaussian_sxy=3,
    gaussian_compat=3,
    bilateral_sxy=50,
    bilateral_srgb=5,
    bilateral_compat=10,
)
# CLIP-ES and DeepLab-PyTorch: probabilities.
CLIP_ES_CRF = DenseCRF(
    gt_prob=None,
    gaussian_sxy=1,
    gaussian_compat=3,
    bilateral_sxy=67,
    bilateral_srgb=3,
    bilateral_compat=4,
)

_MEAN_RGB = (122.675, 116.669, 104.008)  # subtracted from the image by CLIP-ES

CRF_PRESETS = {
    'irn': IRN_CRF,
    'clip_es': CLIP_ES_CRF,
    'clip_es_released': replace(CLIP_ES_CRF, wrapped_colors=True),
}


def crf_preset(name: str | None, backend: Backend = 'auto') -> DenseCRF | None:
    """Return the CRF of a preset's name, or None for None."""
    return None if name is None else replace(CRF_PRESETS[name], backend=backend)


def has_pydensecrf() -> bool:
    """Say whether the package is installed."""
    return importlib.util.find_spec('pydensecrf') is not None


def is_on_gpu(settings: DenseCRF | None) -> bool:
    """Say whether a CRF is computed on a GPU; None is no CRF."""
    by_torch = settings is not None and settings.chosen_backend() == 'torch'
    return by_torch and torch.cuda.is_available()


def crf_from_labels(
    image: np.ndarray, labels: np.ndarray, n_labels: int, settings: DenseCRF = IRN_CRF
) -> np.ndarray:
    """Refine a label map; of several of one image, `ImageCRF` is faster.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        labels: ``(H, W)`` integer in 0..n_labels-1.
        n_labels: Number of labels ``C``; with one there is nothing to decide.
        settings: Kernels, and `gt_prob`, how far the labels are trusted.

    Returns:
        Posterior, ``(C, H, W)`` float32.

    Raises:
        ValueError: An input does not fit.
        ImportError: pydensecrf is asked for, but not installed.
    """
    return ImageCRF(image, settings).from_labels(labels, n_labels)


def crf_from_probabilities(
    image: np.ndarray, probabilities: np.ndarray, settings: DenseCRF = CLIP_ES_CRF
) -> np.ndarray:
    """Refine probability maps.

    They need not sum to one: a factor that all labels of a pixel share changes nothing.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        probabilities: ``(C, H, W)`` in [0, 1].
        settings: Without a `gt_prob`.

    Returns:
        Posterior, ``(C, H, W)`` float32.

    Raises:
        ValueError: An input does not fit.
        ImportError: pydensecrf is asked for, but not installed.
    """
    return ImageCRF(image, settings).from_probabilities(probabilities)


class ImageCRF:
    """A dense CRF of one image, whose lattices are built once for all that it refines.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        settings: Kernels, and how far labels are trusted.

    Raises:
        ValueError: The image does not fit.
    """

    def __init__(self, image: np.ndarray, settings: DenseCRF) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f'the image must be (H, W, 3) uint8, not {image.shape} {image.dtype}')
        self._size = image.shape[:2]
        self._settings = settings
        colors = wrap_colors(image) if settings.wrapped_colors else image
        self._colors = np.ascontiguousarray(colors)
        self._infer: _Inference | None = None
        self._labels = 0  # that it is built for, as pydensecrf wants to know

    def from_labels(self, labels: np.ndarray, n_labels: int) -> np.ndarray:
        """Refine a label map, as `crf_from_labels` does."""
        gt_prob = self._settings.gt_prob
        if gt_prob is None:
            raise ValueError('these CRF settings have no gt_prob: use crf_from_probabilities')
        self._check_size(labels.shape)
        if not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(f'labels must be integers, not {labels.dtype}')
        if labels.min() < 0 or labels.max() >= n_labels:
            raise ValueError(
                f'labels must lie in 0..{n_labels - 1}, not {labels.min()}..{labels.max()}'
            )
        if n_labels == 1:
            return np.ones((1, *labels.shape), dtype=np.float32)
        other = -np.log((1 - gt_prob) / (n_labels - 1))
        energy = np.full((n_labels, *labels.shape), other, dtype=np.float32)
        np.put_along_axis(energy, labels[None].astype(np.intp), -np.log(gt_prob), axis=0)
        return self._mean_field(energy)

    def from_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """Refine probability maps, as `crf_from_probabilities` does."""
        if self._settings.gt_prob is not None:
            raise ValueError('these CRF settings have a gt_prob: use crf_from_labels')
        if probabilities.ndim != 3 or not len(probabilities):
            raise ValueError(f'probabilities must be (C, H, W), not {probabilities.shape}')
        self._check_size(probabilities.shape[1:])
        if not (probabilities.min() >= 0 and probabilities.max() <= 1):
            raise ValueError('probabilities must lie in [0, 1]')
        energy = -np.log(probabilities.clip(_LEAST_PROBABILITY, 1))
        return self._mean_field(np.ascontiguousarray(energy, dtype=np.float32))

    def _check_size(self, size: tuple[int, ...]) -> None:
        if self._size != size:
            raise ValueError(f'the image is {self._size}, but what to refine is {size}')

    def _mean_field(self, energy: np.ndarray) -> np.ndarray:
        """Run the inference on ``(C, H, W)`` energies."""
        if self._infer is None or self._labels != len(energy):
            by_torch = self._settings.chosen_backend() == 'torch'
            build = _build_torch if by_torch else _build_pydensecrf
            self._infer = build(self._colors, len(energy), self._settings)
            self._labels = len(energy)
        return self._infer(energy)


def _build_torch(colors: np.ndarray, labels: int, settings: DenseCRF) -> _Inference:
    """Build the lattices in PyTorch, on a GPU where there is one."""
    kernels = (
        PairwiseKernel(settings.gaussian_sxy, settings.gaussian_compat),
        PairwiseKernel(settings.bilateral_sxy, settings.bilateral_compat, settings.bilateral_srgb),
    )
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    images = torch.from_numpy(colors).to(device).permute(2, 0, 1)[None]
    crf = FullyConnectedCRF(images, kernels)

    def infer(energy: np.ndarray) -> np.ndarray:
        energies = torch.from_numpy(energy).to(device)[None]
        return crf.posterior(energies, settings.iterations)[0].cpu().numpy()

    return infer


def _build_pydensecrf(colors: np.ndarray, labels: int, settings: DenseCRF) -> _Inference:
    """Build the lattices of the package."""
    try:
        from pydensecrf import densecrf
    except ImportError as error:
        raise ImportError(
            f"pydensecrf cannot be imported ({error}): pip install 'mmwsss[crf]', or take the CRF "
            "in PyTorch, backend='torch'"
        ) from error
    height, width = colors.shape[:2]
    crf = densecrf.DenseCRF2D(width, height, labels)
    crf.addPairwiseGaussian(sxy=settings.gaussian_sxy, compat=settings.gaussian_compat)
    crf.addPairwiseBilateral(
        sxy=settings.bilateral_sxy,
        srgb=settings.bilateral_srgb,
        rgbim=colors,
        compat=settings.bilateral_compat,
    )

    def infer(energy: np.ndarray) -> np.ndarray:
        crf.setUnaryEnergy(energy.reshape(labels, -1))
        posterior = crf.inference(settings.iterations)
        return np.array(posterior, dtype=np.float32).reshape(energy.shape)

    return infer


def wrap_colors(image: np.ndarray) -> np.ndarray:
    """Subtract the mean colour and keep the result modulo 256, as the released CLIP-ES does.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.

    Returns:
        ``(H, W, 3)`` uint8, BGR.
    """
    shifted = (image - np.array(_MEAN_RGB)).astype(np.int64)  # towards zero
    return (shifted % 256).astype(np.uint8)[..., ::-1]
