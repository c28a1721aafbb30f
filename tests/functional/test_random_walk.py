"""The random walk against dense matrices built pixel pair by pixel pair."""

import importlib
import itertools
import math

import numpy as np
import pytest
import torch

from mmwsss.functional.random_walk import (
    chebyshev_coefficients,
    half_disc_offsets,
    random_walk,
    symmetric_transition,
    upsample_walk,
)

module = importlib.import_module('mmwsss.functional.random_walk')
F64 = torch.float64
SIZES = [(5, 8), (7, 3), (2, 9), (1, 6), (6, 1), (1, 1)]


def naive_affinities(edge, radius, beta):
    """Dense ``A^beta`` (n, n): 1 on the diagonal, else one minus the strongest boundary between."""
    height, width = edge.shape
    cells = list(itertools.product(range(height), range(width)))
    matrix = np.zeros((len(cells), len(cells)))
    for i, (yi, xi) in enumerate(cells):
        for j, (yj, xj) in enumerate(cells):
            dy, dx = yj - yi, xj - xi
            if i == j:
                matrix[i, j] = 1
            elif dy * dy + dx * dx < radius * radius:
                length = math.sqrt(dy * dy + dx * dx)
                path = [
                    float(edge[y, x])
                    for y in range(min(yi, yj), max(yi, yj) + 1)
                    for x in range(min(xi, xj), max(xi, xj) + 1)
                    if abs(dy * (x - xi) - dx * (y - yi)) / length < 1
                ]
                matrix[i, j] = (1 - max(path)) ** beta
    return matrix


def naive_transition(edge, radius, beta):
    matrix = naive_affinities(edge, radius, beta)
    for j in range(len(matrix)):
        matrix[:, j] /= matrix[:, j].sum()
    return matrix


def naive_walk(cam, edge, radius, beta, steps):
    """Multiply the row vectors ``cam * (1 - edge)`` by the dense matrix, step after step."""
    matrix = naive_transition(edge, radius, beta)
    x = (cam.double() * (1 - edge.double())).flatten(1).numpy()
    for _ in range(steps):
        x = x @ matrix
    return torch.from_numpy(x).view(cam.shape)


def make_maps(size, classes=2, dtype=F64):
    """CAMs, and boundaries that are weak enough for the walk to get somewhere."""
    return torch.rand(classes, *size, dtype=dtype), 0.6 * torch.rand(size, dtype=dtype)


def close_to_maximum(actual, expected, tolerance):
    assert actual.shape == expected.shape
    error = (actual.double() - expected).abs().max() / expected.abs().max()
    assert error < tolerance, f'{float(error):.1e} of the maximum'


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('radius', [2, 5])
def test_the_transition_and_its_symmetric_form(size, radius):
    height, width = size
    edge = torch.rand(size, dtype=F64)
    weight, root = symmetric_transition(edge, radius, beta=3)
    found = np.zeros((height * width, height * width))
    for (dy, dx), plane in zip(half_disc_offsets(radius), weight, strict=True):
        for y in range(height):
            for x in range(width):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    i, j = y * width + x, (y + dy) * width + x + dx
                    found[i, j] = found[j, i] = plane[y, x]
                else:
                    assert plane[y, x] == 0
    root = root.flatten().numpy()
    matrix = naive_transition(edge, radius, beta=3)
    np.testing.assert_allclose(found * root[:, None] / root, matrix, rtol=1e-12)


def test_neighbors_are_added_from_far_to_near():
    distances = [dy * dy + dx * dx for dy, dx in half_disc_offsets(4)]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] == 13 and distances[-1] == 0


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('steps', [0, 1, 4, 7, 8, 9, 10, 33, 256])
def test_random_walk(size, steps):
    cam, edge = make_maps(size, dtype=torch.float32)
    expected = naive_walk(cam, edge, 5, 10, steps)
    close_to_maximum(random_walk(cam.double(), edge, steps=steps), expected, 1e-8)
    single = random_walk(cam, edge, steps=steps)
    assert single.dtype == torch.float32
    close_to_maximum(single, expected, 1e-6 if steps <= 4 else 5e-4)


@pytest.mark.parametrize('radius', [2, 3, 10])
def test_other_radii_and_powers(radius):
    cam, edge = make_maps((7, 12))
    expected = naive_walk(cam, edge, radius, 2.5, 20)
    close_to_maximum(random_walk(cam, edge, radius, beta=2.5, steps=20), expected, 1e-8)


def test_the_defaults_are_those_of_irn():
    cam, edge = make_maps((12, 17))
    matrix = naive_transition(edge, radius=5, beta=10)
    for _ in range(8):  # the released code squares the matrix
        matrix = matrix @ matrix
    expected = (cam * (1 - edge)).flatten(1).numpy() @ matrix
    close_to_maximum(random_walk(cam, edge), torch.from_numpy(expected).view(cam.shape), 1e-8)


def test_one_step_worked_by_hand():
    # A = [[1, .5, 0], [.5, 1, .5], [0, .5, 1]], column sums 1.5, 2, 1.5, x = (8, 0, 0)
    cam, edge = torch.tensor([[[8.0, 0.0, 0.0]]]), torch.tensor([[0.0, 0.5, 0.0]])
    walked = random_walk(cam, edge, radius=2, beta=1, steps=1)
    torch.testing.assert_close(walked, torch.tensor([[[8 / 1.5, 4 / 2, 0.0]]]))


def test_the_start_is_damped_on_boundaries():
    cam, edge = make_maps((3, 4))
    torch.testing.assert_close(random_walk(cam, edge, steps=0), cam * (1 - edge))


@pytest.mark.parametrize('steps', [3, 256])
def test_a_constant_stays_and_the_sum_over_column_sums_is_conserved(steps):
    # x' is a weighted mean of its neighbours (column sums divide), so a constant stays. A plain
    # sum is not conserved; that with the column sums as weights is, for A is symmetric.
    cam, edge = make_maps((6, 9))
    constant = random_walk(2 / (1 - edge)[None], edge, steps=steps)
    torch.testing.assert_close(constant, torch.full_like(constant, 2.0))
    cam[:, :3] = 0
    degree = torch.from_numpy(naive_affinities(edge, 5, 10).sum(axis=0)).view_as(edge)
    before, after = cam * (1 - edge), random_walk(cam, edge, steps=steps)
    torch.testing.assert_close((after * degree).sum((1, 2)), (before * degree).sum((1, 2)))
    assert not torch.allclose(after.sum((1, 2)), before.sum((1, 2)), rtol=1e-3)


@pytest.mark.parametrize('axis', [0, 1])
def test_nothing_passes_a_wall(axis):
    edge = torch.full((11, 14), 0.1)
    edge.select(axis, 6).fill_(1)
    cam = torch.zeros(1, 11, 14)
    cam.narrow(axis + 1, 0, 6).fill_(1)
    walked = random_walk(cam, edge)
    assert walked.narrow(axis + 1, 0, 6).min() > 0.5
    assert walked.narrow(axis + 1, 6, walked.shape[axis + 1] - 6).count_nonzero() == 0


def test_the_walk_of_a_mirrored_image_is_the_mirrored_walk():
    cam, edge = make_maps((5, 8))
    for axes in ((-1,), (-2,), (-2, -1)):
        mirrored = random_walk(cam.flip(axes), edge.flip(axes), steps=20)
        torch.testing.assert_close(mirrored.flip(axes), random_walk(cam, edge, steps=20))
    turned = random_walk(cam.mT, edge.mT, steps=20)
    torch.testing.assert_close(turned.mT, random_walk(cam, edge, steps=20))


def test_the_classes_do_not_meet():
    cam, edge = make_maps((6, 7), classes=4)
    together = random_walk(cam, edge)
    order = [2, 0, 3, 1]
    torch.testing.assert_close(random_walk(cam[order], edge), together[order])
    for c in range(4):
        torch.testing.assert_close(random_walk(cam[c : c + 1], edge), together[c : c + 1])
    assert random_walk(cam[:0], edge).shape == (0, 6, 7)


def test_chunks_do_not_change_the_result(monkeypatch):
    cam, edge = make_maps((5, 7), classes=3)
    whole = random_walk(cam, edge, steps=20)
    for size in (1, 31, 34 * 3):  # 1, 10 and 34 of 35 cells
        monkeypatch.setattr(module, '_CHUNK', size)
        assert random_walk(cam, edge, steps=20).equal(whole)


def test_a_single_peak_in_single_precision():
    # 256 steps on 60 x 80 cells leave about 1 / 2000 of the peak
    cam, edge = torch.zeros(1, 60, 80), torch.full((60, 80), 0.02)
    cam[0, 30, 40] = 1
    close_to_maximum(random_walk(cam, edge), random_walk(cam.double(), edge), 1e-4)


def test_a_walk_has_no_gradient_and_leaves_its_input_alone():
    cam, edge = make_maps((4, 5))
    cam.requires_grad_(), edge.requires_grad_()
    before = cam.detach().clone(), edge.detach().clone()
    assert not random_walk(cam, edge).requires_grad
    assert cam.equal(before[0])
    assert edge.equal(before[1])


@pytest.mark.parametrize('power', [0, 1, 2, 9, 248, 1000])
def test_chebyshev_expansion_of_a_power(power):
    coefficients = chebyshev_coefficients(power)
    t = np.linspace(-1, 1, 1001)
    error = np.abs(np.polynomial.chebyshev.chebval(t, coefficients) - t**power)
    assert error.max() < 1e-10
    assert len(coefficients) <= 1 + min(power, 7 * math.sqrt(power))


def naive_upsample(maps, size):
    """Bilinear x4 with half-pixel centres, cropped, divided by the joint maximum."""
    out = torch.zeros(len(maps), *size, dtype=F64)
    for c, y, x in itertools.product(range(len(maps)), *map(range, size)):
        sy, sx = max((y + 0.5) / 4 - 0.5, 0), max((x + 0.5) / 4 - 0.5, 0)
        y0, x0 = int(sy), int(sx)
        y1, x1 = min(y0 + 1, maps.shape[1] - 1), min(x0 + 1, maps.shape[2] - 1)
        fy, fx = sy - y0, sx - x0
        upper = (1 - fx) * maps[c, y0, x0] + fx * maps[c, y0, x1]
        lower = (1 - fx) * maps[c, y1, x0] + fx * maps[c, y1, x1]
        out[c, y, x] = (1 - fy) * upper + fy * lower
    return out / out.max()


@pytest.mark.parametrize('size', [(9, 14), (12, 16), (1, 1)])
def test_upsample_walk(size):
    grid = [-(-side // 4) for side in size]
    maps = torch.rand(2, *grid, dtype=F64)
    actual = upsample_walk(maps, size)
    torch.testing.assert_close(actual, naive_upsample(maps, size))
    assert actual.max() == 1
    torch.testing.assert_close(upsample_walk(1000 * maps, size), actual)


def test_the_maximum_is_taken_after_the_crop():
    maps = torch.tensor([[[1.0, 9.0]], [[0.5, 0.5]]])
    # columns 0 and 1 of 8 lie left of the middle of cell 0, so all are that cell's value
    torch.testing.assert_close(upsample_walk(maps, (4, 2))[0], torch.ones(4, 2))


def test_upsample_walk_of_nothing():
    assert not upsample_walk(torch.zeros(2, 2, 3), (7, 10)).any()
    assert upsample_walk(torch.zeros(0, 2, 3), (7, 10)).shape == (0, 7, 10)


@pytest.mark.parametrize('size', [(9, 12), (8, 13)])
def test_upsample_walk_names_a_grid_that_is_too_small(size):
    with pytest.raises(ValueError, match=r'grid of \(2, 3\)'):
        upsample_walk(torch.zeros(1, 2, 3), size)
