import numpy as np
import pytest
import torch

from mmwsss.functional.threshold_sweep import (
    areas,
    default_thresholds,
    iou_curve,
    new_histogram,
    update_histogram,
)

IGNORE = 255


def naive_areas(images, num_classes, thresholds):
    """One argmax per threshold over concat([threshold plane, maps]), pixel by pixel."""
    intersection = np.zeros((len(thresholds), num_classes + 1), dtype=np.int64)
    union = np.zeros_like(intersection)
    for t, threshold in enumerate(thresholds):
        for score, classes, gt in images:
            plane = np.full((1, *gt.shape), threshold, dtype=np.float32)
            winner = np.concatenate([plane, score]).argmax(axis=0)
            pred = np.array([0, *(c + 1 for c in classes)])[winner]
            for i in range(gt.shape[0]):
                for j in range(gt.shape[1]):
                    if gt[i, j] == IGNORE:
                        continue
                    union[t, pred[i, j]] += 1
                    if pred[i, j] == gt[i, j]:
                        intersection[t, gt[i, j]] += 1
                    else:
                        union[t, gt[i, j]] += 1
    return intersection, union


def sweep(images, num_classes, thresholds):
    histogram = new_histogram(num_classes, len(thresholds))
    for score, classes, gt in images:
        update_histogram(
            histogram,
            torch.from_numpy(score),
            torch.tensor(classes, dtype=torch.long),
            torch.from_numpy(gt),
            thresholds,
            IGNORE,
        )
    return histogram


def random_image(rng, classes, num_classes, size):
    """Scores of which many are equal to each other or lie exactly on a threshold."""
    score = rng.integers(0, 101, (len(classes), *size)).astype(np.float32) / np.float32(100)
    noisy = rng.random(score.shape) < 0.5
    score[noisy] += rng.normal(0, 1e-7, score.shape).astype(np.float32)[noisy]
    gt = rng.integers(0, num_classes + 1, size).astype(np.uint8)
    gt[rng.random(size) < 0.1] = IGNORE
    return np.clip(score, 0, 1), classes, gt


@pytest.mark.parametrize('size', [(7, 11), (1, 1)])
def test_equals_one_pass_a_threshold_to_the_pixel(size):
    rng = np.random.default_rng(0)
    thresholds = default_thresholds()
    images = [random_image(rng, c, 4, size) for c in ([0, 2], [3], [], [0, 1, 2, 3])]
    intersection, union = areas(sweep(images, 4, thresholds))
    expected_intersection, expected_union = naive_areas(images, 4, thresholds.numpy())
    np.testing.assert_array_equal(intersection.numpy(), expected_intersection)
    np.testing.assert_array_equal(union.numpy(), expected_union)


def test_default_thresholds_are_the_floats_nearest_to_the_decimals():
    expected = [np.float32(f'{t / 100:.2f}') for t in range(101)]
    np.testing.assert_array_equal(default_thresholds().numpy(), expected)


def test_background_wins_ties_and_the_first_of_equal_maps():
    score = np.full((2, 1, 1), 0.5, dtype=np.float32)
    histogram = sweep(
        [(score, [1, 2], np.array([[2]], dtype=np.uint8))], 3, torch.tensor([0.4, 0.5])
    )
    intersection, union = areas(histogram)
    assert intersection.tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]  # class 1, then background
    assert union.tolist() == [[0, 0, 1, 0], [1, 0, 1, 0]]


def test_hand_worked_curve():
    # gt: background, class 0, class 0, ignored; above 0.5: pixels 0 and 1
    score = np.array([[[0.6, 0.9, 0.3, 0.9]]], dtype=np.float32)
    gt = np.array([[0, 1, 1, IGNORE]], dtype=np.uint8)
    iou = iou_curve(sweep([(score, [0], gt)], 2, torch.tensor([0.5, 0.7])))
    # class 0 at 0.5: hit 1, union {0, 1, 2}; background: hit 0, union {0, 2}; class 1: nowhere
    expected = torch.tensor([[0, 1 / 3, torch.nan], [1 / 2, 1 / 2, torch.nan]], dtype=torch.double)
    torch.testing.assert_close(iou, expected, equal_nan=True)


def test_an_image_without_a_class_is_background_at_every_threshold():
    gt = np.array([[0, 0, 1]], dtype=np.uint8)
    thresholds = torch.tensor([-1.0, 0.0, 1.0])
    intersection, union = areas(sweep([(np.zeros((0, 1, 3), np.float32), [], gt)], 1, thresholds))
    assert intersection.tolist() == [[2, 0]] * 3
    assert union.tolist() == [[3, 1]] * 3


def test_images_add_up():
    rng = np.random.default_rng(1)
    thresholds = default_thresholds()
    images = [random_image(rng, c, 3, (5, 6)) for c in ([0], [1, 2], [0, 2])]
    singles = sum(sweep([image], 3, thresholds) for image in images)
    assert torch.equal(sweep(images, 3, thresholds), singles)


def test_ignored_pixels_change_nothing():
    rng = np.random.default_rng(2)
    score, classes, gt = random_image(rng, [0, 1], 2, (6, 5))
    other = np.where(gt == IGNORE, rng.random(score.shape).astype(np.float32), score)
    thresholds = default_thresholds()
    assert (gt == IGNORE).any()
    assert torch.equal(
        sweep([(score, classes, gt)], 2, thresholds), sweep([(other, classes, gt)], 2, thresholds)
    )


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'score': torch.zeros(1, 2, 4)}, 'does not fit'),
        ({'classes': torch.tensor([0, 1])}, 'does not fit'),
        ({'score': torch.zeros(1, 2, 3, dtype=torch.double)}, 'float64'),
        ({'thresholds': torch.tensor([0.2, 0.1])}, 'ascend'),
        ({'thresholds': torch.tensor([0.1])}, 'histogram of 2 thresholds'),
        ({'gt': torch.full((2, 3), 3)}, 'above the 2 foreground classes'),
    ],
)
def test_wrong_input(change, message):
    arguments = {
        'histogram': new_histogram(2, 2),
        'score': torch.zeros(1, 2, 3),
        'classes': torch.tensor([0]),
        'gt': torch.zeros(2, 3, dtype=torch.uint8),
        'thresholds': torch.tensor([0.1, 0.2]),
        'ignore_index': IGNORE,
    }
    with pytest.raises(ValueError, match=message):
        update_histogram(**(arguments | change))
