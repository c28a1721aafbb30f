"""Maps from the attention of a ViT with one token per class (MCTformer, CVPR 2022)."""

import torch.nn.functional as F
from torch import Tensor

RANGE_EPS = 1e-8  # added to a map's range before dividing by it (MCTformer)


def class_attention(
    attention: Tensor, num_classes: int, size: tuple[int, int], num_blocks: int = 3
) -> Tensor:
    """Sum, over the last blocks, how much each class token attends to each patch.

    Args:
        attention: ``(blocks, B, N + L, N + L)``, averaged over heads; a row is a query and sums to
            one; the ``N`` class tokens stand first.
        num_classes: ``N``.
        size: ``(h, w)`` of the patches, ``h w = L``.
        num_blocks: Of the last blocks.

    Returns:
        ``(B, N, h, w)``, non-negative.

    Example:
        >>> import torch
        >>> block = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]])
        >>> class_attention(block.expand(4, 1, 3, 3), 1, (1, 2)).round(decimals=2)
        tensor([[[[0.9000, 0.6000]]]])
    """
    rows = attention[-num_blocks:, :, :num_classes, num_classes:].sum(dim=0)  # (B, N, L)
    return rows.unflatten(-1, size)


def patch_affinity(attention: Tensor, num_classes: int) -> Tensor:
    """Sum, over all blocks, how much each patch attends to each patch.

    Args:
        attention: ``(blocks, B, N + L, N + L)``, as for `class_attention`.
        num_classes: ``N``.

    Returns:
        ``(B, L, L)``, non-negative; entry ``(i, j)`` is what patch ``i`` takes from patch ``j``.
    """
    return attention[:, :, num_classes:, num_classes:].sum(dim=0)


def fuse(class_maps: Tensor, patch_maps: Tensor) -> Tensor:
    """Multiply the attention of the class tokens by the positive part of the patches' maps.

    Args:
        class_maps: ``(B, N, h, w)`` of `class_attention`.
        patch_maps: Classified patch tokens, ``(B, N, h, w)``, before the ReLU.

    Example:
        >>> import torch
        >>> fuse(torch.tensor([0.5, 0.5]), torch.tensor([4.0, -4.0]))
        tensor([2., 0.])
    """
    return class_maps * F.relu(patch_maps)


def refine(maps: Tensor, affinity: Tensor) -> Tensor:
    """Replace every patch's value by those of the patches that it attends to: ``P v``.

    Args:
        maps: ``(B, N, h, w)``.
        affinity: ``P``, ``(B, L, L)`` of `patch_affinity`; its rows need not sum to one.

    Returns:
        ``(B, N, h, w)``.

    Example:
        >>> import torch
        >>> affinity = torch.tensor([[[1.0, 0.5], [0.0, 2.0]]])
        >>> refine(torch.tensor([[[[10.0, 20.0]]]]), affinity)
        tensor([[[[20., 40.]]]])
    """
    # Maps are rows here, and (P v)^T = v^T P^T.
    values = maps.flatten(2) @ affinity.transpose(1, 2)  # (B, N, L) @ (B, L, L)
    return values.view_as(maps)
