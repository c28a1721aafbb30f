import numpy as np
import pytest
import torch

from mmwsss.functional.key_affinity import (
    cosine_affinity,
    row_transition,
    softmax_affinity,
    spread,
)

RNG = np.random.default_rng(0)


def naive_cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    lengths = sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5
    return dot / lengths


def naive_cosines(keys):
    return np.array([[naive_cosine(a, b) for b in keys] for a in keys])


def naive_spread(values, transition, steps):
    for _ in range(steps):
        walked = np.zeros_like(values)
        for k in range(len(values)):
            for i in range(values.shape[1]):
                for j in range(values.shape[1]):
                    walked[k, i] += transition[i, j] * values[k, j]
        values = walked
    return values


@pytest.mark.parametrize('number', [1, 6])
def test_cosines_against_plain_loops(number):
    keys = RNG.normal(size=(2, number, 4))
    found = cosine_affinity(torch.from_numpy(keys), threshold=0.3)
    for image in range(2):
        expected = naive_cosines(keys[image])
        expected[expected < 0.3] = 0
        np.testing.assert_allclose(found[image], expected, atol=1e-12)


@pytest.mark.parametrize('number', [1, 6])
def test_softmax_against_plain_loops(number):
    keys = RNG.normal(size=(2, number, 4))
    found = softmax_affinity(torch.from_numpy(keys), temperature=0.3)
    for image in range(2):
        powers = np.exp(naive_cosines(keys[image]) / 0.3)
        for i in range(number):
            np.testing.assert_allclose(found[image, i], powers[i] / powers[i].sum())


def test_a_key_that_is_zero_is_joined_with_itself_alone():
    keys = torch.zeros(1, 3, 2)
    keys[0, 0] = 1
    assert cosine_affinity(keys, 0.5)[0].equal(torch.eye(3))


@pytest.mark.parametrize('steps', [1, 3])
@pytest.mark.parametrize('grid', [(2, 3), (1, 1)])
def test_walk_against_plain_loops(steps, grid):
    number = grid[0] * grid[1]
    affinity = RNG.random((2, number, number))  # not symmetric: a wrong axis is seen
    transition = row_transition(torch.from_numpy(affinity))
    maps = RNG.random((2, 3, *grid))
    found = spread(torch.from_numpy(maps), transition, steps)
    for image in range(2):
        rows = np.stack([row / row.sum() for row in affinity[image]])
        expected = naive_spread(maps[image].reshape(3, -1), rows, steps)
        np.testing.assert_allclose(found[image].flatten(1), expected)


def test_a_mean_leaves_no_range_and_a_constant_stays():
    transition = row_transition(torch.from_numpy(RNG.random((1, 6, 6))))
    maps = torch.from_numpy(RNG.random((1, 2, 2, 3)))
    maps[:, 1] = 0.4
    walked = spread(maps, transition, 5)
    assert (walked[:, 0] >= maps[:, 0].min()).all() and (walked[:, 0] <= maps[:, 0].max()).all()
    torch.testing.assert_close(walked[:, 1], maps[:, 1])


def test_gradient():
    keys = torch.from_numpy(RNG.normal(size=(1, 4, 3))).requires_grad_()
    assert torch.autograd.gradcheck(lambda k: softmax_affinity(k, 0.5), keys)
