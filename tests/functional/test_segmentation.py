import math

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsss.functional.segmentation import balanced_cross_entropy_terms, resize_labels


def naive_terms(logits, target, ignore_index, label_smoothing=0.0):
    """Cross-entropy with ``1 - eps`` on the label and ``eps / N`` on each of the N others (AMN)."""
    total, count = [0.0, 0.0], [0, 0]
    for b in range(target.shape[0]):
        for y in range(target.shape[1]):
            for x in range(target.shape[2]):
                label = int(target[b, y, x])
                if label == ignore_index:
                    continue
                scores = [math.exp(v) for v in logits[b, :, y, x].tolist()]
                others = len(scores) - 1
                for c, score in enumerate(scores):
                    share = 1 - label_smoothing if c == label else label_smoothing / others
                    total[label > 0] -= share * math.log(score / sum(scores))
                count[label > 0] += 1
    return total, count


@pytest.mark.parametrize('label_smoothing', [0.0, 0.1, 0.4])
@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
def test_balanced_cross_entropy_equals_its_definition(size, label_smoothing):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, *size, dtype=torch.float64, generator=generator)
    target = torch.randint(0, 4, (2, *size), generator=generator)
    target[0, 0] = 255
    total, count = balanced_cross_entropy_terms(
        logits.requires_grad_(), target, 255, label_smoothing
    )
    expected_total, expected_count = naive_terms(logits, target, 255, label_smoothing)
    torch.testing.assert_close(total.tolist(), expected_total)
    assert count.tolist() == expected_count
    assert torch.autograd.gradcheck(
        lambda x: balanced_cross_entropy_terms(x, target, 255, label_smoothing)[0], logits
    )


def test_label_smoothing_by_hand():
    """Probabilities 1/8, 1/4, 5/8 and the label 1: 0.6 on it and 0.2 on each of the two others."""
    logits = torch.tensor([1.0, 2.0, 5.0]).log().view(1, 3, 1, 1)
    total, count = balanced_cross_entropy_terms(logits, torch.ones(1, 1, 1).long(), 255, 0.4)
    expected = 0.2 * math.log(8) + 0.6 * math.log(4) + 0.2 * math.log(8 / 5)
    torch.testing.assert_close(total, torch.tensor([0.0, expected]))
    assert count.tolist() == [0, 1]


def test_the_best_logits_are_those_of_the_smoothed_target():
    """The gradient vanishes where the softmax is the target: 0.6 and four times 0.1."""
    target_share = torch.tensor([0.1, 0.1, 0.6, 0.1, 0.1])
    logits = target_share.log().view(1, 5, 1, 1).requires_grad_()
    balanced_cross_entropy_terms(logits, torch.full((1, 1, 1), 2), 255, 0.4)[0].sum().backward()
    assert logits.grad.abs().max() < 1e-7


@pytest.mark.parametrize('label_smoothing', [0.0, 0.4])
def test_ignored_pixels_change_nothing(label_smoothing):
    logits, target = torch.randn(1, 3, 2, 4), torch.randint(0, 3, (1, 2, 4))
    target[:, :, 2:] = 255
    whole = balanced_cross_entropy_terms(logits, target, 255, label_smoothing)
    part = balanced_cross_entropy_terms(logits[..., :2], target[..., :2], 255, label_smoothing)
    torch.testing.assert_close(whole, part)


def pil_resize(labels, size):
    return np.array(Image.fromarray(labels).resize(size[::-1], Image.Resampling.NEAREST))


SIDES = (16, 48, 160, 336, 512, 321, 375, 500, 333, 281, 17, 1)


@pytest.mark.parametrize('height', SIDES)
@pytest.mark.parametrize('stride', [16, 4])
def test_labels_are_resized_as_pil_does(height, stride):
    """Every pixel has a value of its own along each axis, so that a shift by one would show."""
    for width in SIDES:
        rows, columns = np.mgrid[:height, :width]
        size = -(-height // stride), -(-width // stride)
        for values in (rows, columns):
            labels = values.astype(np.int32)
            resized = resize_labels(torch.from_numpy(labels).long()[None], size)
            assert resized.dtype == torch.int64
            np.testing.assert_array_equal(resized[0].numpy(), pil_resize(labels, size))


def test_where_the_middle_is_a_border_pil_may_take_the_other_pixel():
    labels = np.arange(106, dtype=np.int32)[None]  # 27 cells: the middle of the last is 104.037
    ours = resize_labels(torch.from_numpy(labels)[None], (1, 27))[0].numpy()
    assert np.array_equal(ours[0], (2 * np.arange(27) + 1) * 106 // 54)  # without rounding
    assert np.abs(ours - pil_resize(labels, (1, 27))).max() == 1


def test_a_cell_takes_the_pixel_in_its_middle():
    labels = torch.arange(64).expand(2, 3, 64)
    assert resize_labels(labels, (3, 4))[1, 0].tolist() == [8, 24, 40, 56]  # 16 i + 8
    assert resize_labels(labels.transpose(1, 2), (4, 3))[0, :, 2].tolist() == [8, 24, 40, 56]
