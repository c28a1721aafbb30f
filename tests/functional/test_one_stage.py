"""WeCLIP's equations against plain loops."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmwsss.functional import one_stage
from mmwsss.functional.pixel_adaptive_refinement import pixel_adaptive_refinement

GRIDS = [(2, 3), (1, 1)]
VOID = 255


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize('grid', GRIDS)
def test_affinity_of_the_decoder(grid):
    features = random(2, 4, *grid) * 4 - 2
    found = one_stage.decoder_affinity(features)
    length = grid[0] * grid[1]
    assert found.shape == (2, length, length)
    for b in range(2):
        for i in range(length):
            for j in range(length):
                one, other = (features[b, :, p // grid[1], p % grid[1]].tolist() for p in (i, j))
                product = sum(x * y for x, y in zip(one, other, strict=True))
                assert found[b, i, j] == pytest.approx(1 / (1 + math.exp(-product)))


def naive_refining_map(affinity, attention):
    """Of one image: ``(L, L)`` and ``(M, L, L)`` as lists."""
    length = len(affinity)
    pairs = [(i, j) for i in range(length) for j in range(length)]
    distance = [sum(abs(affinity[i][j] - one[i][j]) for i, j in pairs) for one in attention]
    mean = sum(distance) / len(distance)
    kept = [one for one, far in zip(attention, distance, strict=True) if far <= mean]
    return [
        [affinity[i][j] * sum(one[i][j] for one in kept) / len(kept) for j in range(length)]
        for i in range(length)
    ], distance


@pytest.mark.parametrize('length', [6, 1])
def test_the_affinity_chooses_and_weights_the_attention(length):
    affinity = random(3, length, length)
    attention = random(5, 3, length, length, seed=1) * torch.linspace(0.1, 2, 5).view(5, 1, 1, 1)
    distance = one_stage.attention_distance(affinity, attention)
    found = one_stage.refining_map(affinity, attention)
    assert distance.shape == (5, 3)
    for b in range(3):
        expected, naive = naive_refining_map(affinity[b].tolist(), attention[:, b].tolist())
        np.testing.assert_allclose(distance[:, b], naive)
        np.testing.assert_allclose(found[b], expected)


def test_a_signed_difference_would_choose_otherwise():
    """The printed distance has bars, the released code none: far above is not near."""
    affinity = torch.full((1, 2, 2), 0.5)
    attention = torch.stack([torch.full((1, 2, 2), 0.6), torch.full((1, 2, 2), 9.0)])
    chosen = one_stage.attention_filter(one_stage.attention_distance(affinity, attention))
    assert chosen.tolist() == [[1], [0]]


def test_of_equally_far_maps_all_are_kept():
    distance = torch.full((3, 2), 0.1)  # whose mean is rounded
    assert one_stage.attention_filter(distance).all()
    far = torch.tensor([[3.0], [1.0], [2.0]])
    assert one_stage.attention_filter(far).tolist() == [[0], [1], [1]]


@pytest.mark.parametrize('grid', [(3, 4), (1, 1)])
@pytest.mark.parametrize('radius', [0, 1, 8])
def test_labels_of_pairs(grid, radius):
    labels = torch.randint(0, 3, (2, *grid), generator=torch.Generator().manual_seed(0))
    labels[0, 0, -1] = VOID
    found = one_stage.affinity_label(labels, radius, VOID)
    places = [(y, x) for y in range(grid[0]) for x in range(grid[1])]
    for b in range(2):
        for i, (y, x) in enumerate(places):
            for j, (v, u) in enumerate(places):
                one, other = int(labels[b, y, x]), int(labels[b, v, u])
                far = abs(y - v) > radius or abs(x - u) > radius
                expected = VOID if far or VOID in (one, other) else int(one == other)
                assert found[b, i, j] == expected


def test_the_loss_of_pairs():
    affinity = random(2, 5, 5).requires_grad_()
    label = torch.randint(0, 3, (2, 5, 5), generator=torch.Generator().manual_seed(1))
    label = label.masked_fill(label == 2, VOID)
    total, count = one_stage.pair_loss_terms(affinity, label)
    sums, counts = [0.0, 0.0], [0, 0]
    for value, kind in zip(affinity.flatten().tolist(), label.flatten().tolist(), strict=True):
        if kind != VOID:
            place = 1 - kind  # pairs of one class first
            sums[place] += 1 - value if kind == 1 else value
            counts[place] += 1
    torch.testing.assert_close(total, torch.tensor(sums, dtype=torch.float64))
    assert count.tolist() == counts
    assert torch.autograd.gradcheck(lambda a: one_stage.pair_loss_terms(a, label)[0], affinity)


def test_the_loss_pulls_a_pair_of_one_class_together():
    features = random(1, 3, 1, 2).requires_grad_()
    label = one_stage.affinity_label(torch.tensor([[[1, 1]]]), 8, VOID)
    one_stage.pair_loss_terms(one_stage.decoder_affinity(features), label)[0].sum().backward()
    moved = features.detach() - features.grad
    before, after = (one_stage.decoder_affinity(f.detach())[0, 0, 1] for f in (features, moved))
    assert after > before


def scene(size=(20, 28)):
    """Red, green and blue stripes, and maps that see a part of the red and of the blue one."""
    image = torch.zeros(3, *size)
    image[0, :, :8], image[1, :, 8:20], image[2, :, 20:] = 1, 1, 1
    image += 0.05 * torch.rand(image.shape, generator=torch.Generator().manual_seed(0))
    maps = torch.zeros(2, 5, 7)
    maps[0, 1:4, 0], maps[1, 1:3, 6] = 1, 0.9
    return image, maps


@pytest.mark.parametrize('power', [1.0, 3.0])
def test_a_mask_is_the_argmax_of_refined_scores(power):
    image, maps = scene()
    found = one_stage.online_mask(image, maps, power, (1, 2), iterations=4)
    full = F.interpolate(maps[None], image.shape[1:], mode='bilinear', align_corners=False)[0]
    scores = [(1 - full.amax(0)) ** power, full[0], full[1]]
    refined = pixel_adaptive_refinement(image[None], torch.stack(scores)[None], (1, 2), 4)[0]
    expected = [
        [max(range(3), key=lambda c, y=y, x=x: float(refined[c, y, x])) for x in range(28)]
        for y in range(20)
    ]
    assert found.tolist() == expected
    assert set(found.unique().tolist()) == {0, 1, 2}


def test_a_larger_power_leaves_less_background():
    image, maps = scene()
    shares = [
        float((one_stage.online_mask(image, maps, power, (1, 2), 2) == 0).float().mean())
        for power in (0.5, 1.0, 4.0)
    ]
    assert shares[0] > shares[1] > shares[2]


def test_a_coarse_view_is_nearly_the_fine_one():
    image, maps = scene()
    fine = one_stage.online_mask(image, maps, dilations=(1, 2), iterations=2)
    coarse = one_stage.online_mask(image, maps, dilations=(1,), iterations=2, stride=2)
    odd = one_stage.online_mask(image[:, :19, :27], maps, dilations=(1,), iterations=2, stride=2)
    assert coarse.shape == fine.shape == (20, 28) and odd.shape == (19, 27)
    assert (coarse == fine).float().mean() > 0.9


def test_without_a_class_all_is_background():
    found = one_stage.online_mask(torch.rand(3, 4, 6), torch.zeros(0, 2, 3))
    assert found.dtype == torch.long
    assert found.shape == (4, 6) and not found.any()
    single = one_stage.online_mask(torch.rand(3, 1, 1), torch.ones(1, 1, 1))
    assert single.tolist() == [[1]]
