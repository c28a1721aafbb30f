"""Affinity of a ViT's patches by their keys, and maps spread along it, without training.

The keys of the last block of a self-supervised ViT (DINO) are alike within an object and unlike
across its outline (Siméoni et al., LOST, BMVC 2021; Wang et al., TokenCut, CVPR 2022). A CAM of any
network walks along: a step gives each patch the mean of the patches that it is like.

Shapes: ``L = h w`` patches, ``D`` channels of a key over all heads, ``k`` maps.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmwsss.functional.mctformer import refine


def cosine_affinity(keys: Tensor, threshold: float = 0.2) -> Tensor:
    """Compare patches by the cosine of their keys; patches that are little alike are not joined.

    TokenCut (Eq. 3) joins those above the threshold with weight 1; here the cosine is the weight.

    Args:
        keys: ``(B, L, D)``.
        threshold: Smallest cosine that counts, above 0.

    Returns:
        ``(B, L, L)`` in [0, 1], symmetric; a patch is joined with itself by 1.

    Example:
        >>> keys = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]]])
        >>> cosine_affinity(keys, threshold=0.7)
        tensor([[[1.0000, 0.0000, 0.0000],
                 [0.0000, 1.0000, 0.8000],
                 [0.0000, 0.8000, 1.0000]]])
    """
    cosine = _cosines(keys)
    return torch.where(cosine >= threshold, cosine, 0.0)


def softmax_affinity(keys: Tensor, temperature: float = 0.1) -> Tensor:
    """Compare patches by a softmax of the cosines of their keys.

    Args:
        keys: ``(B, L, D)``.
        temperature: Cosines are divided by it; small ones leave the most alike patches alone.

    Returns:
        ``(B, L, L)``, positive; rows sum to one.

    Example:
        >>> keys = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
        >>> softmax_affinity(keys, temperature=1.0)
        tensor([[[0.7311, 0.2689],
                 [0.2689, 0.7311]]])
    """
    return (_cosines(keys) / temperature).softmax(dim=-1)


def row_transition(affinity: Tensor) -> Tensor:
    """Divide each row by its sum, so that a step of the walk is a mean.

    Args:
        affinity: ``(B, L, L)``, non-negative, with a positive entry in each row.

    Returns:
        ``(B, L, L)``; rows sum to one.
    """
    return affinity / affinity.sum(dim=-1, keepdim=True)


def spread(maps: Tensor, transition: Tensor, steps: int = 1) -> Tensor:
    """Let maps walk: ``T^steps v``.

    Args:
        maps: ``(B, k, h, w)``.
        transition: ``T``, ``(B, L, L)``; entry ``(i, j)`` is what patch ``i`` takes from ``j``.
        steps: Number of steps.

    Returns:
        ``(B, k, h, w)``; with rows that sum to one no value leaves the range of the map.

    Example:
        >>> transition = torch.tensor([[[0.5, 0.5], [0.0, 1.0]]])
        >>> spread(torch.tensor([[[[8.0, 0.0]]]]), transition, steps=2)
        tensor([[[[2., 0.]]]])
    """
    for _ in range(steps):
        maps = refine(maps, transition)
    return maps


def _cosines(keys: Tensor) -> Tensor:
    """Return ``(B, L, L)``; that of a patch with itself is 1, also of a key that is zero."""
    unit = F.normalize(keys, dim=-1)
    cosine = unit @ unit.transpose(1, 2)
    same = torch.eye(keys.shape[1], dtype=torch.bool, device=keys.device)
    return cosine.clamp(max=1).masked_fill(same, 1.0)
