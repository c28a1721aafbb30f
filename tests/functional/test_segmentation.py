import math

import torch

from mmwsss.functional.segmentation import balanced_cross_entropy_terms


def naive_terms(logits, target, ignore_index):
    total, count = [0.0, 0.0], [0, 0]
    for b in range(target.shape[0]):
        for y in range(target.shape[1]):
            for x in range(target.shape[2]):
                label = int(target[b, y, x])
                if label == ignore_index:
                    continue
                scores = [math.exp(v) for v in logits[b, :, y, x].tolist()]
                total[label > 0] -= math.log(scores[label] / sum(scores))
                count[label > 0] += 1
    return total, count


def test_balanced_cross_entropy_equals_its_definition():
    logits = torch.randn(2, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 4, (2, 3, 5))
    target[0, 0] = 255
    total, count = balanced_cross_entropy_terms(logits, target, 255)
    expected_total, expected_count = naive_terms(logits, target, 255)
    torch.testing.assert_close(total.tolist(), expected_total)
    assert count.tolist() == expected_count
    assert torch.autograd.gradcheck(
        lambda x: balanced_cross_entropy_terms(x, target, 255)[0], logits
    )


def test_ignored_pixels_change_nothing():
    logits, target = torch.randn(1, 3, 2, 4), torch.randint(0, 3, (1, 2, 4))
    target[:, :, 2:] = 255
    whole = balanced_cross_entropy_terms(logits, target, 255)
    part = balanced_cross_entropy_terms(logits[..., :2], target[..., :2], 255)
    torch.testing.assert_close(whole, part)
