"""Contrast of images and of their patches with captions: how the toy CLIP learns.

Shapes: ``B`` images, ``T`` captions, ``N`` things a caption may name, ``D`` channels of the shared
space, ``L`` patches of an image.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def caption_holds(image_label: Tensor, caption_label: Tensor) -> Tensor:
    """Tell which captions are true of which images: all that a caption names is in the image.

    The captions of a batch repeat each other, so that the caption of one image is no negative of
    another one that it describes as well.

    Args:
        image_label: ``(B, N)`` of 0 and 1.
        caption_label: ``(T, N)`` of 0 and 1, what a caption names.

    Returns:
        ``(B, T)`` bool.

    Example:
        >>> caption_holds(torch.tensor([[1, 1], [1, 0]]), torch.tensor([[1, 0], [1, 1]]))
        tensor([[ True,  True],
                [ True, False]])
    """
    named = image_label.float() @ caption_label.float().T  # (B, T)
    return named == caption_label.sum(dim=1)


def caption_contrast(images: Tensor, captions: Tensor, holds: Tensor, scale: Tensor) -> Tensor:
    """CLIP's symmetric cross-entropy with several right answers, all alike.

    Where every image has one right caption and every caption one right image, it is CLIP's loss
    (`open_clip.ClipLoss`).

    Args:
        images: ``(B, D)`` of length one.
        captions: ``(T, D)`` of length one.
        holds: ``(B, T)`` bool, see `caption_holds`; every row and every column has a right answer.
        scale: What the cosines are multiplied by.

    Returns:
        Mean of both directions, a scalar.

    Raises:
        ValueError: An image has no right caption, or a caption no right image.
    """
    if not (holds.any(dim=0).all() and holds.any(dim=1).all()):
        raise ValueError('every image needs a caption that holds, and every caption an image')
    logits = scale * images @ captions.T  # (B, T)
    right = holds.to(logits)
    to_captions = -(F.log_softmax(logits, dim=1) * right).sum(dim=1) / right.sum(dim=1)
    to_images = -(F.log_softmax(logits, dim=0) * right).sum(dim=0) / right.sum(dim=0)
    return (to_captions.mean() + to_images.mean()) / 2


def patch_shares(mask: Tensor, grid: tuple[int, int], num_classes: int) -> Tensor:
    """Measure what share of each patch a mask gives to each class.

    Args:
        mask: ``(B, H, W)`` int64; 0 background, 1..N classes, more is ignored.
        grid: Patches along height and width, which divide ``H`` and ``W``.
        num_classes: ``N``.

    Returns:
        ``(B, L, 1 + N)``, background first; a row sums to the share that is not ignored.

    Example:
        >>> patch_shares(torch.tensor([[[0, 2, 2, 255]]]), (1, 2), num_classes=2)
        tensor([[[0.5000, 0.0000, 0.5000],
                 [0.0000, 0.0000, 0.5000]]])
    """
    known = mask <= num_classes
    one_hot = F.one_hot(mask * known, 1 + num_classes) * known[..., None]  # (B, H, W, 1 + N)
    shares = F.adaptive_avg_pool2d(one_hot.permute(0, 3, 1, 2).float(), grid)
    return shares.flatten(2).transpose(1, 2)


def patch_contrast(patches: Tensor, names: Tensor, shares: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of every patch over one caption a class and one of the background.

    Args:
        patches: ``(B, L, D)`` of length one.
        names: ``(1 + N, D)`` of length one, background first.
        shares: ``(B, L, 1 + N)``, see `patch_shares`; a patch counts as much as its row sums to.
        scale: What the cosines are multiplied by.

    Returns:
        Mean over what is not ignored, a scalar; 0 where all is.
    """
    logits = scale * patches @ names.T  # (B, L, 1 + N)
    total = -(F.log_softmax(logits, dim=-1) * shares).sum()
    return total / shares.sum().clamp(min=torch.finfo(shares.dtype).eps)
