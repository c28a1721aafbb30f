"""Class activation maps: normalisation, background, classification loss (CPAL Sec. 3.1)."""

import torch.nn.functional as F
from torch import Tensor

EPS = 1e-5  # added to a spatial maximum or range before dividing by it (IRN, AMN)


def normalize_by_max(maps: Tensor) -> Tensor:
    """Divide non-negative maps by their spatial maximum (CPAL Eq. 3).

    Args:
        maps: ``(..., H, W)``, non-negative.

    Returns:
        ``(..., H, W)`` in [0, 1); an all-zero map stays zero. The maximum carries gradient.

    Example:
        >>> import torch
        >>> normalize_by_max(torch.tensor([[[0.0, 2.0, 4.0]]])).round(decimals=2)
        tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    return maps / (maps.amax(dim=(-2, -1), keepdim=True) + EPS)


def normalize_by_range(maps: Tensor, eps: float = EPS) -> Tensor:
    """Shift and scale maps so that their spatial minimum is 0 and their maximum almost 1.

    AMN, MCTformer and CLIP-ES do it, and add different numbers before they divide.

    Args:
        maps: ``(..., H, W)``.
        eps: Added to the range.

    Returns:
        ``(..., H, W)`` in [0, 1); a constant map becomes zero.

    Example:
        >>> import torch
        >>> normalize_by_range(torch.tensor([[[2.0, 3.0, 6.0]]])).round(decimals=2)
        tensor([[[0.0000, 0.2500, 1.0000]]])
    """
    low = maps.amin(dim=(-2, -1), keepdim=True)
    return (maps - low) / (maps.amax(dim=(-2, -1), keepdim=True) - low + eps)


def add_background_label(image_label: Tensor) -> Tensor:
    """Put the label of the background, which every image has, before those of the classes.

    Args:
        image_label: ``(B, N)`` of 0 and 1.

    Returns:
        ``(B, N + 1)``.
    """
    return F.pad(image_label, (1, 0), value=1)


def class_activation_map(raw: Tensor, valid: Tensor) -> Tensor:
    """Turn a classifier's maps into CAMs (CPAL Eq. 3), inside the valid area only.

    The padding is cleared before the maximum is taken, or its response could be the maximum.

    Args:
        raw: ``w_n . f``, ``(B, N, H, W)``.
        valid: 1 inside the image, 0 in the padding, ``(B, 1, H, W)``.

    Returns:
        ``(B, N, H, W)`` in [0, 1).
    """
    return normalize_by_max(F.relu(raw) * valid)


def background_map(cam: Tensor, selected: Tensor) -> Tensor:
    """Return one minus the strongest CAM among the selected classes (CPAL Sec. 3.1).

    Args:
        cam: ``(B, N, H, W)`` in [0, 1].
        selected: Classes that count, ``(B, N)`` of 0 and 1. An image without any gets background 1.

    Returns:
        ``(B, H, W)`` in [0, 1].

    Example:
        >>> import torch
        >>> cam = torch.tensor([[[[0.2, 0.9]], [[0.6, 0.1]]]])
        >>> background_map(cam, torch.tensor([[1, 0]])).round(decimals=2)
        tensor([[[0.8000, 0.1000]]])
    """
    return 1 - (cam * selected[:, :, None, None]).amax(dim=1)


def classification_loss(logits: Tensor, image_label: Tensor) -> Tensor:
    """Binary cross-entropy of image labels, mean over images and classes (CPAL Eq. 2).

    The printed equation misses the minus sign; this is the loss to minimise.

    Args:
        logits: ``(B, N)`` before the sigmoid.
        image_label: ``(B, N)`` of 0 and 1.
    """
    return F.binary_cross_entropy_with_logits(logits, image_label.to(logits))


def resize_valid(valid: Tensor, size: tuple[int, int]) -> Tensor:
    """Shrink a valid mask to a feature grid: a cell counts when half of its pixels do.

    Args:
        valid: ``(B, 1, H, W)`` of 0 and 1.
        size: ``(h, w)`` of the grid.

    Returns:
        ``(B, 1, h, w)`` of 0 and 1, float.
    """
    # 'area' is the mean of the pixels of a cell, hence the share of them that counts.
    return (F.interpolate(valid.float(), size=size, mode='area') >= 0.5).float()


def sum_views(views: list[Tensor], size: tuple[int, int]) -> Tensor:
    """Add up the maps of several views of one image (multi-scale and flip, IRN).

    Args:
        views: Maps or logits, flipped back, each ``(K, h, w)`` on its own grid.
        size: ``(H, W)`` of the result.

    Returns:
        ``(K, H, W)``: resized bilinearly and summed, not normalised.
    """
    # Added up one by one, so that a single resized view is held at a time.
    total = views[0].new_zeros(len(views[0]), *size)
    if not len(total):
        return total
    for view in views:
        total += F.interpolate(view[None], size, mode='bilinear', align_corners=False)[0]
    return total
