"""IoU at every background threshold from one pass over the pixels.

A pixel is foreground where its strongest map is above the threshold. Which class is strongest does
not depend on the threshold, so a histogram of (ground truth, strongest class, number of thresholds
below the score) answers for every threshold at once. Histograms of images and processes add up.
"""

import torch
from torch import Tensor


def default_thresholds() -> Tensor:
    """Return 0.00, 0.01, ..., 1.00 as float32, each the float nearest to its decimal."""
    return torch.arange(101, dtype=torch.float32) / 100


def new_histogram(num_classes: int, num_thresholds: int) -> Tensor:
    """Return an empty histogram.

    Args:
        num_classes: Foreground classes ``N``.
        num_thresholds: ``T``.

    Returns:
        ``(N + 1, N, T + 1)`` int64: ground truth (0 is background), strongest foreground class,
        number of thresholds that the score exceeds.
    """
    return torch.zeros(num_classes + 1, num_classes, num_thresholds + 1, dtype=torch.long)


def update_histogram(
    histogram: Tensor,
    score: Tensor,
    classes: Tensor,
    gt: Tensor,
    thresholds: Tensor,
    ignore_index: int,
) -> None:
    """Count the pixels of one image into a histogram, in place.

    Equal to an argmax over ``concat([threshold, score])`` per threshold: background wins ties (the
    score must be *above* the threshold), and between classes the first one in `score`.

    Args:
        histogram: ``(N + 1, N, T + 1)`` from `new_histogram`.
        score: Maps of the classes present, ``(k, H, W)``; ``k`` may be 0.
        classes: Foreground indices 0..N-1 of the maps, ``(k,)`` int64.
        gt: ``(H, W)`` integer, 0 is background and class ``c`` is ``c + 1``.
        thresholds: ``(T,)``, ascending, of the dtype of `score`.
        ignore_index: Pixels of `gt` that do not count.

    Raises:
        ValueError: Shapes, dtypes or the order of the thresholds are wrong, or `gt` has a label
            above ``N``.

    Example:
        >>> histogram = new_histogram(num_classes=1, num_thresholds=2)
        >>> score, gt = torch.tensor([[[0.2, 0.5, 0.9]]]), torch.tensor([[0, 1, 1]])
        >>> thresholds = torch.tensor([0.1, 0.5])
        >>> update_histogram(histogram, score, torch.tensor([0]), gt, thresholds, 255)
        >>> histogram[:, 0].tolist()
        [[0, 1, 0], [0, 1, 1]]
    """
    _check_shapes(histogram, score, classes, gt, thresholds)
    if not len(classes):  # an image without a class: below every threshold
        score = score.new_full((1, *gt.shape), -torch.inf)
        classes = classes.new_zeros(1)
    strongest, winner = score.max(dim=0)  # the first of equal maps
    above = torch.bucketize(strongest, thresholds)  # number of thresholds < score

    rows, _, bins = histogram.shape
    shape = (rows, len(classes), bins)
    # One number per (ground truth, winner, bin), so that one bincount makes the whole table.
    index = (gt.long() * len(classes) + winner) * bins + above
    counts = torch.bincount(index[gt != ignore_index], minlength=rows * len(classes) * bins)
    # bincount grows by itself for a label that is too large.
    if len(counts) > rows * len(classes) * bins:
        raise ValueError(f'the ground truth has a label above the {rows - 1} foreground classes')
    histogram.index_add_(1, classes, counts.view(shape))


def _check_shapes(
    histogram: Tensor, score: Tensor, classes: Tensor, gt: Tensor, thresholds: Tensor
) -> None:
    if score.shape != (len(classes), *gt.shape):
        raise ValueError(
            f'score of shape {tuple(score.shape)} does not fit {len(classes)} classes '
            f'and a ground truth of shape {tuple(gt.shape)}'
        )
    if histogram.shape[-1] != len(thresholds) + 1:
        raise ValueError(
            f'a histogram of {histogram.shape[-1] - 1} thresholds got {len(thresholds)}'
        )
    if score.dtype != thresholds.dtype:
        raise ValueError(f'score is {score.dtype}, but the thresholds are {thresholds.dtype}')
    if (thresholds.diff() <= 0).any():
        raise ValueError('thresholds must ascend')


def areas(histogram: Tensor) -> tuple[Tensor, Tensor]:
    """Return intersection and union of every class at every threshold.

    Args:
        histogram: ``(N + 1, N, T + 1)``, summed over images.

    Returns:
        Two ``(T, N + 1)`` int64 tensors of pixels, background first.

    Example:
        >>> areas(torch.tensor([[[0, 1, 0]], [[0, 1, 1]]]))  # doctest: +NORMALIZE_WHITESPACE
        (tensor([[0, 2], [1, 1]]), tensor([[1, 3], [2, 2]]))
    """
    # foreground[..., t]: pixels that exceed more than t thresholds, so that t is one of them
    foreground = histogram.flip(-1).cumsum(-1).flip(-1)[..., 1:]  # (N + 1, N, T)
    labelled = histogram.sum(dim=(1, 2))  # (N + 1,)
    predicted = foreground.sum(dim=0).T  # (T, N)
    hit = foreground[1:].diagonal()  # (T, N)
    predicted_background = labelled.sum() - predicted.sum(dim=1, keepdim=True)  # (T, 1)
    hit_background = labelled[0] - foreground[0].sum(dim=0)[:, None]  # (T, 1)

    intersection = torch.cat([hit_background, hit], dim=1)
    union = torch.cat([predicted_background, predicted], dim=1) + labelled - intersection
    return intersection, union


def iou_curve(histogram: Tensor) -> Tensor:
    """Return the IoU of every class at every threshold, accumulated over the data set.

    Args:
        histogram: ``(N + 1, N, T + 1)``, summed over images.

    Returns:
        ``(T, N + 1)`` float64 in [0, 1], background first; NaN for a class that neither the ground
        truth nor the prediction has. The mean IoU is ``iou.nanmean(dim=1)``.
    """
    intersection, union = areas(histogram)
    return intersection.double() / union
