"""A background threshold without ground truth: that which parts the scores of the seeds best."""

import os
from collections.abc import Sequence
from typing import Any

import torch

from mmwsss.functional.otsu import between_class_variance, score_bins
from mmwsss.functional.threshold_sweep import default_thresholds
from mmwsss.terminal import track

from .files import load_seed

AUTO = 'auto'  # in the place of a threshold


def auto_threshold(seeds: Sequence[str | os.PathLike[str]], source: str) -> dict[str, Any]:
    """Choose a background threshold by the scores of the seeds alone.

    The score of a pixel is its strongest map. Otsu's threshold parts the scores of all images,
    each image with the same weight, so that the two sides differ most (ours; docs/configs.md has
    the other rules that were tried).

    Args:
        seeds: Seed files; images without a class do not count.
        source: ``cam``, ``pacam`` or ``sum``.

    Returns:
        ``threshold``; and the curve that it is the maximum of, as ``thresholds`` and
        ``separation``, the variance between the two sides, 1 at its maximum.

    Raises:
        ValueError: No seed has a class, or all scores are alike.
    """
    thresholds = default_thresholds()
    bins = torch.zeros(2, len(thresholds) + 1, dtype=torch.float64)
    for path in track('threshold', list(seeds), 'image'):
        seed = load_seed(path)
        if len(seed.classes):
            strongest = torch.from_numpy(seed.maps(source)).amax(dim=0)
            bins += score_bins(strongest, thresholds)
    if not bins[0].sum():
        raise ValueError('no seed has a class, and so there is no threshold: check the labels')
    variance = between_class_variance(bins)
    best = int(variance.argmax())
    if not variance[best]:
        raise ValueError(
            f'the {source} of all seeds has one value everywhere: the network has learnt nothing; '
            'train it longer, or give a number as bg_threshold'
        )
    return {
        'threshold': round(float(thresholds[best]), 6),
        'thresholds': [round(float(threshold), 6) for threshold in thresholds],
        'separation': [round(float(value), 6) for value in variance / variance[best]],
    }
