"""Dense CRF (Krähenbühl and Koltun, NIPS 2011) with the settings that the WSSS hosts use."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np


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

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.gt_prob is not None and not 0 < self.gt_prob < 1:
            raise ValueError(f'gt_prob must lie between 0 and 1, not {self.gt_prob}')
        if min(self.gaussian_sxy, self.bilateral_sxy, self.bilateral_srgb) <= 0:
            raise ValueError(f'the widths of a CRF kernel must be positive: {self}')
        if self.iterations < 1:
            raise ValueError(f'a CRF needs at least one iteration, not {self.iterations}')


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


def crf_from_labels(
    image: np.ndarray, labels: np.ndarray, n_labels: int, settings: DenseCRF = IRN_CRF
) -> np.ndarray:
    """Refine a label map.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        labels: ``(H, W)`` integer in 0..n_labels-1.
        n_labels: Number of labels ``C``; with one there is nothing to decide.
        settings: Kernels, and `gt_prob`, how far the labels are trusted.

    Returns:
        Posterior, ``(C, H, W)`` float32.

    Raises:
        ValueError: An input does not fit.
        ImportError: pydensecrf is not installed.
    """
    if settings.gt_prob is None:
        raise ValueError('these CRF settings have no gt_prob: use crf_from_probabilities')
    _check_image(image, labels.shape)
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f'labels must be integers, not {labels.dtype}')
    if labels.min() < 0 or labels.max() >= n_labels:
        raise ValueError(
            f'labels must lie in 0..{n_labels - 1}, not {labels.min()}..{labels.max()}'
        )
    if n_labels == 1:
        return np.ones((1, *labels.shape), dtype=np.float32)
    _, utils = _import_pydensecrf()
    unary = utils.unary_from_labels(labels, n_labels, settings.gt_prob, zero_unsure=False)
    return _mean_field(image, unary, settings)


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
        ImportError: pydensecrf is not installed.
    """
    if settings.gt_prob is not None:
        raise ValueError('these CRF settings have a gt_prob: use crf_from_labels')
    if probabilities.ndim != 3 or not len(probabilities):
        raise ValueError(f'probabilities must be (C, H, W), not {probabilities.shape}')
    _check_image(image, probabilities.shape[1:])
    if not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise ValueError('probabilities must lie in [0, 1]')
    _, utils = _import_pydensecrf()
    unary = utils.unary_from_softmax(np.ascontiguousarray(probabilities))
    return _mean_field(image, unary, settings)


def _mean_field(image: np.ndarray, unary: np.ndarray, settings: DenseCRF) -> np.ndarray:
    """Run the inference on ``(C, H * W)`` energies."""
    densecrf, _ = _import_pydensecrf()
    height, width, _ = image.shape
    colors = wrap_colors(image) if settings.wrapped_colors else image
    crf = densecrf.DenseCRF2D(width, height, len(unary))
    crf.setUnaryEnergy(unary)
    crf.addPairwiseGaussian(sxy=settings.gaussian_sxy, compat=settings.gaussian_compat)
    crf.addPairwiseBilateral(
        sxy=settings.bilateral_sxy,
        srgb=settings.bilateral_srgb,
        rgbim=np.ascontiguousarray(colors),
        compat=settings.bilateral_compat,
    )
    posterior = crf.inference(settings.iterations)
    return np.array(posterior, dtype=np.float32).reshape(len(unary), height, width)


def wrap_colors(image: np.ndarray) -> np.ndarray:
    """Subtract the mean colour and keep the result modulo 256, as the released CLIP-ES does.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.

    Returns:
        ``(H, W, 3)`` uint8, BGR.
    """
    shifted = (image - np.array(_MEAN_RGB)).astype(np.int64)  # towards zero
    return (shifted % 256).astype(np.uint8)[..., ::-1]


def _check_image(image: np.ndarray, size: tuple[int, ...]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f'the image must be (H, W, 3) uint8, not {image.shape} {image.dtype}')
    if image.shape[:2] != size:
        raise ValueError(f'the image is {image.shape[:2]}, but what to refine is {size}')


def _import_pydensecrf() -> tuple[Any, Any]:
    """Import the optional requirement where it is used."""
    try:
        from pydensecrf import densecrf, utils
    except ImportError as error:
        raise ImportError(
            f'the dense CRF needs pydensecrf ({error}): pip install mmwsss[crf]'
        ) from error
    return densecrf, utils
