import math

import pytest
import torch
import torch.nn.functional as F

from mmwsss.compat import declare_torchvision_schemas
from mmwsss.functional.caption_contrast import bag_probabilities, caption_contrast


def unit(*size):
    return F.normalize(torch.randn(*size, generator=torch.Generator().manual_seed(0)), dim=-1)


def naive_one_way(logits, right):
    terms = []
    for row, label in zip(logits, right, strict=True):
        if sum(label):
            total = sum(math.exp(value) for value in row)
            terms.append(
                -sum(math.log(math.exp(v) / total) * r for v, r in zip(row, label, strict=True))
                / sum(label)
            )
    return sum(terms) / max(len(terms), 1)


@pytest.mark.parametrize('label', [[[1, 0, 1], [0, 0, 0], [0, 0, 1]], [[1, 0, 0]] * 3])
def test_contrast(label):
    images, captions = unit(3, 5).double(), unit(6, 5)[3:].double()
    found = caption_contrast(images, captions, torch.tensor(label), 7.0)
    logits = [[7 * float(i @ c) for c in captions] for i in images]
    columns = [list(column) for column in zip(*logits, strict=True)]
    right = [list(column) for column in zip(*label, strict=True)]
    expected = (naive_one_way(logits, label) + naive_one_way(columns, right)) / 2
    assert found == pytest.approx(expected)


def test_it_is_the_loss_of_clip_with_one_class_an_image():
    declare_torchvision_schemas()  # open_clip imports torchvision
    open_clip = pytest.importorskip('open_clip')
    images, captions = unit(4, 6), unit(8, 6)[4:]
    expected = open_clip.ClipLoss()(images, captions, torch.tensor(9.0))
    torch.testing.assert_close(caption_contrast(images, captions, torch.eye(4), 9.0), expected)


def test_without_labels_it_is_zero_with_a_graph():
    images = unit(2, 3).requires_grad_()
    loss = caption_contrast(images, unit(2, 3), torch.zeros(2, 2), 5.0)
    loss.backward()
    assert loss == 0 and images.grad.isfinite().all()


@pytest.mark.parametrize(('share', 'number'), [(0.5, 3), (0.01, 1)])
def test_bags(share, number):
    patches, captions = unit(2, 6, 5).double(), unit(20, 5)[16:].double()
    found = bag_probabilities(patches, captions, 3, 4.0, share)
    for b in range(2):
        for n in range(3):
            values = []
            for patch in patches[b]:
                scores = [math.exp(4 * float(patch @ caption)) for caption in captions]
                values.append(scores[n] / sum(scores))
            assert found[b, n] == pytest.approx(sum(sorted(values)[-number:]) / number)
