"""Likely wrong labels: confident learning (Northcutt et al., JAIR 2021), a class at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelIssue:
    """A label that the scores of a network speak against.

    Attributes:
        index: Of the image, in the order of the data set.
        class_index: Of the class.
        labelled: Whether the label says that the image shows the class.
        margin: How far the score is beyond the threshold, in [0, 1].
    """

    index: int
    class_index: int
    labelled: bool
    margin: float


def find_label_issues(scores: np.ndarray, labels: np.ndarray) -> list[LabelIssue]:
    """List the labels that are off the diagonal of the confident joint, the clearest first.

    Every class is a question of its own, with the two answers "shown" and "not shown". The
    threshold of an answer is the mean probability that it has among the images labelled so
    (Northcutt et al., Eq. 2). An image counts for an answer whose probability reaches its
    threshold, for the likelier one where both do (Eq. 1); where that is not its label, the label is
    likely to be wrong.

    Args:
        scores: Probabilities from networks that have not seen the images, ``(n, N)`` in [0, 1].
        labels: ``(n, N)`` of 0 and 1.

    Returns:
        The issues. A class that all images show, or none, has no threshold and no issue.
    """
    issues: list[LabelIssue] = []
    for class_index in range(labels.shape[1]):
        shown = labels[:, class_index].astype(bool)
        if shown.all() or not shown.any():
            continue
        yes = scores[:, class_index]
        threshold_yes, threshold_no = yes[shown].mean(), (1 - yes[~shown]).mean()
        is_yes, is_no = yes >= threshold_yes, 1 - yes >= threshold_no
        answer_yes = is_yes & (~is_no | (yes > 1 - yes))
        answer_no = is_no & ~answer_yes
        for index in np.flatnonzero(answer_yes & ~shown):
            margin = yes[index] - threshold_yes
            issues.append(LabelIssue(int(index), class_index, False, float(margin)))
        for index in np.flatnonzero(answer_no & shown):
            margin = 1 - yes[index] - threshold_no
            issues.append(LabelIssue(int(index), class_index, True, float(margin)))
    return sorted(issues, key=lambda issue: -issue.margin)


def folds_of(number: int, folds: int, seed: int = 0) -> list[list[int]]:
    """Deal images to folds by chance.

    Example:
        >>> sorted(len(fold) for fold in folds_of(10, 3))
        [3, 3, 4]
    """
    order: Sequence[int] = np.random.default_rng(seed).permutation(number).tolist()
    return [sorted(order[start::folds]) for start in range(folds)]
