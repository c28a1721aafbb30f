"""Losses of the segmentor that learns from pseudo masks."""

import torch
import torch.nn.functional as F
from torch import Tensor


def balanced_cross_entropy_terms(
    logits: Tensor, target: Tensor, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """Sums and counts of the cross-entropy over background and over foreground pixels.

    The balanced cross-entropy is the mean of the two means; without it background pixels, which
    outnumber the others, win. Sums and counts are returned apart so that the means can be taken
    over all processes.

    Args:
        logits: ``(B, C, H, W)``; channel 0 is background.
        target: ``(B, H, W)`` in ``[0, C)`` or `ignore_index`.
        ignore_index: Pixels that count in neither mean.

    Returns:
        Sums ``(2,)`` and counts ``(2,)``, background first.
    """
    entropy = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction='none')
    background = (target == 0).to(entropy)
    foreground = ((target != 0) & (target != ignore_index)).to(entropy)
    masks = torch.stack([background, foreground])
    return (masks * entropy).sum(dim=(1, 2, 3)), masks.sum(dim=(1, 2, 3))
