"""Context Prototype-Aware Learning: the equations of CPAL (CVPR 2024), sections 3.2 to 3.4.

Everything is computed for pairs only: a *pair* is one (image, present class), and pair ``m`` is of
image ``image_index[m]``. Absent classes cost nothing. Shapes: ``B`` images, ``N`` classes, ``M``
pairs, ``P`` context prototypes of a class, ``D`` channels, ``H x W`` grid.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .cpu_copy import cpu_copy, send

_TINY = 1e-12  # keeps a division by the norm of a zero vector finite


def instance_prototypes(
    features: Tensor, cam: Tensor, image_index: Tensor, tau: float
) -> tuple[Tensor, Tensor]:
    """Masked average pooling of each pair's features (Eq. 4).

    Args:
        features: ``z = v(f)``, ``(B, D, H, W)``.
        cam: CAM of each pair, zero in the padding, ``(M, H, W)`` in [0, 1].
        image_index: ``(M,)``.
        tau: Only pixels with ``cam > tau`` count.

    Returns:
        Prototypes ``(M, D)`` and whether any pixel counted ``(M,)`` bool; without one the
        prototype is zero.
    """
    mask = (cam > tau).to(features)
    packed, slot = _pack_by_image(mask.flatten(1), image_index, len(features))
    # A product of the masks with the features sums over the pixels without a (M, D, L) tensor.
    total = packed @ features.flatten(2).transpose(1, 2)  # (B, S, L) @ (B, L, D)
    count = mask.sum(dim=(1, 2))
    return total[image_index, slot] / count.clamp(min=1)[:, None], count > 0


def cluster_means(entries: Tensor, assignment: Tensor, num_clusters: int) -> Tensor:
    """Mean of the entries of each cluster (Eq. 5).

    Args:
        entries: ``(R, D)``.
        assignment: Cluster of each entry, ``(R,)`` in ``[0, num_clusters)``.
        num_clusters: ``P``; each cluster has an entry.

    Returns:
        ``(P, D)``.

    Example:
        >>> cluster_means(torch.tensor([[0.0], [2.0], [5.0]]), torch.tensor([0, 0, 1]), 2)
        tensor([[1.],
                [5.]])
    """
    total = entries.new_zeros(num_clusters, entries.shape[1]).index_add_(0, assignment, entries)
    count = torch.bincount(assignment, minlength=num_clusters)
    return total / count[:, None]


def alignment_shift(context: Tensor, filled: Tensor, instance_mean: Tensor) -> Tensor:
    """Shift from the mean of the instances to the mean of the context (Eq. 12).

    Args:
        context: Context prototypes, ``(..., P, D)``.
        filled: Which of the ``P`` exist, ``(..., P)`` bool.
        instance_mean: Mean instance prototype of the class, ``(..., D)``.

    Returns:
        ``delta = mean_i p_i - mean_q P_q``, ``(..., D)``.

    Example:
        >>> alignment_shift(torch.tensor([[1.0], [5.0]]), torch.ones(2).bool(), torch.tensor([2.0]))
        tensor([1.])
    """
    weight = filled.to(context)[..., None]
    context_mean = (context * weight).sum(dim=-2) / weight.sum(dim=-2).clamp(min=1)
    return context_mean - instance_mean


def dot_score(anchor: Tensor, context: Tensor) -> Tensor:
    """Dot product of raw vectors, CPAL's choice for Eq. 7: ``(M, D), (M, P, D) -> (M, P)``."""
    return torch.einsum('md,mpd->mp', anchor, context)


def cosine_score(anchor: Tensor, context: Tensor) -> Tensor:
    """Cosine similarity: ``(M, D), (M, P, D) -> (M, P)``."""
    return F.cosine_similarity(anchor[:, None], context, dim=-1, eps=_TINY)


def l1_score(anchor: Tensor, context: Tensor) -> Tensor:
    """Negative Manhattan distance (Table 3): ``(M, D), (M, P, D) -> (M, P)``."""
    return -(anchor[:, None] - context).abs().sum(dim=-1)


def l2_score(anchor: Tensor, context: Tensor) -> Tensor:
    """Negative Euclidean distance (Table 3): ``(M, D), (M, P, D) -> (M, P)``."""
    return -(anchor[:, None] - context).norm(dim=-1)


POSITIVENESS_SCORES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'dot': dot_score,
    'cosine': cosine_score,
    'l1': l1_score,
    'l2': l2_score,
}


def positiveness(score: Tensor, filled: Tensor, temperature: float = 1.0) -> Tensor:
    """Softmax of the scores over the existing context prototypes (Eq. 7).

    The factor ``1 / gamma_i`` of Eq. 7 has the index of the context prototype, but the paper gives
    it neither a definition nor a value. Ours is the same for all (``gamma = 1``), and then cancels
    wherever the result is used: in the order of the neighbours and in the normalised weights.

    Args:
        score: One of `POSITIVENESS_SCORES`, ``(M, P)``.
        filled: ``(M, P)`` bool, at least one in a row.
        temperature: Divides the scores.

    Returns:
        ``(M, P)``, rows sum to 1, zero where not filled.
    """
    return (score / temperature).masked_fill(~filled, float('-inf')).softmax(dim=-1)


def standardized_scores(score: Tensor, filled: Tensor) -> Tensor:
    """Shift and scale the scores of each pair to mean 0 and standard deviation 1 (ours).

    Raw dot products of hundreds of channels lie so far apart that a softmax leaves one of them all
    the weight; distances and cosines have scales of their own. Standardised, they have none.

    Args:
        score: One of `POSITIVENESS_SCORES`, ``(M, P)``.
        filled: ``(M, P)`` bool; only these count.

    Returns:
        ``(M, P)``, zero where not filled; all zero where the scores of a pair are the same.

    Example:
        >>> standardized_scores(torch.tensor([[2.0, 4.0, 9.0]]), torch.tensor([[1, 1, 0]]) > 0)
        tensor([[-1.,  1.,  0.]])
    """
    weight = filled.to(score)
    count = weight.sum(dim=1, keepdim=True).clamp(min=1)
    mean = (score * weight).sum(dim=1, keepdim=True) / count
    difference = (score - mean) * weight
    variance = difference.square().sum(dim=1, keepdim=True) / count
    return difference / variance.clamp(min=_TINY).sqrt()


def effective_number(weight: Tensor) -> Tensor:
    """Return how many context prototypes share the weight: ``1 / sum_i w_i^2`` of the normalised.

    It is 1 where one has it all, and their number where all have the same.

    Args:
        weight: ``(M, P)``, non-negative, with a positive sum in each row.

    Returns:
        ``(M,)``.

    Example:
        >>> effective_number(torch.tensor([[0.5, 0.5, 0.0], [3.0, 0.0, 0.0]]))
        tensor([2., 1.])
    """
    share = weight / weight.sum(dim=1, keepdim=True)
    return 1 / share.square().sum(dim=1)


def neighbor_ranking(weight: Tensor, similarity: Tensor) -> Tensor:
    """What the context prototypes are ranked by (Eq. 6): ``w_i * cos(p_i, P)`` where that is sound.

    A weight may put a similar prototype before another. Where the cosine is negative the product
    would turn the order around: the larger the weight, the lower the rank. So these rank behind all
    others, by the cosine alone.

    Args:
        weight: Of `positiveness`, ``(M, P)``, non-negative.
        similarity: Cosine of anchor and prototype, ``(M, P)``.

    Returns:
        ``(M, P)``.

    Example:
        >>> weight, cosine = torch.tensor([[0.8, 0.15, 0.05]]), torch.tensor([[-0.1, -0.3, 0.5]])
        >>> neighbor_ranking(weight, cosine)
        tensor([[-0.1000, -0.3000,  0.0250]])
    """
    return torch.where(similarity > 0, weight * similarity, similarity)


def soft_neighbors(ranking: Tensor, filled: Tensor, k: int) -> Tensor:
    """Mark the ``k`` context prototypes that rank highest (Eq. 6).

    Args:
        ranking: Of `neighbor_ranking`, ``(M, P)``.
        filled: ``(M, P)`` bool.
        k: Number of neighbours; all, where a class has fewer.

    Returns:
        ``(M, P)`` bool.
    """
    ranking = ranking.masked_fill(~filled, float('-inf'))
    best = ranking.topk(min(k, ranking.shape[1]), dim=1).indices
    # Where a class has fewer than `k`, topk fills up with some of those that do not exist.
    return torch.zeros_like(filled).scatter_(1, best, True) & filled


def neighbor_direction(context: Tensor, weight: Tensor) -> Tensor:
    """Weighted sum of unit context prototypes: all that Eq. 13 needs of them.

    Before its ReLU, Eq. 13 is linear in the unit prototypes, so ``K`` similarity maps are one: the
    dot product with ``sum_i w^_i p_i / ||p_i||`` (not normalised again).

    Args:
        context: ``(M, P, D)``.
        weight: Non-negative, zero for those that are no neighbours, ``(M, P)``; normalised here.

    Returns:
        ``(M, D)``.
    """
    weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=_TINY)
    return torch.einsum('mp,mpd->md', weight, F.normalize(context, dim=-1, eps=_TINY))


def prototype_similarity(
    features: Tensor, direction: Tensor, image_index: Tensor, shift: Tensor | None = None
) -> Tensor:
    """Aggregated cosine of every pixel to the neighbours of its pair (Eq. 13 before its ReLU).

    Args:
        features: ``(B, D, H, W)``.
        direction: From `neighbor_direction`, ``(M, D)``.
        image_index: ``(M,)``.
        shift: Added to the features of a pair before the cosine, ``(M, D)`` (Eq. 12 applied to
            features); the shifted features are never stored.

    Returns:
        ``(M, H, W)`` in [-1, 1].
    """
    height, width = features.shape[-2:]
    pixels = features.flatten(2)  # (B, D, L)
    packed, slot = _pack_by_image(direction, image_index, len(features))
    product = (packed @ pixels)[image_index, slot]  # (M, L)
    # The cosine needs |z|^2, and of shifted features |z + s|^2 = |z|^2 + 2 z.s + |s|^2. Expanded,
    # every term is a product with `pixels`; z + s itself would be a tensor (M, D, L).
    square = pixels.square().sum(dim=1)[image_index]  # (M, L)
    if shift is not None:
        packed, slot = _pack_by_image(shift, image_index, len(features))
        product = product + (direction * shift).sum(dim=1, keepdim=True)
        square = square + 2 * (packed @ pixels)[image_index, slot]
        square = square + shift.square().sum(dim=1, keepdim=True)
    norm = square.clamp(min=_TINY).sqrt()
    return (product / norm).unflatten(1, (height, width))


def prototype_aware_cam(
    features: Tensor, direction: Tensor, image_index: Tensor, shift: Tensor | None = None
) -> Tensor:
    """Positive part of `prototype_similarity`, whose arguments it takes (Eq. 13).

    Returns:
        ``(M, H, W)`` in [0, 1], not divided by the maximum.
    """
    return F.relu(prototype_similarity(features, direction, image_index, shift))


def consistency_terms(
    cam: Tensor, pacam: Tensor, selected: Tensor, valid: Tensor
) -> tuple[Tensor, Tensor]:
    """Sum and count of the absolute differences of CAM and PACAM (Eq. 14).

    Sum and count are returned apart so that the mean can be taken over all processes.

    Args:
        cam: Background first, then the classes, ``(B, N + 1, H, W)`` in [0, 1].
        pacam: The same of the prototype-aware CAM.
        selected: Classes that have a PACAM, ``(B, N)`` of 0 and 1; the background counts where
            any class does.
        valid: ``(B, 1, H, W)`` of 0 and 1.

    Returns:
        Sum of the differences, and ``(N + 1) * valid pixels``; both scalars.
    """
    # An image without a PACAM would compare its background with a constant map of ones.
    counts = torch.cat([selected.amax(dim=1, keepdim=True), selected], dim=1)
    difference = (cam - pacam).abs() * counts[:, :, None, None] * valid
    return difference.sum(), cam.shape[1] * valid.sum()


def _pack_by_image(rows: Tensor, image_index: Tensor, num_images: int) -> tuple[Tensor, Tensor]:
    """Lay the rows of pairs out by image, so that one batched product serves them all.

    Args:
        rows: ``(M, C)``.
        image_index: ``(M,)``, sorted.
        num_images: ``B``.

    Returns:
        ``(B, S, C)`` with ``S`` the largest number of pairs of an image, zero-filled, and each
        pair's place ``(M,)``, so that ``packed[image_index, slot]`` gives `rows` back.
    """
    # Pairs are sorted by image, so a pair's place among those of its image is its distance from the
    # first of them.
    image = cpu_copy(image_index)
    count = torch.bincount(image, minlength=num_images)
    first = count.cumsum(0) - count
    slot = send(torch.arange(len(image)) - first[image], rows.device)
    packed = rows.new_zeros(num_images, max(int(count.max()), 1), rows.shape[1])
    return packed.index_put((image_index, slot), rows), slot
