"""Regional semantic contrast: the decoder's equations of VPL (AAAI 2025), Eq. 12 and 13.

A *pair* is one (image, present class); pair ``m`` is of image ``image_index[m]`` and of foreground
class ``class_index[m]``. Shapes: ``B`` images, ``N`` foreground classes, ``M`` pairs, ``D``
channels of the embedding ``V``, ``h x w`` grid.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

_TINY = 1e-12  # the smallest sum of weights that is divided by


def prototype_scores(
    embedding: Tensor, classes: Tensor, background: Tensor, temperature: float
) -> Tensor:
    """Compare every position with the prototypes (``A = W^T V`` of Eq. 12, our reading).

    The scores are cosines over a temperature, because they are what the cross-entropy of Eq. 14
    takes; the background's is that of its best name.

    Args:
        embedding: ``V``, ``(B, D, h, w)``; carries gradient.
        classes: Prototypes of the classes, ``(N, D)``, of any length but zero.
        background: Prototypes of the background names, ``(K, D)`` with ``K > 0``.
        temperature: Divides the cosines.

    Returns:
        ``A``, ``(B, 1 + N, h, w)``, background first.

    Example:
        >>> embedding = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
        >>> classes, background = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0], [-1.0, 0]])
        >>> prototype_scores(embedding, classes, background, temperature=0.1).flatten()
        tensor([6., 8.])
    """
    direction = F.normalize(embedding, dim=1)
    prototypes = F.normalize(torch.cat([background, classes]), dim=1)
    cosine = torch.einsum('bdhw,pd->bphw', direction, prototypes)
    names, kept = cosine.tensor_split([len(background)], dim=1)
    return torch.cat([names.amax(dim=1, keepdim=True), kept], dim=1) / temperature


def present_in_crop(image_label: Tensor, pseudo_mask: Tensor) -> Tensor:
    """Tell which classes a crop shows: those of its image label that its pseudo mask has pixels of.

    A crop need not hold what its image does, so the image label alone would ask for regions that
    are not there. A class of the pseudo mask that is not in the image label does not count either.
    VPL says nothing of crops; this is our reading.

    Args:
        image_label: ``(B, N)`` of 0 and 1.
        pseudo_mask: ``(B, H, W)`` of integers: ``n + 1`` for class ``n``; 0 is the background, and
            what is above ``N`` (the ignored value) is no class.

    Returns:
        ``(B, N)`` bool.

    Example:
        >>> present_in_crop(torch.tensor([[1, 1, 0]]), torch.tensor([[[0, 2, 3, 255]]]))
        tensor([[False,  True, False]])
    """
    classes = image_label.shape[1]
    index = pseudo_mask.flatten(1)
    index = index.masked_fill(index > classes, 0)
    seen = index.new_zeros(len(index), classes + 1).scatter_(1, index, 1)
    return (seen[:, 1:] > 0) & (image_label > 0)


def softmax_weights(scores: Tensor, valid: Tensor) -> Tensor:
    """Weights of Eq. 12 from the softmax of the scores over the classes (our reading).

    They are positive, so that the average is one. Divided by their sum as Eq. 12 does, in the log
    domain: a class that is unlikely everywhere has weights too.

    Args:
        scores: ``A``, ``(B, C, h, w)``; carries gradient.
        valid: 1 inside the image, ``(B, 1, h, w)``. Of an image that has none, all count.

    Returns:
        ``(B, C, h, w)``; every map sums to one.

    Example:
        >>> scores = torch.tensor([[[[0.75, 0.25]], [[0.25, 0.75]]]]).log()
        >>> softmax_weights(scores, torch.ones(1, 1, 1, 2))[0, :, 0]
        tensor([[0.7500, 0.2500],
                [0.2500, 0.7500]])
    """
    log_share = scores.log_softmax(dim=1).flatten(2)
    log_share = log_share.masked_fill(~_inside(valid).flatten(2), float('-inf'))
    return log_share.softmax(dim=2).view_as(scores)


def raw_weights(scores: Tensor, valid: Tensor) -> Tensor:
    """Weights of Eq. 12 as printed: the scores themselves.

    Scores may be negative. Where those of a class cancel, the printed average is not defined: a sum
    nearer to zero than 1e-12 is taken for 1e-12.

    Args:
        scores: ``A``, ``(B, C, h, w)``; carries gradient.
        valid: 1 inside the image, ``(B, 1, h, w)``. Of an image that has none, all count.

    Returns:
        ``(B, C, h, w)``; a map sums to one unless its sum vanishes.
    """
    kept = scores * _inside(valid)
    total = kept.sum(dim=(2, 3), keepdim=True)
    return kept / torch.where(total.abs() < _TINY, _TINY, total)


REGION_WEIGHTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'softmax': softmax_weights,
    'raw': raw_weights,
}


def region_embeddings(
    embedding: Tensor, weights: Tensor, image_index: Tensor, class_index: Tensor
) -> Tensor:
    """Average the embedding over the region of each pair (masked average pooling, Eq. 12).

    Args:
        embedding: ``V``, ``(B, D, h, w)``; carries gradient.
        weights: Of one of `REGION_WEIGHTS`, the foreground classes alone, ``(B, N, h, w)``; carries
            gradient.
        image_index: ``(M,)``.
        class_index: ``(M,)`` in ``[0, N)``.

    Returns:
        ``P``, ``(M, D)``.
    """
    every = torch.einsum('bnhw,bdhw->bnd', weights, embedding)
    return every[image_index, class_index]


def rsc_loss_terms(
    regions: Tensor, prototypes: Tensor, class_index: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Contrast of regions and prototypes, in both directions (Eq. 13).

    Eq. 13 is written for one class an image: ``i`` and ``j`` count images. Ours counts pairs. With
    ``S_ij`` the cosine of region ``i`` and of the prototype of pair ``j``'s class, region ``i`` is
    to choose its prototype among those of all pairs ``j``, and the prototype its region among all
    regions. Other pairs of the same class are no negatives: they are left out of both denominators.
    A class that several other pairs have counts as often as it occurs.

    Sum and count are returned apart so that the mean can be taken over all processes. The pairs of
    another process are no negatives, though: with two processes each pair is contrasted with those
    of its own half of the batch.

    Args:
        regions: ``P``, ``(M, D)``; carries gradient.
        prototypes: ``W``, one row a class, ``(N, D)``.
        class_index: ``(M,)`` in ``[0, N)``.
        temperature: ``tau``, divides the cosines.

    Returns:
        Sum over the pairs of the mean of both terms, and the number of pairs. Zero, with a
        gradient of zero, where no pair has a negative, and where there is no pair.

    Example:
        >>> regions, prototypes = torch.eye(2), torch.eye(2)
        >>> rsc_loss_terms(regions, prototypes, torch.arange(2), 1.0)  # 2 ln(1 + 1/e)
        (tensor(0.6265), tensor(2.))
    """
    own = F.normalize(prototypes[class_index], dim=1)
    scores = F.normalize(regions, dim=1) @ own.T / temperature  # (M, M): region, prototype
    same = class_index[:, None] == class_index
    other_pairs = ~torch.eye(len(class_index), dtype=torch.bool, device=same.device)
    scores = scores.masked_fill(same & other_pairs, float('-inf'))
    positive = scores.diagonal()
    region_term = scores.logsumexp(dim=1) - positive
    prototype_term = scores.logsumexp(dim=0) - positive
    total = (region_term + prototype_term).sum() / 2
    return total, total.new_tensor(float(len(class_index)))


def _inside(valid: Tensor) -> Tensor:
    inside = valid > 0
    return inside | ~inside.any(dim=3, keepdim=True).any(dim=2, keepdim=True)
