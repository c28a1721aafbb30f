"""Losses of the networks that learn from pseudo masks."""

import torch
import torch.nn.functional as F
from torch import Tensor


def balanced_cross_entropy_terms(
    logits: Tensor, target: Tensor, ignore_index: int, label_smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Sums and counts of the cross-entropy over background and over foreground pixels.

    The balanced cross-entropy is the mean of the two means; without it background pixels, which
    outnumber the others, win. Sums and counts are returned apart so that the means can be taken
    over all processes.

    Args:
        logits: ``(B, C, H, W)``; channel 0 is background.
        target: ``(B, H, W)`` in ``[0, C)`` or `ignore_index`.
        ignore_index: Pixels that count in neither mean.
        label_smoothing: ``eps`` of AMN: a target is ``1 - eps`` on the label and ``eps / (C - 1)``
            on each *other* class.

    Returns:
        Sums ``(2,)`` and counts ``(2,)``, background first.

    Example:
        >>> import torch
        >>> logits = torch.tensor([0.25, 0.75]).log().view(1, 2, 1, 1)
        >>> target = torch.zeros(1, 1, 1, dtype=torch.long)
        >>> balanced_cross_entropy_terms(logits, target, 255)  # -ln 0.25 = 1.3863
        (tensor([1.3863, 0.0000]), tensor([1., 0.]))
        >>> balanced_cross_entropy_terms(logits, target, 255, 0.5)  # (1.3863 - ln 0.75) / 2
        (tensor([0.8370, 0.0000]), tensor([1., 0.]))
    """
    # torch spreads its label smoothing over all C classes, the label among them
    classes = logits.shape[1]
    entropy = F.cross_entropy(
        logits,
        target,
        ignore_index=ignore_index,
        reduction='none',
        label_smoothing=label_smoothing * classes / (classes - 1),
    )
    background = (target == 0).to(entropy)
    foreground = ((target != 0) & (target != ignore_index)).to(entropy)
    masks = torch.stack([background, foreground])
    return (masks * entropy).sum(dim=(1, 2, 3)), masks.sum(dim=(1, 2, 3))


def resize_labels(labels: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize label maps by PIL's nearest rule: cell i takes pixel ``floor((i + 0.5) * stride)``.

    At stride 16 that is pixel 16i + 8, the middle of the cell; torch's ``nearest`` takes 16i. At
    some even sizes that are no multiple of the grid the middle is the border of two pixels, and
    PIL's rounding errors may choose the other one.

    Args:
        labels: ``(B, H, W)`` of integers.
        size: ``(h, w)`` of the result.

    Returns:
        ``(B, h, w)`` of the same dtype.

    Example:
        >>> import torch
        >>> resize_labels(torch.arange(8).view(1, 1, 8), (1, 2))
        tensor([[[2, 6]]])
    """
    # interpolate takes no integers; labels up to 2^24 are exact in float32.
    resized = F.interpolate(labels[:, None].float(), size, mode='nearest-exact')
    return resized[:, 0].to(labels.dtype)
