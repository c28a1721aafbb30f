"""A background with a prototype of its own: which pixels it owns, and how it competes with classes.

CPAL joins a foreground and a background mask (``M = M_f U M_b``) and compares ``N + 1`` channels
(Eq. 14), but does not say where the background's prototype comes from. The ownership is SIPE's
(Chen et al., CVPR 2022), which CPAL builds on. Channel 0 is the background. Shapes: ``B`` images,
``N`` classes, ``D`` channels of features, ``H x W`` grid.
"""

import torch
from torch import Tensor

from .cam import add_background_label, background_map
from .sipe import instance_seeds


def with_background(cam: Tensor, image_label: Tensor, valid: Tensor) -> Tensor:
    """Put one minus the strongest CAM of a present class in front; absent classes become zero.

    Args:
        cam: ``(B, N, H, W)`` in [0, 1].
        image_label: ``(B, N)`` of 0 and 1.
        valid: ``(B, 1, H, W)`` of 0 and 1; the padding is zero in every channel.

    Returns:
        ``(B, N + 1, H, W)`` in [0, 1].
    """
    label = image_label.to(cam)
    ground = background_map(cam, label)[:, None]
    return torch.cat([ground, cam * label[:, :, None, None]], dim=1) * valid


def owned_pixels(features: Tensor, maps: Tensor, image_label: Tensor, valid: Tensor) -> Tensor:
    """Give every pixel to the background or to one present class, by SIPE's structure.

    What is like a pixel (positive cosines to all valid pixels) is compared with every map; the
    pixel belongs to the map of the largest overlap, where that of the background counts by half.

    Args:
        features: ``(B, D, H, W)``, centred if cosines are to be.
        maps: Of `with_background`, ``(B, N + 1, H, W)``.
        image_label: ``(B, N)`` of 0 and 1.
        valid: ``(B, 1, H, W)`` of 0 and 1.

    Returns:
        ``(B, N + 1, H, W)`` of 0 and 1, one 1 per valid pixel; no gradient.
    """
    present = add_background_label(image_label)[:, :, None, None]
    # a feature of zero is like nothing, so that the padding is in no overlap
    return instance_seeds(features.detach() * valid, maps.detach(), present.to(maps) * valid)


def background_share(maps: Tensor) -> Tensor:
    """Divide each channel by the sum of the strongest class and the background, pixel by pixel.

    The order of the channels stays. With the strongest class ``f`` and the background ``b``, the
    score of a pixel ``f / (f + b)`` is the largest value of its classes, and ``b / (f + b)`` that
    of its background: a class wins the argmax where its score is over one half.

    Args:
        maps: Background first, ``(..., 1 + k, H, W)``, non-negative.

    Returns:
        ``(..., 1 + k, H, W)`` in [0, 1]. Where nothing is like anything, all is background.

    Example:
        >>> background_share(torch.tensor([[[0.2]], [[0.6]], [[0.4]]])).flatten()
        tensor([0.2500, 0.7500, 0.5000])
        >>> background_share(torch.zeros(3, 1, 1)).flatten()
        tensor([1., 0., 0.])
    """
    ground, classes = maps[..., :1, :, :], maps[..., 1:, :, :]
    # zeros, so that an image without classes has a strongest, too
    strongest = torch.cat([torch.zeros_like(ground), classes], dim=-3).amax(dim=-3, keepdim=True)
    total = strongest + ground
    empty = total == 0
    shares = torch.cat([ground + empty.to(maps), classes], dim=-3) / torch.where(empty, 1, total)
    return shares.clamp(max=1)  # rounding
