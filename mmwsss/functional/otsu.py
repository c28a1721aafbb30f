"""Otsu's threshold (IEEE Transactions on Systems, Man, and Cybernetics, 1979) on scores of pixels.

Scores of many images are pooled as shares of pixels and their sums per bin, so that one pass over
the pixels answers for every threshold, as in `threshold_sweep`. ``T`` thresholds make ``T + 1``
bins: bin ``k`` has the scores that exceed ``k`` thresholds.
"""

import torch
from torch import Tensor


def score_bins(scores: Tensor, thresholds: Tensor) -> Tensor:
    """Count the scores of one image, which weighs as much as any other image.

    Args:
        scores: Of the pixels, of any shape, at least one of them.
        thresholds: ``(T,)``, ascending, of the dtype of `scores`.

    Returns:
        ``(2, T + 1)`` float64: the share of the pixels in each bin, and the sum of their scores
        divided by the number of pixels.

    Example:
        >>> score_bins(torch.tensor([0.1, 0.5, 0.7, 0.9]), torch.tensor([0.2, 0.5]))
        tensor([[0.2500, 0.2500, 0.5000],
                [0.0250, 0.1250, 0.4000]], dtype=torch.float64)
    """
    flat = scores.flatten()
    index = torch.bucketize(flat, thresholds)  # number of thresholds < score
    bins = len(thresholds) + 1
    share = torch.bincount(index, minlength=bins).double()
    total = torch.bincount(index, weights=flat.double(), minlength=bins)
    return torch.stack([share, total]) / len(flat)


def between_class_variance(bins: Tensor) -> Tensor:
    """Return how far the mean scores of the two sides of each threshold lie apart (Otsu, Eq. 14).

    Args:
        bins: ``(2, T + 1)`` as of `score_bins`, of one image or the sum of many.

    Returns:
        ``(T,)``: ``w0 w1 (m0 - m1)^2``, with the shares ``w`` and the means ``m`` of the scores up
        to a threshold and above it; 0 where one side is empty. Its maximum is Otsu's threshold.

    Example:
        >>> between_class_variance(torch.tensor([[0.5, 0.5], [0.1, 0.4]]))  # 1/4 (0.8 - 0.2)^2
        tensor([0.0900])
    """
    share, total = bins / bins[0].sum()
    below, sum_below = share.cumsum(0)[:-1], total.cumsum(0)[:-1]
    above, sum_above = 1 - below, total.sum() - sum_below
    parted = below * above
    spread = (sum_below * above - sum_above * below) ** 2
    return torch.where(parted > 1e-9, spread / parted.clamp(min=1e-9), 0)
