"""Context Patch Fusion with Class Token Enhancement: the equations of CPF-CTE, Sec. 3.2 and 3.4.

Shapes: ``B`` images, ``D`` channels of a patch token, ``T`` of a class token, ``H x W`` patches,
``C`` classes of the patch classifier: the ``N`` foreground classes and, of some readings, the
background before them.

Eq. 8 and 9 are computed from log-odds ``log p - log(1 - p)``: they are finite, with finite
gradients, where ``p`` is rounded to 0 or 1.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .cam import normalize_by_max

_TINY = 1e-12  # keeps the division finite where no kept class has any probability


def token_scores(queries: Tensor, class_tokens: Tensor) -> Tensor:
    """How well each class token fits each patch: scaled dot products, as in attention (Eq. 1).

    Args:
        queries: ``q(p_i)``, ``(B, T, H, W)``.
        class_tokens: ``(C, T)``.

    Returns:
        ``(B, C, H, W)``.
    """
    return torch.einsum('bthw,ct->bchw', queries, class_tokens) / class_tokens.shape[1] ** 0.5


def soft_tokens(scores: Tensor, class_tokens: Tensor) -> Tensor:
    """Mix the class tokens for each patch by the softmax of its scores (Eq. 2, our reading).

    Args:
        scores: Of `token_scores`, ``(B, C, H, W)``.
        class_tokens: ``(C, T)``.

    Returns:
        ``t_i = sum_c softmax(scores_i)_c t_c``, ``(B, T, H, W)``.
    """
    return torch.einsum('bchw,ct->bthw', scores.softmax(dim=1), class_tokens)


def hard_tokens(scores: Tensor, class_tokens: Tensor) -> Tensor:
    """Give each patch the one class token that fits it best (Eq. 2, another reading).

    The gradient is that of `soft_tokens` (straight-through), or the scores would get none.

    Args:
        scores: Of `token_scores`, ``(B, C, H, W)``.
        class_tokens: ``(C, T)``.

    Returns:
        ``(B, T, H, W)``.
    """
    soft = scores.softmax(dim=1)
    best = torch.zeros_like(soft).scatter_(1, scores.argmax(dim=1, keepdim=True), 1.0)
    # The bracket is zero, and its gradient is that of the softmax.
    weight = best + (soft - soft.detach())
    return torch.einsum('bchw,ct->bthw', weight, class_tokens)


def label_mean_tokens(class_label: Tensor, class_tokens: Tensor) -> Tensor:
    """Mean of the tokens of the present classes, the same for all patches (Eq. 2, a reading).

    Args:
        class_label: ``(B, C)`` of 0 and 1; an image without any class gets zeros.
        class_tokens: ``(C, T)``.

    Returns:
        ``(B, T)``.

    Example:
        >>> label_mean_tokens(torch.tensor([[1, 0, 1]]), torch.tensor([[1.0], [7.0], [3.0]]))
        tensor([[2.]])
    """
    label = class_label.to(class_tokens)
    return label @ class_tokens / label.sum(dim=1, keepdim=True).clamp(min=1)


def attach_tokens(patch_tokens: Tensor, tokens: Tensor) -> Tensor:
    """Concatenate each patch token and the class token attached to it (Eq. 2).

    Args:
        patch_tokens: ``p_i``, ``(B, D, H, W)``.
        tokens: ``(B, T, H, W)``, or with axes of length 1, which are repeated.

    Returns:
        ``f_i = [p_i; t_i]``, ``(B, D + T, H, W)``.
    """
    size = (len(patch_tokens), tokens.shape[1], *patch_tokens.shape[2:])
    return torch.cat([patch_tokens, tokens.expand(size)], dim=1)


def softmax_log_odds(logits: Tensor) -> Tensor:
    """Log-odds of a softmax over the classes (Eq. 7): its sigmoid is the softmax.

    ``log(z_c / (1 - z_c)) = x_c - log sum_{j != c} exp x_j``. The sum without the strongest class
    is taken by itself; for all others ``z_c <= 1/2``, and nothing cancels.

    Args:
        logits: ``x``, ``(B, C, H, W)`` with at least two classes.

    Returns:
        ``(B, C, H, W)``.

    Example:
        >>> softmax_log_odds(torch.tensor([[[[200.0]], [[0.0]]]])).flatten()
        tensor([ 200., -200.])
    """
    strongest = torch.zeros_like(logits, dtype=torch.bool)
    strongest = strongest.scatter_(1, logits.argmax(dim=1, keepdim=True), True)
    # 1 - z of the strongest class is a difference of nearly equal numbers where it is sure; summing
    # the other classes instead loses nothing.
    rest = logits.masked_fill(strongest, float('-inf')).logsumexp(dim=1, keepdim=True)
    weak = logits.softmax(dim=1).masked_fill(strongest, 0.0)
    others = logits.logsumexp(dim=1, keepdim=True) + torch.log1p(-weak)
    return logits - torch.where(strongest, rest, others)


def sigmoid_log_odds(logits: Tensor) -> Tensor:
    """Log-odds of a sigmoid for each class (Fig. 2 instead of Eq. 7): the logits themselves."""
    return logits


PATCH_LOG_ODDS: dict[str, Callable[[Tensor], Tensor]] = {
    'softmax': softmax_log_odds,
    'softmax_fg': softmax_log_odds,
    'sigmoid': sigmoid_log_odds,
}


def top_k_pooling(log_odds: Tensor, valid: Tensor, k: int | None) -> Tensor:
    """Mean of the ``k`` largest patch probabilities of each class (Eq. 8), as log-odds.

    ``p = mean z`` and ``1 - p = mean (1 - z)`` over the same patches are both taken in the log
    domain. ``k = 1`` is max pooling, None average pooling (Table 5).

    Args:
        log_odds: Of the patch probabilities ``z``, ``(B, C, H, W)``.
        valid: Patches inside the image, ``(B, 1, H, W)`` of 0 and 1. Of an image that has none,
            all count.
        k: Number of patches; all, where an image has fewer.

    Returns:
        ``log p - log(1 - p)``, ``(B, C)``.

    Example:
        >>> log_odds = torch.tensor([[[[0.9, 0.5, 0.7, 0.1]]]]).logit()
        >>> top_k_pooling(log_odds, torch.ones(1, 1, 1, 4), k=2).sigmoid()
        tensor([[0.8000]])
    """
    log_odds, inside = log_odds.flatten(2), valid.flatten(2) > 0  # (B, C, L), (B, 1, L)
    # Without this an image that is all padding would pool nothing, and its loss be NaN.
    inside = inside | ~inside.any(dim=2, keepdim=True)
    k = log_odds.shape[2] if k is None else min(k, log_odds.shape[2])
    best = log_odds.masked_fill(~inside, float('-inf')).topk(k, dim=2).values  # (B, C, k)
    counts = torch.arange(k, device=valid.device) < inside.sum(dim=2, keepdim=True)  # (B, 1, k)
    best = best.masked_fill(~counts, 0.0)  # a patch of the padding; the next lines leave it out
    present = F.logsigmoid(best).masked_fill(~counts, float('-inf')).logsumexp(dim=2)
    absent = F.logsigmoid(-best).masked_fill(~counts, float('-inf')).logsumexp(dim=2)
    return present - absent  # the number of patches cancels


def mce_loss(log_odds: Tensor, class_label: Tensor) -> Tensor:
    """Multi-label cross-entropy, mean over images and classes (Eq. 9).

    The printed equation misses the brackets around its two terms; the minus belongs to both.

    Args:
        log_odds: Of the pooled probabilities, ``(B, C)``.
        class_label: ``(B, C)`` of 0 and 1.

    Example:
        >>> mce_loss(torch.tensor([[0.0, -1000.0]]), torch.tensor([[1, 0]])).round(decimals=4)
        tensor(0.3466)
    """
    return F.binary_cross_entropy_with_logits(log_odds, class_label.to(log_odds))


def mask_scores(probabilities: Tensor) -> Tensor:
    """Make patch probabilities comparable: by their spatial maximum, then to a sum of one.

    CPF-CTE does not say how; this is what ViT-PCM does.

    Args:
        probabilities: Of the background and of the classes present, ``(K, H, W)`` in [0, 1].

    Returns:
        ``(K, H, W)``; the scores of a patch sum to one.
    """
    scaled = normalize_by_max(probabilities)
    return scaled / scaled.sum(dim=0, keepdim=True).clamp(min=_TINY)


def mask_scores_without_background(probabilities: Tensor) -> Tensor:
    """Do as `mask_scores` does for a classifier without background: it is what classes leave.

    Args:
        probabilities: Of the classes present, ``(k, H, W)`` in [0, 1].

    Returns:
        ``(k + 1, H, W)``, the background, one minus the strongest scaled class, first.
    """
    scores = add_remaining_background(normalize_by_max(probabilities))
    return scores / scores.sum(dim=0, keepdim=True)


def add_remaining_background(probabilities: Tensor) -> Tensor:
    """Put one minus the strongest class before the classes.

    Args:
        probabilities: ``(k, H, W)`` in [0, 1].

    Returns:
        ``(k + 1, H, W)``; all ones for an image without classes.

    Example:
        >>> add_remaining_background(torch.tensor([[[0.45]], [[0.25]]])).flatten()
        tensor([0.5500, 0.4500, 0.2500])
    """
    blank = probabilities.new_zeros(1, *probabilities.shape[1:])
    background = 1 - torch.cat([blank, probabilities]).amax(dim=0, keepdim=True)
    return torch.cat([background, probabilities])


def predict_labels(scores: Tensor, size: tuple[int, int]) -> Tensor:
    """Enlarge the scores bilinearly and take the best class of every pixel (Eq. 10).

    Args:
        scores: ``(K, H, W)``.
        size: Height and width of the image.

    Returns:
        Index into the ``K`` of every pixel, ``size``; the first wins ties.
    """
    resized = F.interpolate(scores[None], size, mode='bilinear', align_corners=False)
    return resized[0].argmax(dim=0)
