import itertools

import numpy as np
import pytest
import torch
from naive_lattice import naive_filter

from mmwsss.functional.permutohedral import PermutohedralLattice

RNG = np.random.default_rng(0)


def build(points):
    return PermutohedralLattice(torch.from_numpy(points.T[None]))


@pytest.mark.parametrize(('d', 'channels'), [(1, 3), (2, 1), (3, 4), (5, 2)])
def test_against_plain_loops(d, channels):
    points, values = RNG.normal(size=(60, d)), RNG.normal(size=(60, channels))
    expected, vertices = naive_filter(points, values)
    lattice = build(points)
    assert lattice.num_vertices == vertices < 60 * (d + 1)
    got = lattice.filter(torch.from_numpy(values).float())
    np.testing.assert_allclose(got, expected, atol=2e-5)


def test_points_that_are_far_apart_need_wider_numbers():
    points = np.repeat(RNG.uniform(-200, 200, size=(15, 5)), 2, axis=0)
    points[1::2] += 0.3
    values = RNG.normal(size=(30, 1))
    got = build(points).filter(torch.from_numpy(values).float())
    np.testing.assert_allclose(got, naive_filter(points, values)[0], atol=2e-3)
    with pytest.raises(ValueError, match='wider Gaussians'):
        build(points * 1e4)


@pytest.mark.parametrize(('size', 'deviation'), [((23, 31), 3.0), ((17, 12), 2.0)])
def test_a_mean_is_nearly_that_of_the_gaussian(size, deviation):
    points = np.array(list(itertools.product(*map(range, size)))) / deviation
    values = RNG.normal(size=(len(points), 2))
    gaussian = np.exp(-((points[:, None] - points) ** 2).sum(2) / 2)
    expected = gaussian @ values / gaussian.sum(1, keepdims=True)
    lattice = build(points)
    total = lattice.filter(torch.ones(len(points), 1))
    got = lattice.filter(torch.from_numpy(values).float()) / total
    assert np.abs(got.numpy() - expected).mean() < 0.15 * np.abs(expected).mean()


def test_normalised_on_both_sides():
    points, values = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 2))
    whole, _ = naive_filter(points, np.ones((40, 1)))
    scale = whole**-0.5
    lattice = build(points)
    lattice.normalize()
    got = lattice.filter(torch.from_numpy(values).float())
    np.testing.assert_allclose(got, scale * naive_filter(points, scale * values)[0], atol=2e-5)


def test_images_of_a_batch_do_not_meet():
    features = torch.from_numpy(RNG.normal(size=(3, 2, 25)))
    values = torch.from_numpy(RNG.normal(size=(75, 3))).float()
    together = PermutohedralLattice(features).filter(values)
    apart = [
        PermutohedralLattice(one[None]).filter(some)
        for one, some in zip(features, values.split(25), strict=True)
    ]
    torch.testing.assert_close(together, torch.cat(apart))


def test_one_point_stays_as_it_is():
    got = build(RNG.normal(size=(1, 3))).filter(torch.tensor([[2.0, -1.0]]))
    assert got[0, 0] == -2 * got[0, 1] > 0


@pytest.mark.parametrize(
    ('features', 'message'),
    [
        (torch.zeros(2, 5), r'must be \(B, d, N\), not \(2, 5\)'),
        (torch.zeros(1, 2, 0), r'must be \(B, d, N\)'),
        (torch.full((1, 2, 3), torch.nan), 'finite'),
    ],
)
def test_wrong_features(features, message):
    with pytest.raises(ValueError, match=message):
        PermutohedralLattice(features)
