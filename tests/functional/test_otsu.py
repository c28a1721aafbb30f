import numpy as np
import pytest
import torch

from mmwsss.functional.otsu import between_class_variance, score_bins


def naive_variance(images, threshold):
    """Every pixel by itself, in float64; an image's pixels weigh one over their number."""
    pairs = [(score, 1 / len(image)) for image in images for score in image]
    sides = [[(s, w) for s, w in pairs if (s > threshold) == above] for above in (False, True)]
    if not all(sides):
        return 0.0
    everything = sum(w for _, w in pairs)
    shares = [sum(w for _, w in side) / everything for side in sides]
    means = [sum(s * w for s, w in side) / sum(w for _, w in side) for side in sides]
    return shares[0] * shares[1] * (means[0] - means[1]) ** 2


def test_the_curve_is_that_of_plain_loops():
    generator = np.random.default_rng(0)
    images = [generator.random(n).astype(np.float32) ** 2 for n in (1, 7, 30)]
    thresholds = torch.tensor([0.0, 0.1, 0.35, 0.8, 1.0])
    bins = sum(score_bins(torch.from_numpy(image), thresholds) for image in images)
    curve = between_class_variance(bins)
    lists = [image.astype(np.float64).tolist() for image in images]
    naive = [naive_variance(lists, float(t)) for t in thresholds]
    np.testing.assert_allclose(curve, naive, atol=1e-12)
    assert curve[-1] == 0


def test_an_image_weighs_as_much_as_another_whatever_its_size():
    thresholds = torch.tensor([0.5])
    small, large = torch.tensor([[0.2, 0.8]]), torch.tensor([0.2, 0.8]).repeat(50, 3)
    torch.testing.assert_close(score_bins(small, thresholds), score_bins(large, thresholds))


def test_scores_at_a_threshold_are_background():
    bins = score_bins(torch.tensor([0.5, 0.75]), torch.tensor([0.5]))
    assert bins.tolist() == [[0.5, 0.5], [0.25, 0.375]]


def test_one_value_everywhere_parts_nothing():
    bins = score_bins(torch.full((3, 4), 0.3), torch.tensor([0.1, 0.5]))
    assert between_class_variance(bins).tolist() == pytest.approx([0, 0])
