"""Contrast of images with captions that name one class each: how a toy CLIP learns (ours)."""

import torch.nn.functional as F
from torch import Tensor


def caption_contrast(
    images: Tensor, captions: Tensor, image_label: Tensor, scale: Tensor | float
) -> Tensor:
    """CLIP's symmetric cross-entropy, where several captions and images belong together.

    With one class per image and one image per class it is CLIP's loss.

    Args:
        images: ``(B, D)`` of length one.
        captions: Of the classes, ``(N, D)`` of length one.
        image_label: ``(B, N)`` of 0 and 1; an image without a class, and a class without an image,
            do not count.
        scale: What the cosines are multiplied by.

    Returns:
        Mean of both directions, a scalar; zero when nothing counts.
    """
    logits = scale * images @ captions.T  # (B, N)
    right = image_label.to(logits)
    return (_one_way(logits, right) + _one_way(logits.T, right.T)) / 2


def bag_probabilities(
    patches: Tensor, captions: Tensor, num_classes: int, scale: float, share: float
) -> Tensor:
    """Say of an image what the surest of its patches say (multiple-instance learning).

    Args:
        patches: ``(B, L, D)`` of length one.
        captions: Of the classes, then of the background names, ``(P, D)`` of length one.
        num_classes: ``N``.
        scale: What the cosines are multiplied by.
        share: Of the patches that are averaged; at least one is.

    Returns:
        ``(B, N)`` in [0, 1].
    """
    classes = (scale * patches @ captions.T).softmax(dim=-1)[..., :num_classes]  # (B, L, N)
    number = max(int(share * patches.shape[1]), 1)
    return classes.topk(number, dim=1).values.mean(dim=1)


def _one_way(logits: Tensor, right: Tensor) -> Tensor:
    counted = right.any(dim=1)
    # Several right answers share the target in equal parts.
    share = right / right.sum(dim=1, keepdim=True).clamp(min=1)
    terms = -(F.log_softmax(logits, dim=1) * share).sum(dim=1)
    return terms.sum() / counted.sum().clamp(min=1)
