"""Regional semantic contrast: the decoder's equations of VPL (AAAI 2025), Eq. 12 and 13.

A contrast of this kind is TCL's (Cha et al., CVPR 2023): images pooled under the masks of their own
and of other texts. A *pair* is one (image, present class). Shapes: ``B`` images, ``N`` foreground
classes, ``M`` pairs, ``D`` channels of the embedding ``V``, ``h x w`` grid.
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


def region_embeddings(embedding: Tensor, weights: Tensor) -> Tensor:
    """Average the embedding of each image under the mask of each class (Eq. 12).

    Args:
        embedding: ``V``, ``(B, D, h, w)``; carries gradient.
        weights: Of one of `REGION_WEIGHTS`, the foreground classes alone, ``(B, N, h, w)``; carries
            gradient.

    Returns:
        ``P``, ``(B, N, D)``: of every class, also of those that an image does not show.

    Example:
        >>> embedding = torch.tensor([[[[4.0, 8.0]], [[0.0, 1.0]]]])  # (1, 2, 1, 2)
        >>> region_embeddings(embedding, torch.tensor([[[[0.75, 0.25]]]]))
        tensor([[[5.0000, 0.2500]]])
    """
    return torch.einsum('bnhw,bdhw->bnd', weights, embedding)


def rsc_loss_terms(
    regions: Tensor,
    prototypes: Tensor,
    present: Tensor,
    temperature: float,
    absent: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Contrast each present class with the masks of classes that are not there (Eq. 13).

    ``S_in`` is the cosine of image ``i`` pooled under the mask of class ``n`` and of the prototype
    of ``n``. A pair (image ``i``, present class ``c``) is contrasted along its row of ``S``, with
    the classes of the batch that image ``i`` does not show, each under its own mask in image ``i``
    and each once; and along its column, with the images that do not show ``c``, each under the
    mask of ``c``. With one class per image and all classes different this is Eq. 13 as printed;
    several classes per image are our extension.

    One embedding that all images share cannot solve it: its rows are equal, so with ``B`` images
    of ``B`` classes the loss stays at or above ``log B``.

    Sum and count are returned apart: where there is no pair, their quotient is not defined.

    Args:
        regions: ``P`` of every image and class, ``(B, N, D)``; carries gradient.
        prototypes: ``W``, one row per class, ``(N, D)``.
        present: Which classes each image shows, ``(B, N)`` bool.
        temperature: ``tau``, divides the cosines.
        absent: Which classes each image surely does not show, ``(B, N)`` bool. What is neither
            present nor absent is no negative: unknown is not absent. None: all that is not present.

    Returns:
        Sum over the pairs of the mean of both terms, and the number of pairs. Zero, with a
        gradient of zero, where no pair has a negative, and where there is no pair.

    Example:
        >>> regions = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
        >>> total, count = rsc_loss_terms(regions, torch.eye(2), torch.eye(2) > 0, 1.0)
        >>> total, count  # S = [[1, 0], [0, 1]]: 2 ln(1 + 1/e)
        (tensor(0.6265), tensor(2.))
    """
    scores = F.cosine_similarity(regions, prototypes, dim=2) / temperature  # (B, N)
    image_index, class_index = present.nonzero(as_tuple=True)
    # A class that no image of the batch shows has no positive, hence no row or column in Eq. 13.
    absent = (~present if absent is None else absent) & present.any(dim=0)
    negatives = scores.masked_fill(~absent, float('-inf'))
    positive = scores[image_index, class_index]
    row_term = _contrast(positive, negatives[image_index])
    column_term = _contrast(positive, negatives.T[class_index])
    return (row_term + column_term).sum() / 2, positive.new_tensor(float(len(positive)))


def own_region_loss_terms(
    regions: Tensor,
    prototypes: Tensor,
    present: Tensor,
    temperature: float,
    absent: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Contrast the regions of present classes with each other's prototypes (not Eq. 13).

    Another contrast, of the kind that CLIP's own loss is: each present class is pooled under its
    own mask alone, a region is to choose its prototype among those of all pairs, and a prototype
    its region among all regions. Other pairs of the same class are in neither denominator; a class
    that several other pairs have counts as often as it occurs. The mask of a class that an image
    does not show gets no gradient, and one embedding that all images share can solve it, because
    the regions still differ by their masks.

    Args and Returns: as `rsc_loss_terms`; `absent` has no part in it.

    Example:
        >>> regions = torch.tensor([[[1.0, 0.0], [9.0, 9.0]], [[9.0, 9.0], [0.0, 1.0]]])
        >>> own_region_loss_terms(regions, torch.eye(2), torch.eye(2) > 0, 1.0)  # 2 ln(1 + 1/e)
        (tensor(0.6265), tensor(2.))
    """
    image_index, class_index = present.nonzero(as_tuple=True)
    own = F.normalize(prototypes[class_index], dim=1)
    scores = F.normalize(regions[image_index, class_index], dim=1) @ own.T / temperature  # (M, M)
    other_class = class_index[:, None] != class_index
    negatives = scores.masked_fill(~other_class, float('-inf'))
    positive = scores.diagonal()
    region_term = _contrast(positive, negatives)
    prototype_term = _contrast(positive, negatives.T)
    return (region_term + prototype_term).sum() / 2, positive.new_tensor(float(len(positive)))


RSC_NEGATIVES: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    'absent': rsc_loss_terms,
    'own_region': own_region_loss_terms,
}


def _contrast(positive: Tensor, negatives: Tensor) -> Tensor:
    """``-log(exp(p) / (exp(p) + sum exp(n)))`` of ``(M,)`` and ``(M, X)``; -inf is no negative."""
    return torch.cat([positive[:, None], negatives], dim=1).logsumexp(dim=1) - positive


def _inside(valid: Tensor) -> Tensor:
    inside = valid > 0
    return inside | ~inside.any(dim=3, keepdim=True).any(dim=2, keepdim=True)
