"""Pairs, paths and affinities of IRN against loops over all pixel pairs."""

from collections import Counter
from fractions import Fraction

import pytest
import torch

from mmwsss.functional.affinity import pair_affinity, pair_offsets, path_cells

F64 = torch.float64
SIZES = [(4, 7), (6, 2), (1, 6), (5, 1), (1, 1)]


def naive_path(start, end):
    """Cells of the box of both ends that are nearer than 1 to the line, in exact fractions."""
    dy, dx = end[0] - start[0], end[1] - start[1]
    cells = []
    for y in range(min(start[0], end[0]), max(start[0], end[0]) + 1):
        for x in range(min(start[1], end[1]), max(start[1], end[1]) + 1):
            py, px = y - start[0], x - start[1]
            along = Fraction(py * dy + px * dx, dy * dy + dx * dx)  # foot of the perpendicular
            if (py - along * dy) ** 2 + (px - along * dx) ** 2 < 1:
                cells.append((y, x))
    return cells


def naive_affinity(edge, start, end):
    return 1 - max(float(edge[cell]) for cell in naive_path(start, end))


def test_the_offsets_are_half_a_disc_without_its_rim():
    assert pair_offsets(1) == []
    assert pair_offsets(2) == [(0, 1), (1, -1), (1, 0), (1, 1)]
    assert (len(pair_offsets(5)), len(pair_offsets(10))) == (34, 152)
    for radius in (3, 5, 10):
        offsets = pair_offsets(radius)
        both = {*offsets, *((-dy, -dx) for dy, dx in offsets)}
        everywhere = range(-radius, radius + 1)
        disc = {(y, x) for y in everywhere for x in everywhere if y * y + x * x < radius * radius}
        assert both == disc - {(0, 0)}
        assert len(both) == 2 * len(offsets)  # each pair once


def test_the_lengths_of_the_paths_are_those_of_irn():
    lengths = Counter(len(path_cells(offset)) for offset in pair_offsets(10))
    expected = [2, 2, 4, 2, 6, 4, 10, 2, 12, 4, 12, 2, 8, 8, 22, 0, 16, 6, 20, 4, 6]
    assert [lengths[cells] for cells in range(2, 23)] == expected
    assert sum(expected) == 152


@pytest.mark.parametrize('radius', [2, 5, 10])
def test_paths(radius):
    for offset in pair_offsets(radius):
        assert path_cells(offset) == naive_path((0, 0), offset)


def test_a_path_worked_by_hand():
    # the line from (0, 0) to (1, -2) passes the middle of (0, -1) and (1, -1); distance of the
    # corners (0, -2) and (1, 0) to it: 2 / sqrt(5)
    assert path_cells((1, -2)) == [(0, -2), (0, -1), (0, 0), (1, -2), (1, -1), (1, 0)]
    assert path_cells((2, 2)) == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)]
    assert (0, 2) not in path_cells((3, 4))  # 6 / 5 away
    assert (3, 1) not in path_cells((3, 4))  # exactly 1 away


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('radius', [2, 3, 5])
def test_affinity_of_every_pair(size, radius):
    height, width = size
    edge = torch.rand(size, dtype=F64)
    affinity = pair_affinity(edge, radius)
    assert affinity.shape == (len(pair_offsets(radius)), *size)
    for plane, (dy, dx) in zip(affinity, pair_offsets(radius), strict=True):
        for y in range(height):
            for x in range(width):
                inside = y + dy < height and 0 <= x + dx < width
                expected = naive_affinity(edge, (y, x), (y + dy, x + dx)) if inside else 0
                assert float(plane[y, x]) == expected


def test_affinity_worked_by_hand():
    affinity = pair_affinity(torch.tensor([[0.1, 0.7, 0.2]]), radius=3)
    planes = dict(zip(pair_offsets(3), affinity, strict=True))
    torch.testing.assert_close(planes[0, 1], torch.tensor([[0.3, 0.3, 0.0]]))
    torch.testing.assert_close(planes[0, 2], torch.tensor([[0.3, 0.0, 0.0]]))
    assert not planes[1, 0].any()


def test_a_batch_is_the_stack_of_its_images():
    edge = torch.rand(2, 3, 4, 6)
    alone = [[pair_affinity(image, 4) for image in row] for row in edge]
    together = pair_affinity(edge, 4)
    for b in range(2):
        for c in range(3):
            assert together[:, b, c].equal(alone[b][c])


def test_affinity_carries_gradient_to_the_strongest_boundary():
    edge = torch.rand(3, 4, dtype=F64, requires_grad=True)  # no two are equal
    assert torch.autograd.gradcheck(lambda e: pair_affinity(e, 3), edge)
    row = torch.tensor([[0.1, 0.7, 0.2]], requires_grad=True)
    planes = dict(zip(pair_offsets(3), pair_affinity(row, 3), strict=True))
    planes[0, 2].sum().backward()
    assert row.grad.tolist() == [[0, -1, 0]]
