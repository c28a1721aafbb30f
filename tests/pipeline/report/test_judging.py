"""Judgements of masks, in numbers and in words."""

import numpy as np
import pytest

from mmwsss.pipeline.report.judging import (
    class_iou,
    count_areas,
    count_pairs,
    judge,
    judge_alone,
    largest_confusions,
    usual_shares,
)

CLASSES = ('background', 'cat', 'dog')


def naive_pairs(truth, predicted, classes):
    pairs = np.zeros((classes, classes), dtype=int)
    for true, found in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if true != 255:
            pairs[true, 0 if found == 255 else found] += 1
    return pairs


def test_pairs_are_counted_without_what_is_not_labelled():
    generator = np.random.default_rng(0)
    truth, predicted = generator.choice([0, 1, 2, 255], (2, 9, 13)).astype(np.uint8)
    pairs = count_pairs(truth, predicted, 3)
    assert np.array_equal(pairs, naive_pairs(truth, predicted, 3))
    iou = class_iou(pairs)
    inside = [(truth == k) & (truth != 255) for k in range(3)]
    found = np.where(predicted == 255, 0, predicted)
    for label in range(3):
        both = (inside[label] & (found == label)).sum()
        either = ((inside[label] | (found == label)) & (truth != 255)).sum()
        assert iou[label] == pytest.approx(100 * both / either)
    assert np.isnan(class_iou(np.array([[4, 0], [0, 0]]))[1])


@pytest.mark.parametrize(
    ('pairs', 'kind', 'why'),
    [
        ([[50, 1, 0], [1, 20, 0], [0, 0, 30]], 'good', 'no large error'),
        ([[50, 0, 0], [10, 20, 0], [0, 0, 0]], 'too small', 'cat: 33 % of it are missed'),
        ([[50, 0, 0], [10, 0, 0], [0, 0, 5]], 'not found', 'cat: not found'),
        ([[50, 10, 0], [0, 30, 0], [0, 0, 0]], 'too large', 'cat: 33 % of its size too much'),
        ([[50, 90, 0], [0, 30, 0], [0, 0, 0]], 'too large', 'cat: 4 times as large as it is'),
        ([[50, 0, 10], [0, 30, 0], [0, 0, 0]], 'not there', 'dog: is not there'),
        ([[50, 0, 0], [0, 30, 10], [0, 0, 0]], 'confused', '25 % of cat taken for dog'),
    ],
)
def test_the_largest_error_is_named(pairs, kind, why):
    judgement = judge(np.array(pairs), CLASSES)
    assert (judgement.kind, judgement.why) == (kind, why)
    assert judgement.score == pytest.approx(np.nanmean(class_iou(np.array(pairs))))


def test_an_image_without_a_label_is_not_judged():
    assert judge(np.zeros((3, 3), dtype=int), CLASSES).score is None


def test_without_ground_truth_a_mask_is_compared_with_others():
    masks = [np.repeat([0, 1], [90 - extra, 10 + extra]) for extra in (0, 2, 4)]
    areas = [count_areas(mask[None].astype(np.uint8), 3) for mask in masks]
    usual = usual_shares(areas, 3)
    assert usual[1] == pytest.approx(0.12) and np.isnan(usual[2])
    assert usual_shares([], 2).shape == (2,)

    def words(*counts, present=(1,)):
        judgement = judge_alone(np.array(counts), present, usual, CLASSES)
        return judgement.kind, judgement.why

    assert words(88, 12, 0, 0) == ('good', 'as large as in other images')
    assert words(98, 2, 0, 0) == ('too small', 'cat: 2.0 % of the image, usual are 12.0 %')
    assert words(30, 70, 0, 0) == ('too large', 'cat: 70.0 % of the image, usual are 12.0 %')
    assert words(2, 98, 0, 0) == ('too large', 'cat: fills the image')
    assert words(40, 12, 0, 48) == ('unsure', '48 % of the image are unsure')
    assert words(88, 0, 12, 0) == ('not found', 'cat: not found')
    assert words(100, 0, 0, 0, present=()) == ('good', 'background only')
    score = judge_alone(np.array([94, 6, 0, 0]), [1], usual, CLASSES).score
    assert score == pytest.approx(50)


def test_confusions_are_shares_of_the_true_class():
    pairs = np.array([[90, 5, 5], [0, 8, 2], [10, 30, 60]])
    found = largest_confusions(pairs, CLASSES, 5)
    assert [tuple(pair) for pair in found] == [('dog', 'cat', 30.0), ('cat', 'dog', 20.0)]
    assert len(largest_confusions(pairs, CLASSES, 1)) == 1
