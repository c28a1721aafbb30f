import math

import pytest
import torch

from mmwsss.functional.affinity import (
    affinity_loss_terms,
    displacement_loss_terms,
    pair_affinity,
    pair_kinds,
    pair_offsets,
    partners,
    sources,
)

F64 = torch.float64
IGNORE = 255


def random_scene(size, batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    edge = torch.rand(batch, *size, generator=generator, dtype=F64)
    displacement = 3 * torch.randn(batch, 2, *size, generator=generator, dtype=F64)
    label = torch.randint(0, 3, (batch, *size), generator=generator)
    label[torch.rand(label.shape, generator=generator) < 0.2] = IGNORE
    return edge, displacement, label


def naive_pairs(size, radius):
    """(y, x) of source and partner; sources keep a distance of radius - 1 from three borders."""
    height, width = size
    for y in range(height):
        for x in range(width):
            if x < radius - 1 or width - 1 - x < radius - 1 or height - 1 - y < radius - 1:
                continue
            for v in range(height):
                for u in range(width):
                    ahead = v > y or (v == y and u > x)
                    if ahead and (v - y) ** 2 + (u - x) ** 2 < radius**2:
                        yield (y, x), (v, u)


def naive_affinity(edge, a, b):
    """One minus the largest value of the cells that the line passes at a distance below 1."""
    (y, x), (v, u) = a, b
    strongest = 0.0
    for i in range(min(y, v), max(y, v) + 1):
        for j in range(min(x, u), max(x, u) + 1):
            cross = abs((v - y) * (j - x) - (u - x) * (i - y))
            if cross / math.sqrt((v - y) ** 2 + (u - x) ** 2) < 1:
                strongest = max(strongest, edge[i][j])
    return 1 - strongest


def naive_terms(edge, displacement, label, radius):
    totals = dict.fromkeys(('bg', 'fg', 'neg', 'dp_bg', 'dp_fg'), 0.0)
    counts = dict.fromkeys(totals, 0)
    size = label.shape[1:]
    for b in range(len(label)):
        grid, classes = edge[b].tolist(), label[b].tolist()
        d = displacement[b].tolist()
        for (y, x), (v, u) in naive_pairs(size, radius):
            one, other = classes[y][x], classes[v][u]
            if IGNORE in (one, other):
                continue
            a = naive_affinity(grid, (y, x), (v, u))
            if one != other:
                totals['neg'] -= math.log(1 + 1e-5 - a)
                counts['neg'] += 1
                continue
            name = 'fg' if one else 'bg'
            totals[name] -= math.log(a + 1e-5)
            counts[name] += 1
            for axis, step in enumerate((v - y, u - x)):
                moved = d[axis][y][x] - d[axis][v][u]
                totals['dp_' + name] += abs(moved - step if one else moved)
                counts['dp_' + name] += 1  # a pair counts twice
    return totals, counts


@pytest.mark.parametrize(('size', 'radius'), [((7, 11), 3), ((9, 8), 4), ((1, 1), 2), ((3, 4), 5)])
def test_sums_and_counts_equal_plain_loops(size, radius):
    edge, displacement, label = random_scene(size)
    kinds = pair_kinds(label, radius, IGNORE)
    affinity = sources(pair_affinity(edge, radius), radius)
    found = [
        *zip(*affinity_loss_terms(affinity, kinds), strict=True),
        *zip(*displacement_loss_terms(displacement, kinds, radius), strict=True),
    ]
    totals, counts = naive_terms(edge, displacement, label, radius)
    if size == (7, 11):
        assert all(counts.values())
    for name, (total, count) in zip(totals, found, strict=True):
        assert total.item() == pytest.approx(totals[name], rel=1e-10), name
        assert count.item() == counts[name], name
        assert count.dtype == F64  # processes add it up as it is


def test_radius_1_has_no_pair():
    with pytest.raises(RuntimeError):
        pair_kinds(torch.zeros(1, 3, 4, dtype=torch.long), 1, IGNORE)


def test_a_pair_by_hand():
    """Radius 2 on two rows of three: the middle of the upper row has the only pairs."""
    edge = torch.tensor([[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]], dtype=F64)
    label = torch.tensor([[[9, 1, 1], [0, IGNORE, 2]]])
    # the offsets are right (1 and 1), lower left (1 and 0), below (255) and lower right (1 and 2)
    kinds = pair_kinds(label, 2, IGNORE)
    assert kinds.background.flatten().tolist() == [False] * 4
    assert kinds.foreground.flatten().tolist() == [True, False, False, False]
    assert kinds.different.flatten().tolist() == [False, True, False, True]
    total, count = affinity_loss_terms(sources(pair_affinity(edge, 2), 2), kinds)
    # diagonals pass their own two cells and, at a distance of 0.71, the other two of their square
    right = -math.log(1 - 0.3 + 1e-5)
    left_below, right_below = (-math.log(1e-5 + strongest) for strongest in (0.5, 0.6))
    torch.testing.assert_close(
        total, torch.tensor([0.0, right, left_below + right_below], dtype=F64)
    )
    assert count.tolist() == [0, 1, 2]


def test_displacements_that_point_to_one_place_cost_nothing():
    """Every pixel of an instance points to its middle: d = middle - position."""
    size, radius = (9, 12), 3
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(12.0), indexing='ij')
    towards = torch.stack([4 - y, 5 - x])[None]
    label = torch.ones(1, *size, dtype=torch.long)
    kinds = pair_kinds(label, radius, IGNORE)
    total, count = displacement_loss_terms(towards, kinds, radius)
    assert total.tolist() == [0, 0]
    assert count[1] == 2 * kinds.foreground.sum()
    assert displacement_loss_terms(-towards, kinds, radius)[0][1] > 0
    assert displacement_loss_terms(towards.flip(1), kinds, radius)[0][1] > 0  # (dx, dy)


def test_background_shall_not_move():
    kinds = pair_kinds(torch.zeros(1, 6, 7, dtype=torch.long), 2, IGNORE)
    total, count = displacement_loss_terms(torch.full((1, 2, 6, 7), 3.0), kinds, 2)
    assert total.tolist() == [0, 0]
    assert count.tolist() == [2 * 4 * 5 * 5, 0]


def test_a_step_from_source_to_partner_by_hand():
    """The partner to the right has 2 more in x: the difference is -2, the offset 1."""
    displacement = torch.zeros(1, 2, 2, 3)
    displacement[0, 1, 0, 2] = 2
    label = torch.tensor([[[IGNORE, 1, 1], [IGNORE, IGNORE, IGNORE]]])
    total, count = displacement_loss_terms(displacement, pair_kinds(label, 2, IGNORE), 2)
    assert total.tolist() == [0, 3]
    assert count.tolist() == [0, 2]


def test_the_order_of_partners_is_that_of_the_offsets():
    maps = torch.arange(2 * 6 * 9.0).view(2, 6, 9)
    source = sources(maps, 3)
    for plane, (dy, dx) in zip(partners(maps, 3), pair_offsets(3), strict=True):
        assert (plane - source).unique().tolist() == [9 * dy + dx]


def test_a_batch_is_the_sum_of_its_images():
    edge, displacement, label = random_scene((7, 9), batch=3)

    def terms(part):
        kinds = pair_kinds(label[part], 3, IGNORE)
        affinity = sources(pair_affinity(edge[part], 3), 3)
        both = (
            affinity_loss_terms(affinity, kinds),
            displacement_loss_terms(displacement[part], kinds, 3),
        )
        return torch.cat([value for pair in both for value in pair])

    torch.testing.assert_close(
        terms(slice(None)), sum(terms(slice(index, index + 1)) for index in range(3))
    )


def test_ignored_pixels_change_nothing():
    edge, displacement, label = random_scene((6, 8))
    kinds = pair_kinds(torch.full_like(label, IGNORE), 3, IGNORE)
    affinity = sources(pair_affinity(edge, 3), 3)
    assert not torch.stack(list(kinds)).any()
    for values in (
        *affinity_loss_terms(affinity, kinds),
        *displacement_loss_terms(displacement, kinds, 3),
    ):
        assert not values.any()


@pytest.mark.parametrize('value', [0.0, 1.0])
def test_certain_boundaries_give_finite_losses(value):
    edge = torch.full((1, 4, 6), value, requires_grad=True)
    label = torch.randint(0, 2, (1, 4, 6), generator=torch.Generator().manual_seed(0))
    affinity = sources(pair_affinity(edge, 2), 2)
    total, _ = affinity_loss_terms(affinity, pair_kinds(label, 2, IGNORE))
    total.sum().backward()
    assert total.isfinite().all()
    assert edge.grad.isfinite().all()


def test_gradients():
    edge, displacement, label = random_scene((5, 6))
    kinds = pair_kinds(label, 3, IGNORE)
    edge.requires_grad_()
    displacement.requires_grad_()

    def affinity_sums(edge):
        return affinity_loss_terms(sources(pair_affinity(edge, 3), 3), kinds)[0]

    assert torch.autograd.gradcheck(affinity_sums, edge)
    assert torch.autograd.gradcheck(
        lambda values: displacement_loss_terms(values, kinds, 3)[0], displacement
    )
