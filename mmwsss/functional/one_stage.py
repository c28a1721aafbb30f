"""One-stage training on a frozen ViT (WeCLIP; Zhang et al., CVPR 2024).

The affinity of a decoder is learnt from pseudo masks, and says which attention of the ViT the CAMs
that those masks are made of are spread by. Shapes: ``B`` images, ``L = h w`` patches, ``M``
attention maps, each a mean over heads.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmwsss.functional.pixel_adaptive_refinement import DILATIONS, pixel_adaptive_refinement


def decoder_affinity(features: Tensor) -> Tensor:
    """Affinity of all pairs of patches from the decoder's features (WeCLIP Eq. 4).

    ``A_f = sigmoid(F_u^T F_u)``.

    Args:
        features: ``F_u``, ``(B, D, h, w)``; carries gradient.

    Returns:
        ``(B, L, L)`` in [0, 1], symmetric.

    Example:
        >>> features = torch.tensor([[[[1.0, 0.0]], [[0.0, 2.0]]]])  # (1, 2, 1, 2)
        >>> decoder_affinity(features)
        tensor([[[0.7311, 0.5000],
                 [0.5000, 0.9820]]])
    """
    tokens = features.flatten(2)  # (B, D, L)
    return (tokens.transpose(1, 2) @ tokens).sigmoid()


def attention_distance(affinity: Tensor, attention: Tensor) -> Tensor:
    """How far each attention map is from the decoder's affinity (WeCLIP Eq. 5).

    ``S^l = sum_ij |A_f(i, j) - A_s^l(i, j)|``.

    Args:
        affinity: ``A_f``, ``(B, L, L)``.
        attention: ``A_s``, ``(M, B, L, L)``; a row is a query.

    Returns:
        ``(M, B)``.

    Example:
        >>> attention = torch.tensor([[[[0.5, 0.0], [0.0, 1.0]]]])
        >>> attention_distance(torch.ones(1, 2, 2), attention)
        tensor([[2.5000]])
    """
    return torch.stack([(affinity - one).abs().sum(dim=(1, 2)) for one in attention])


def attention_filter(distance: Tensor) -> Tensor:
    """Choose the attention maps that are no farther than the mean (WeCLIP Eq. 6).

    The paper keeps what is nearer than the mean; where all are equally far that would be none. The
    released code keeps what is no farther, and so does this.

    Args:
        distance: ``S``, ``(M, B)``.

    Returns:
        ``G``, ``(M, B)`` of 0 and 1; at least one per image.

    Example:
        >>> attention_filter(torch.tensor([[1.0, 2.0], [4.0, 2.0], [2.0, 2.0]]))
        tensor([[1., 1.],
                [0., 1.],
                [1., 1.]])
    """
    # the mean of equal numbers may be rounded to less than they are
    return (distance <= distance.mean(dim=0).maximum(distance.amin(dim=0))).to(distance)


def refining_map(affinity: Tensor, attention: Tensor) -> Tensor:
    """Weight the mean of the chosen attention maps with the decoder's affinity (WeCLIP Eq. 7).

    ``R = A_f / N_m * sum_l G^l A_s^l`` with ``N_m`` the number of those chosen; products are taken
    entry by entry.

    Args:
        affinity: ``A_f``, ``(B, L, L)``.
        attention: ``A_s``, ``(M, B, L, L)``.

    Returns:
        ``(B, L, L)``, non-negative; `attention_affinity` makes the transition matrix of it.
    """
    chosen = attention_filter(attention_distance(affinity, attention))  # (M, B)
    share = chosen / chosen.sum(dim=0)
    return affinity * torch.einsum('mb,mbij->bij', share, attention)


def affinity_label(labels: Tensor, radius: int, ignore_index: int) -> Tensor:
    """Say which pairs of patches are of one class (WeCLIP Eq. 9; AFA Eq. 7).

    Args:
        labels: Pseudo masks on the grid of the patches, ``(B, h, w)`` of integers.
        radius: Pairs that are farther apart along an axis do not count.
        ignore_index: Nor do pairs with such an end.

    Returns:
        ``(B, L, L)`` int64: 1 of the same class (a patch with itself too), 0 of two classes,
        `ignore_index` where the pair does not count.

    Example:
        >>> affinity_label(torch.tensor([[[0, 0, 7]]]), radius=1, ignore_index=255)
        tensor([[[  1,   1, 255],
                 [  1,   1,   0],
                 [255,   0,   1]]])
    """
    height, width = labels.shape[1:]
    flat = labels.flatten(1)
    same = (flat[:, :, None] == flat[:, None, :]).long()
    unknown = flat == ignore_index
    apart = unknown[:, :, None] | unknown[:, None, :] | ~_near(height, width, radius, labels.device)
    return same.masked_fill(apart, ignore_index)


def _near(height: int, width: int, radius: int, device: torch.device) -> Tensor:
    """Return which cells lie in the square around each cell, ``(h w, h w)`` bool."""
    rows, columns = (
        (place[:, None] - place[None, :]).abs() <= radius
        for place in (torch.arange(height, device=device), torch.arange(width, device=device))
    )
    near = rows[:, None, :, None] & columns[None, :, None, :]  # (h, w, h, w)
    return near.reshape(height * width, height * width)


def pair_loss_terms(affinity: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Sums and counts of the affinity loss (AFA Eq. 7, which WeCLIP Eq. 10 runs with).

    A pair of one class costs ``1 - A_f``, one of two classes ``A_f``; the loss is the mean of the
    two means. Sums and counts are apart so that the means can be taken over all processes.

    Args:
        affinity: ``A_f``, ``(B, L, L)`` in [0, 1]; carries gradient.
        label: 1 for a pair of one class, 0 of two, as `affinity_label` says it, ``(B, L, L)``.

    Returns:
        Sums ``(2,)`` and counts ``(2,)``: pairs of one class, pairs of two.

    Example:
        >>> affinity = torch.tensor([[[0.75, 0.5], [0.5, 1.0]]])
        >>> pair_loss_terms(affinity, torch.tensor([[[1, 0], [0, 255]]]))
        (tensor([0.2500, 1.0000]), tensor([1., 2.]))
    """
    same, different = (label == 1).to(affinity), (label == 0).to(affinity)
    total = torch.stack([((1 - affinity) * same).sum(), (affinity * different).sum()])
    return total, torch.stack([same.sum(), different.sum()])


def online_mask(
    image: Tensor,
    maps: Tensor,
    bg_power: float = 1.0,  # WeCLIP
    dilations: Sequence[int] = DILATIONS,
    iterations: int = 20,  # WeCLIP
    stride: int = 1,
) -> Tensor:
    """Make the pseudo mask of one image of its CAMs: background, PAR, argmax (WeCLIP Sec. 3.3).

    Args:
        image: ``(3, H, W)`` float, in any unit.
        maps: CAMs of the present classes, ``(k, h, w)`` in [0, 1], on any grid.
        bg_power: The background's score is ``(1 - max) ** bg_power``.
        dilations: Distances of PAR's neighbours, in pixels of the image that PAR sees.
        iterations: Steps of PAR.
        stride: PAR sees the image made smaller by it (ours; 1 is WeCLIP).

    Returns:
        ``(H, W)`` int64: 0 the background, ``i + 1`` the class of ``maps[i]``.
    """
    size = (image.shape[1], image.shape[2])
    if not len(maps):
        return maps.new_zeros(size, dtype=torch.long)
    small = (-(-size[0] // stride), -(-size[1] // stride))
    seen = F.interpolate(image[None], small, mode='area')
    maps = F.interpolate(maps[None], small, mode='bilinear', align_corners=False)
    background = (1 - maps.amax(dim=1, keepdim=True)) ** bg_power
    scores = torch.cat([background, maps], dim=1)  # (1, 1 + k, H / stride, W / stride)
    scores = pixel_adaptive_refinement(seen, scores, dilations, iterations)
    scores = F.interpolate(scores, size, mode='bilinear', align_corners=False)
    return scores[0].argmax(dim=0)
