"""Every equation of CPAL against plain loops written from the paper."""

import math

import pytest
import torch

from mmwsss.functional import cpal

F64 = torch.float64


def dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def cosine(a, b):
    return dot(a, b) / (math.sqrt(dot(a, a)) * math.sqrt(dot(b, b)))


def naive_instance_prototype(features, cam, tau):
    """Eq. 4 of one image and class: features (D, H, W), cam (H, W)."""
    total, count = [0.0] * features.shape[0], 0
    for y in range(cam.shape[0]):
        for x in range(cam.shape[1]):
            if cam[y, x] > tau:
                count += 1
                for d in range(len(total)):
                    total[d] += float(features[d, y, x])
    return [value / count for value in total] if count else None


@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
def test_eq_4_instance_prototypes(size):
    features = torch.randn(3, 4, *size, dtype=F64)
    image_index = torch.tensor([0, 0, 2])
    cam = torch.rand(3, *size, dtype=F64)
    cam[1] = 0.05
    cam[0, 0, 0] = 0.9
    prototypes, found = cpal.instance_prototypes(features, cam, image_index, tau=0.1)
    for m, b in enumerate(image_index):
        expected = naive_instance_prototype(features[b], cam[m], 0.1)
        assert found[m] == (expected is not None)
        torch.testing.assert_close(prototypes[m].tolist(), expected or [0.0] * 4)


def test_eq_4_counts_only_strictly_above_tau():
    features = torch.tensor([[[[1.0, 5.0]]]])
    prototype, found = cpal.instance_prototypes(
        features, torch.tensor([[[0.1, 0.2]]]), torch.tensor([0]), tau=0.1
    )
    assert prototype.item() == 5
    assert found.item()


def test_eq_4_carries_gradient_to_the_features():
    features = torch.randn(2, 3, 2, 3, dtype=F64, requires_grad=True)
    cam, index = torch.rand(3, 2, 3, dtype=F64), torch.tensor([0, 1, 1])
    assert torch.autograd.gradcheck(
        lambda z: cpal.instance_prototypes(z, cam, index, 0.1)[0], features
    )


def test_eq_5_context_prototypes():
    entries, groups = torch.randn(7, 3, dtype=F64), torch.tensor([0, 2, 1, 2, 2, 0, 1])
    means = cpal.cluster_means(entries, groups, 3)
    for cluster in range(3):
        members = [entries[i].tolist() for i in range(7) if groups[i] == cluster]
        expected = [sum(column) / len(members) for column in zip(*members, strict=True)]
        torch.testing.assert_close(means[cluster].tolist(), expected)


def test_eq_12_is_the_double_sum_of_the_paper():
    context, instances = torch.randn(4, 3, dtype=F64), torch.randn(5, 3, dtype=F64)
    filled = torch.tensor([True, True, False, True])
    expected = [0.0] * 3
    for i in (0, 1, 3):
        for q in range(5):
            for d in range(3):
                expected[d] += float(context[i, d] - instances[q, d]) / (3 * 5)
    shift = cpal.alignment_shift(context, filled, instances.mean(0))
    torch.testing.assert_close(shift.tolist(), expected)


def test_eq_12_points_from_the_instances_to_the_context():
    context, instance_mean = torch.tensor([[10.0]]), torch.tensor([1.0])
    shifted = instance_mean + cpal.alignment_shift(context, torch.tensor([True]), instance_mean)
    assert shifted.item() == 10


NAIVE_SCORES = {
    'dot': dot,
    'cosine': cosine,
    'l1': lambda a, b: -sum(abs(float(x) - float(y)) for x, y in zip(a, b, strict=True)),
    'l2': lambda a, b: (
        -math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))
    ),
}


@pytest.mark.parametrize('name', list(cpal.POSITIVENESS_SCORES))
def test_eq_7_positiveness(name):
    anchor, context = torch.randn(2, 3, dtype=F64), torch.randn(2, 5, 3, dtype=F64)
    filled = torch.tensor([[True] * 5, [True, True, True, False, False]])
    score = cpal.POSITIVENESS_SCORES[name](anchor, context)
    weight = cpal.positiveness(score, filled, temperature=0.5)
    for m in range(2):
        powers = [
            math.exp(NAIVE_SCORES[name](anchor[m], context[m, i]) / 0.5) * bool(filled[m, i])
            for i in range(5)
        ]
        torch.testing.assert_close(weight[m].tolist(), [p / sum(powers) for p in powers])


@pytest.mark.parametrize('name', list(cpal.POSITIVENESS_SCORES))
def test_eq_7_the_nearest_prototype_is_the_most_positive(name):
    anchor = torch.tensor([[1.0, 0.0]])
    context = torch.tensor([[[1.0, 0.1], [-1.0, 0.5], [0.0, 1.0]]])
    weight = cpal.positiveness(
        cpal.POSITIVENESS_SCORES[name](anchor, context), torch.ones(1, 3).bool()
    )
    assert weight.argmax() == 0


def test_eq_6_top_k_neighbors():
    ranking = torch.tensor([[0.1, 0.9, -0.2, 0.5], [0.3, 0.2, 0.8, 0.7]])
    filled = torch.tensor([[True, True, True, True], [True, True, False, False]])
    chosen = cpal.soft_neighbors(ranking, filled, 2)
    assert chosen.tolist() == [[False, True, False, True], [True, True, False, False]]
    assert cpal.soft_neighbors(ranking, filled, 99).equal(filled)


def test_eq_6_what_is_similar_ranks_first_also_where_cosines_are_negative():
    """``w cos`` is -.08, -.045 and -.025: the least similar would be the one neighbour."""
    weight = torch.tensor([[0.8, 0.15, 0.05]])
    similarity = torch.tensor([[-0.1, -0.3, -0.5]])
    filled = torch.ones(1, 3).bool()
    for k, expected in ((1, [True, False, False]), (2, [True, True, False])):
        for order in ([0, 1, 2], [2, 0, 1]):
            ranking = cpal.neighbor_ranking(weight[:, order], similarity[:, order])
            chosen = cpal.soft_neighbors(ranking, filled, k)[0].tolist()
            assert chosen == [expected[i] for i in order]


def test_eq_6_the_weight_decides_among_similar_ones():
    weight = torch.tensor([[0.1, 0.6, 0.3, 0.0]])
    similarity = torch.tensor([[0.9, 0.3, -0.2, 0.8]])
    ranking = cpal.neighbor_ranking(weight, similarity)  # .09, .18, -.2, 0
    assert ranking[0].argsort(descending=True).tolist() == [1, 0, 3, 2]
    ones = cpal.neighbor_ranking(torch.ones(1, 4), similarity)
    assert ones.equal(similarity)


def naive_pacam(features, context, weight):
    """Eq. 13 of one image and class with weights: features (D, H, W), context (P, D)."""
    total = sum(weight)
    out = torch.zeros(features.shape[1:], dtype=F64)
    for y in range(features.shape[1]):
        for x in range(features.shape[2]):
            value = 0.0
            for i, w in enumerate(weight):
                value += w / total * cosine(features[:, y, x], context[i])
            out[y, x] = max(value, 0.0)
    return out


@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
def test_eq_13_prototype_aware_cam(size):
    features, context = torch.randn(2, 4, *size, dtype=F64), torch.randn(3, 6, 4, dtype=F64)
    weight, image_index = torch.rand(3, 6, dtype=F64), torch.tensor([0, 1, 1])
    weight[0, 2:] = 0
    direction = cpal.neighbor_direction(context, weight)
    maps = cpal.prototype_aware_cam(features, direction, image_index)
    for m, b in enumerate(image_index):
        expected = naive_pacam(features[b], context[m], weight[m].tolist())
        torch.testing.assert_close(maps[m], expected)


def test_eq_13_with_shifted_features_equals_shifting_them_first():
    features, context = torch.randn(2, 4, 3, 5, dtype=F64), torch.randn(3, 6, 4, dtype=F64)
    image_index, shift = torch.tensor([0, 1, 1]), torch.randn(3, 4, dtype=F64)
    direction = cpal.neighbor_direction(context, torch.rand(3, 6, dtype=F64))
    maps = cpal.prototype_aware_cam(features, direction, image_index, shift)
    for m, b in enumerate(image_index):
        moved = features[b : b + 1] + shift[m, None, :, None, None]
        alone = cpal.prototype_aware_cam(moved, direction[m : m + 1], torch.tensor([0]))
        torch.testing.assert_close(maps[m], alone[0])


def test_eq_13_gradients_and_scale_invariance():
    features = torch.randn(2, 3, 2, 3, dtype=F64, requires_grad=True)
    direction, index = torch.randn(3, 3, dtype=F64), torch.tensor([0, 0, 1])
    assert torch.autograd.gradcheck(
        lambda z: cpal.prototype_aware_cam(z, direction, index), features
    )
    torch.testing.assert_close(
        cpal.prototype_aware_cam(7 * features, direction, index),
        cpal.prototype_aware_cam(features, direction, index),
    )
    zero = torch.zeros(1, 3, 1, 1, requires_grad=True)
    cpal.prototype_aware_cam(zero, torch.ones(1, 3), torch.tensor([0])).sum().backward()
    assert zero.grad.isfinite().all()


def test_eq_14_consistency():
    cam, pacam = torch.rand(2, 4, 3, 5, dtype=F64), torch.rand(2, 4, 3, 5, dtype=F64)
    selected = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    valid = (torch.rand(2, 1, 3, 5) > 0.3).double()
    total, count = cpal.consistency_terms(cam, pacam, selected, valid)
    expected, pixels = 0.0, 0
    for b in range(2):
        for y in range(3):
            for x in range(5):
                if not valid[b, 0, y, x]:
                    continue
                pixels += 1
                if selected[b].any():
                    expected += abs(float(cam[b, 0, y, x] - pacam[b, 0, y, x]))
                for n in range(3):
                    if selected[b, n]:
                        expected += abs(float(cam[b, n + 1, y, x] - pacam[b, n + 1, y, x]))
    torch.testing.assert_close(total.item(), expected)
    assert count.item() == 4 * pixels  # N + 1 channels


def test_eq_14_is_zero_for_equal_maps_and_blind_to_the_padding():
    cam = torch.rand(1, 3, 2, 4)
    selected, valid = torch.ones(1, 2), torch.ones(1, 1, 2, 4)
    assert cpal.consistency_terms(cam, cam, selected, valid)[0] == 0
    valid[..., 3] = 0
    changed = cam.clone()
    changed[..., 3] = 9
    assert cpal.consistency_terms(cam, changed, selected, valid)[0] == 0


def test_a_batch_is_the_concatenation_of_its_images():
    features, context = torch.randn(3, 4, 2, 3, dtype=F64), torch.randn(4, 5, 4, dtype=F64)
    image_index = torch.tensor([0, 1, 1, 2])
    cam = torch.rand(4, 2, 3, dtype=F64)
    direction = cpal.neighbor_direction(context, torch.rand(4, 5, dtype=F64))
    prototypes, _ = cpal.instance_prototypes(features, cam, image_index, 0.1)
    maps = cpal.prototype_aware_cam(features, direction, image_index)
    for b in range(3):
        own = image_index == b
        zero = torch.zeros(int(own.sum()), dtype=torch.long)
        alone, _ = cpal.instance_prototypes(features[b : b + 1], cam[own], zero, 0.1)
        torch.testing.assert_close(prototypes[own], alone)
        torch.testing.assert_close(
            maps[own], cpal.prototype_aware_cam(features[b : b + 1], direction[own], zero)
        )


def test_standardized_scores_in_plain_loops():
    score = 100 * torch.randn(3, 6, dtype=F64)
    filled = torch.tensor([[1, 1, 0, 1, 1, 1], [1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 1]]) > 0
    found = cpal.standardized_scores(score, filled)
    for m in range(3):
        own = [float(score[m, i]) for i in range(6) if filled[m, i]]
        mean = sum(own) / len(own)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in own) / len(own)) or 1.0
        for i in range(6):
            expected = (float(score[m, i]) - mean) / deviation if filled[m, i] else 0.0
            torch.testing.assert_close(found[m, i].item(), expected)


def test_standardized_scores_know_no_scale():
    score, filled = torch.randn(2, 5, dtype=F64), torch.ones(2, 5).bool()
    same = cpal.standardized_scores(1000 * score + 7, filled)
    torch.testing.assert_close(same, cpal.standardized_scores(score, filled))


def test_effective_number_in_plain_loops():
    weight = torch.rand(3, 6, dtype=F64)
    for m, found in enumerate(cpal.effective_number(weight).tolist()):
        total = sum(weight[m].tolist())
        assert found == pytest.approx(1 / sum((w / total) ** 2 for w in weight[m].tolist()))
    assert cpal.effective_number(torch.ones(1, 50)).item() == pytest.approx(50)
