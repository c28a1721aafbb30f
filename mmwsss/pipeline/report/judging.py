"""What is wrong with a mask, in words: by its ground truth, or by its image label alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmwsss.seeds.masks import IGNORE_INDEX

GOOD, CONFUSED, LARGE, SMALL, MISSED, INVENTED, UNSURE = (
    'good',
    'confused',
    'too large',
    'too small',
    'not found',
    'not there',
    'unsure',
)
_GOOD_BELOW = 0.1  # ours: the largest error, as a share of what shows a class in either mask
_FULL = 0.95  # ours: of an image
_LABELS = 256  # of uint8
_UNSURE_ABOVE = 0.3  # ours: of an image


@dataclass(frozen=True)
class Judgement:
    """What a mask is worth.

    Attributes:
        score: By ground truth: mean IoU of the image in percent. Without: how near the areas of
            its classes come to what is usual for them, in percent; 0 if one was not found. None
            where there is nothing to judge.
        kind: One of the words above.
        why: The largest error in words.
    """

    score: float | None
    kind: str
    why: str


def count_pairs(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count pixels by true and predicted label.

    Args:
        truth: ``(H, W)`` uint8; ignored pixels do not count.
        predicted: ``(H, W)`` uint8; ignored pixels count as background.
        classes: Number of labels, background included.

    Returns:
        ``(classes, classes)`` int64, a row per true label.

    Example:
        >>> count_pairs(np.array([[0, 1, 255]]), np.array([[0, 255, 1]]), 2).tolist()
        [[1, 0], [1, 0]]
    """
    both = (truth.astype(np.uint16) << 8) | predicted
    counts = np.bincount(both.ravel(), minlength=_LABELS**2).reshape(_LABELS, _LABELS)
    pairs = counts[:classes, :classes].copy()
    pairs[:, 0] += counts[:classes, IGNORE_INDEX]
    return pairs


def class_iou(pairs: np.ndarray) -> np.ndarray:
    """Return the IoU of every label in percent, ``(classes,)``; nan for one that appears nowhere.

    Args:
        pairs: As `count_pairs` gives them, of one image or summed over many.
    """
    union = pairs.sum(axis=0) + pairs.sum(axis=1) - pairs.diagonal()
    return 100 * np.divide(
        pairs.diagonal(), union, out=np.full(len(pairs), np.nan), where=union > 0
    )


def judge(pairs: np.ndarray, classes: Sequence[str]) -> Judgement:
    """Judge a mask by its ground truth.

    Args:
        pairs: Of one image.
        classes: Names by label, background first.

    Example:
        >>> pairs = np.array([[50, 0, 0], [10, 20, 0], [0, 0, 0]])
        >>> judge(pairs, ['background', 'cat', 'dog'])
        Judgement(score=75.0, kind='too small', why='cat: 33 % of it are missed')
    """
    if not pairs.any():
        return Judgement(None, GOOD, 'nothing is labelled')
    score = float(np.nanmean(class_iou(pairs)))
    errors = pairs - np.diag(pairs.diagonal())
    true, predicted = np.unravel_index(errors.argmax(), errors.shape)
    pixels = int(errors[true, predicted])
    shown = int(pairs.sum() - pairs[0, 0])
    if pixels <= _GOOD_BELOW * shown:
        return Judgement(score, GOOD, 'no large error')
    kind, why = _name_error(pairs, int(true), int(predicted), classes)
    return Judgement(score, kind, why)


def _name_error(
    pairs: np.ndarray, true: int, predicted: int, classes: Sequence[str]
) -> tuple[str, str]:
    """Say what the pixels of one kind of error are."""
    pixels = pairs[true, predicted]
    if true and predicted:
        share = pixels / pairs[true].sum()
        return CONFUSED, f'{share:.0%} of {classes[true]} taken for {classes[predicted]}'.replace(
            '%', ' %'
        )
    if true:
        share = pixels / pairs[true].sum()
        if not pairs[true, true]:
            return MISSED, f'{classes[true]}: not found'
        return SMALL, f'{classes[true]}: {100 * share:.0f} % of it are missed'
    if not pairs[predicted].any():
        return INVENTED, f'{classes[predicted]}: is not there'
    share = pixels / pairs[predicted].sum()
    if share > 1:
        return LARGE, f'{classes[predicted]}: {1 + share:.0f} times as large as it is'
    return LARGE, f'{classes[predicted]}: {100 * share:.0f} % of its size too much'


def count_areas(mask: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of every label and, last, of unsure ones, ``(classes + 1,)`` int64."""
    counts = np.bincount(mask.ravel(), minlength=_LABELS)
    return np.append(counts[:classes], counts[IGNORE_INDEX])


def usual_shares(areas: Sequence[np.ndarray], classes: int) -> np.ndarray:
    """Return the median share of an image that each label has where it is found, ``(classes,)``.

    Args:
        areas: Of many images, as `count_areas` gives them.
        classes: Number of labels.
    """
    if not areas:
        return np.full(classes, np.nan)
    stacked = np.stack(areas).astype(np.float64)
    shares = stacked[:, :classes] / stacked.sum(axis=1, keepdims=True)
    found = np.where(shares > 0, shares, np.nan)
    known = (shares > 0).any(axis=0)
    return np.array(
        [np.nanmedian(found[:, label]) if known[label] else np.nan for label in range(classes)]
    )


def judge_alone(
    areas: np.ndarray, present: Sequence[int], usual: np.ndarray, classes: Sequence[str]
) -> Judgement:
    """Judge a mask without ground truth: by its image label, and by the masks of other images.

    Args:
        areas: Of the mask, as `count_areas` gives them.
        present: Labels of the classes that the image label names.
        usual: As `usual_shares` gives them.
        classes: Names by label, background first.

    Example:
        >>> usual = np.array([0.8, 0.2, 0.2])
        >>> judge_alone(np.array([100, 0, 0, 0]), [1], usual, ['background', 'cat', 'dog'])
        Judgement(score=0.0, kind='not found', why='cat: not found')
    """
    if not len(present):
        return Judgement(None, GOOD, 'background only')
    shares = areas[: len(classes)] / areas.sum()
    likeness = {label: _likeness(shares[label], usual[label]) for label in present}
    worst = min(likeness, key=lambda label: likeness[label])
    score = 100 * likeness[worst]
    name, share = classes[worst], f'{100 * shares[worst]:.1f} % of the image'
    if not areas[worst]:
        return Judgement(score, MISSED, f'{name}: not found')
    if shares[worst] > _FULL:
        return Judgement(score, LARGE, f'{name}: fills the image')
    unsure = areas[-1] / areas.sum()
    if unsure > _UNSURE_ABOVE:
        return Judgement(score, UNSURE, f'{100 * unsure:.0f} % of the image are unsure')
    if likeness[worst] > 1 / 4:  # ours
        return Judgement(score, GOOD, 'as large as in other images')
    kind = LARGE if shares[worst] > usual[worst] else SMALL
    return Judgement(score, kind, f'{name}: {share}, usual are {100 * usual[worst]:.1f} %')


def _likeness(share: float, usual: float) -> float:
    """Return in [0, 1] how near a share is to the usual one."""
    if not share or not usual > 0:
        return 0.0
    return float(min(share / usual, usual / share))


class Confusion(NamedTuple):
    """How much of a class is taken for another one.

    Attributes:
        true: The class.
        predicted: What it is taken for.
        share: Percentage of the pixels of `true`.
    """

    true: str
    predicted: str
    share: float


def largest_confusions(pairs: np.ndarray, classes: Sequence[str], count: int) -> list[Confusion]:
    """Return which classes are taken for which, the largest shares first; background is no class.

    Args:
        pairs: Summed over images.
        classes: Names by label, background first.
        count: How many at most.
    """
    rows = pairs.sum(axis=1)
    found = [
        Confusion(
            classes[true], classes[predicted], 100 * float(pairs[true, predicted] / rows[true])
        )
        for true in range(1, len(classes))
        for predicted in range(1, len(classes))
        if true != predicted and pairs[true, predicted]
    ]
    return sorted(found, key=lambda pair: -pair.share)[:count]
