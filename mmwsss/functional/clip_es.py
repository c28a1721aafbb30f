"""Localisation with a frozen CLIP: GradCAM and attention (CLIP-ES, CVPR 2023)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmwsss.functional.cam import normalize_by_range

RANGE_EPS = 1e-7  # added to a shifted map's maximum before dividing by it (CLIP-ES)
ABSENT = -1e4  # a logit whose softmax is zero, and whose gradient is no NaN


def class_logits(
    embedding: Tensor, prototypes: Tensor, image_label: Tensor, logit_scale: float = 100.0
) -> Tensor:
    """Scaled cosines of an image with its classes and the background names (CLIP-ES).

    Args:
        embedding: Of the images, ``(B, D)``, of any length but zero.
        prototypes: ``(P, D)``; the first ``N`` rows are the classes, the others background names.
        image_label: ``(B, N)`` of 0 and 1.
        logit_scale: Factor of the cosines.

    Returns:
        ``(B, P)``; for absent classes a number so low that its softmax is zero.

    Example:
        >>> prototypes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
        >>> class_logits(torch.tensor([[5.0, 0.0]]), prototypes, torch.tensor([[1, 0]]), 10)[0, 2]
        tensor(6.)
    """
    cosine = F.normalize(embedding, dim=1) @ F.normalize(prototypes, dim=1).T
    absent = torch.zeros_like(cosine, dtype=torch.bool)
    absent[:, : image_label.shape[1]] = image_label == 0
    return (logit_scale * cosine).masked_fill(absent, ABSENT)


def log_odds(logits: Tensor, class_index: Tensor) -> Tensor:
    """Log-odds of one class per image in the softmax: ``log p - log(1 - p)``.

    GradCAM's score is the probability ``p`` itself. Its gradient is ``p (1 - p)`` times that of the
    log-odds, a positive factor that the stretch to [0, 1] removes; but once ``p`` is nearly 1, as
    logits of 100 cosines soon make it, it is lost to rounding, and this one is not.

    Args:
        logits: ``(B, P)`` of `class_logits`.
        class_index: Of the class, ``(B,)``.

    Returns:
        ``(B,)``.

    Example:
        >>> odds = log_odds(torch.tensor([[2.0, 2.0, 2.0]]), torch.tensor([0]))
        >>> odds.exp()  # one against two
        tensor([0.5000])
    """
    own = torch.zeros_like(logits, dtype=torch.bool)
    own[torch.arange(len(logits), device=logits.device), class_index] = True
    return logits[own] - logits.masked_fill(own, ABSENT).logsumexp(dim=1)


def grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Weight channels by their mean gradient and keep what speaks for the class (GradCAM).

    Args:
        activation: Of the patches, ``(B, L, C)``.
        gradient: Of the score with respect to it, ``(B, L, C)``; or its mean over the patches,
            ``(B, 1, C)``, which is all that counts.

    Returns:
        ``(B, L)``, non-negative.

    Example:
        >>> activation = torch.tensor([[[1.0, 2.0], [3.0, -4.0]]])
        >>> gradient = torch.tensor([[[1.0, 0.0], [1.0, 2.0]]])
        >>> grad_cam(activation, gradient)
        tensor([[3., 0.]])
    """
    # GradCAM's global average pooling of the gradient: one weight per channel.
    weight = gradient.mean(dim=1, keepdim=True)  # (B, 1, C)
    return F.relu((weight * activation).sum(dim=-1))


def attention_weights(query: Tensor, key: Tensor) -> Tensor:
    """Return the weights of scaled dot-product attention, ``(..., T, T)``; a row is a query.

    Args:
        query: Of the tokens, ``(..., T, c)``.
        key: Of the tokens that they attend to, ``(..., T, c)``.
    """
    return (query * query.shape[-1] ** -0.5 @ key.transpose(-2, -1)).softmax(dim=-1)


def common_shift_gradient(
    query: Tensor, key: Tensor, value: Tensor, mixed: Tensor, gradient: Tensor
) -> Tensor:
    """Gradient by a vector that is added to the queries, keys or values of all patches (ours).

    It is the sum of the patches' own gradients. With ``W = softmax(s Q K^T)``, ``M = W V``, ``G``
    the gradient by ``M``, ``r`` the row sums of ``G * M``, and ``D = W * (G V^T - r)`` the gradient
    by ``s Q K^T``, the sums are, over all tokens ``a`` and patches ``p``:

    * of the values ``sum_a (1 - W[a, 0]) G[a]``, as the rows of ``W`` sum to one;
    * of the keys ``-s sum_a D[a, 0] Q[a]``, as those of ``D`` sum to zero;
    * of the queries ``s sum_a K[a] (V[a] . sum_p W[p, a] G[p] - sum_p W[p, a] r[p])``,

    so that nothing of the size of ``W`` is needed but ``W``, once for all scores.

    Args:
        query: ``Q``, ``(B, heads, T, c)``; the first token is none of a patch.
        key: ``K``, likewise.
        value: ``V``, likewise.
        mixed: ``M``, likewise.
        gradient: ``G`` of ``S`` scores, ``(S, B, heads, T, c)``.

    Returns:
        By the three vectors, ``(S, B, 3, heads, c)``.
    """
    weights, scale = attention_weights(query, key), query.shape[-1] ** -0.5
    to_class = weights[..., 0]  # (B, heads, T)
    row = (gradient * mixed).sum(dim=-1)  # r, (S, B, heads, T)
    slope = to_class * ((gradient * value[:, :, :1]).sum(dim=-1) - row)  # of the class token's key
    sent = torch.cat([gradient, row[..., None]], dim=-1)[..., 1:, :]  # (S, B, heads, T - 1, c + 1)
    sent = sent.movedim(0, -2).flatten(-2)  # one product for all scores
    received = (weights[..., 1:, :].transpose(-2, -1) @ sent).unflatten(-1, (len(gradient), -1))
    received = received.movedim(-2, 0)  # (S, B, heads, T, c + 1)
    taken = (received[..., :-1] * value).sum(dim=-1) - received[..., -1]  # (S, B, heads, T)
    by_query = scale * (taken[..., None] * key).sum(dim=-2)
    by_key = -scale * (slope[..., None] * query).sum(dim=-2)
    by_value = ((1 - to_class)[..., None] * gradient).sum(dim=-2)
    return torch.stack([by_query, by_key, by_value], dim=2)


def normalize_cam(maps: Tensor) -> Tensor:
    """Subtract the spatial minimum and divide by the maximum of the rest: `normalize_by_range`.

    Args:
        maps: ``(..., h, w)``.

    Returns:
        ``(..., h, w)`` in [0, 1); a constant map becomes zero.
    """
    return normalize_by_range(maps, RANGE_EPS)


def attention_affinity(attention: Tensor, rounds: int = 3) -> Tensor:
    """Make a symmetric transition matrix of the attention and take two steps (CAA).

    Each of the `rounds` of Sinkhorn's algorithm makes the columns sum to one, and then the rows.

    Args:
        attention: ``(B, L, L)``, positive.
        rounds: Rounds of Sinkhorn's algorithm, each of columns and then rows.

    Returns:
        ``(B, L, L)``: the square of the symmetric part.

    Example:
        >>> attention_affinity(torch.tensor([[[2.0, 0.0], [0.0, 5.0]]]))
        tensor([[[1., 0.],
                 [0., 1.]]])
    """
    for _ in range(rounds):
        attention = attention / attention.sum(dim=-2, keepdim=True)
        attention = attention / attention.sum(dim=-1, keepdim=True)
    # Attention is directed, and an object's patches should take from each other alike.
    symmetric = (attention + attention.transpose(-2, -1)) / 2
    return symmetric @ symmetric
