"""Self-supervised Image-specific Prototype Exploration (SIPE, CVPR 2022).

Every image has a prototype of its own for the background and for each of its classes. Shapes: ``B``
images, ``K`` channels of maps (background first), ``D`` channels of features, ``L = H W`` pixels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-5  # added to the length of a feature before dividing by it (SIPE)
_TINY = 1e-12  # keeps 0 / 0 out where a feature is zero
_BACKGROUND_SHARE = 0.5  # of the background's overlap that counts (SIPE)


def pixel_similarity(features: Tensor) -> Tensor:
    """Return the positive part of the cosine between all pixels of an image.

    Args:
        features: ``(B, D, H, W)``.

    Returns:
        ``(B, L, L)`` in [0, 1], symmetric.

    Example:
        >>> features = torch.tensor([[[[3.0, 0.0]], [[0.0, 2.0]]]])
        >>> pixel_similarity(features).round(decimals=3)
        tensor([[[1., 0.],
                 [0., 1.]]])
    """
    vectors = features.flatten(2)
    vectors = vectors / (vectors.norm(dim=1, keepdim=True) + EPS)
    return F.relu(vectors.transpose(1, 2) @ vectors)


def map_overlap(similarity: Tensor, maps: Tensor) -> Tensor:
    """Compare what is like a pixel with every channel of the maps, by their soft overlap.

    Args:
        similarity: ``(B, L, L)`` of `pixel_similarity`; a row is the map of one pixel.
        maps: ``(B, K, H, W)`` in [0, 1].

    Returns:
        Intersection over union of both, ``(B, K, H, W)`` in [0, 1].

    Example:
        >>> map_overlap(torch.eye(2)[None], torch.tensor([[[[1.0, 0.5]]]])).round(decimals=3)
        tensor([[[[0.6670, 0.2500]]]])
    """
    flat = maps.flatten(2)  # (B, K, L)
    shared = flat @ similarity.transpose(1, 2)
    union = similarity.sum(dim=-1)[:, None] + flat.sum(dim=-1, keepdim=True) - shared
    return (shared / union.clamp(min=_TINY)).view_as(maps)


def instance_seeds(features: Tensor, maps: Tensor, mask: Tensor) -> Tensor:
    """Give every pixel to the channel whose map is most like the map of the pixel.

    The choice is among all channels; what falls to an absent class is nobody's.

    Args:
        features: Of which pixels are compared, ``(B, D, H, W)``.
        maps: Background, and CAMs of all classes, ``(B, N + 1, H, W)`` in [0, 1].
        mask: Where a channel may have seeds: 1 at present classes and at the background, 0 at
            others and in the padding; ``(B, N + 1, H, W)`` or ``(B, N + 1, 1, 1)``.

    Returns:
        ``(B, N + 1, H, W)`` of 0 and 1; no gradient.
    """
    overlap = map_overlap(pixel_similarity(features), maps)
    overlap = torch.cat([overlap[:, :1] * _BACKGROUND_SHARE, overlap[:, 1:]], dim=1)
    chosen = F.one_hot(overlap.argmax(dim=1), maps.shape[1])  # (B, H, W, N + 1)
    return chosen.permute(0, 3, 1, 2).to(maps) * mask


def image_prototypes(seeds: Tensor, features: Tensor) -> Tensor:
    """Average the features of each channel's seeds, over all pixels.

    Args:
        seeds: ``(B, K, H, W)``.
        features: ``(B, D, H, W)``.

    Returns:
        ``(B, K, D)``; zero without a seed. Their length does not matter to a cosine.
    """
    return seeds.flatten(2) @ features.flatten(2).transpose(1, 2) / seeds[0, 0].numel()


def prototype_maps(features: Tensor, prototypes: Tensor) -> Tensor:
    """Compare every pixel with the image's prototypes.

    Args:
        features: ``(B, D, H, W)``.
        prototypes: ``(B, K, D)``.

    Returns:
        Positive part of the cosine, ``(B, K, H, W)`` in [0, 1]; zero for a prototype of zero.

    Example:
        >>> features = torch.tensor([[[[1.0, 3.0]], [[0.0, 4.0]]]])
        >>> prototype_maps(features, torch.tensor([[[2.0, 0.0]]])).round(decimals=3)
        tensor([[[[1.0000, 0.6000]]]])
    """
    directions = F.normalize(prototypes, dim=-1, eps=_TINY)
    vectors = F.normalize(features.flatten(2), dim=1, eps=_TINY)
    return F.relu(directions @ vectors).unflatten(-1, features.shape[-2:])


def prototype_consistency(found: Tensor, maps: Tensor) -> Tensor:
    """Return the mean absolute difference of prototype maps and CAMs, over channels and pixels.

    Args:
        found: ``(B, K, H, W)`` of `prototype_maps`, divided by their spatial maxima.
        maps: ``(B, K, H, W)``.
    """
    return (found - maps).abs().mean()
