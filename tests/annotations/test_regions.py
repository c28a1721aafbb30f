"""Outlines of masks and the pixels in outlines."""

import cv2
import numpy as np
import pytest

from mmwsss.annotations import Region, fill_ring, regions_of
from mmwsss.annotations.regions import box_ring


def naive_fill(ring, size):
    """Count, pixel by pixel, how many edges a ray to the left crosses."""
    inside = np.zeros(size, dtype=bool)
    for row in range(size[0]):
        for column in range(size[1]):
            x, y = column + 0.5, row + 0.5
            for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                if (y1 <= y) != (y2 <= y) and x1 + (y - y1) * (x2 - x1) / (y2 - y1) <= x:
                    inside[row, column] ^= True
    return inside


def blobs(seed, size=(37, 52), classes=3):
    """A mask with touching classes, holes, single pixels, lines, and unsure pixels."""
    noise = np.random.default_rng(seed).random((classes, *size)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(layer, (0, 0), 1.5) for layer in noise])
    mask = np.where(smooth.max(axis=0) > 0.53, smooth.argmax(axis=0) + 1, 0).astype(np.uint8)
    mask[5] = 255
    mask[0, 0], mask[-1, -1], mask[8:20, 30] = 1, 2, 3
    return mask


@pytest.mark.parametrize('seed', range(3))
def test_outlines_with_every_corner_give_the_pixels_back(seed):
    mask = blobs(seed)
    drawn = np.zeros_like(mask)
    for region in regions_of(mask, 0):
        inside = fill_ring(region.ring, mask.shape)
        assert not drawn[inside].any(), 'regions overlap'
        drawn[inside] = region.label
        assert inside[region.at]
        assert cv2.connectedComponents(inside.astype(np.uint8))[0] == 2  # one, and outside
    assert np.array_equal(drawn, np.where(mask == 255, 0, mask))


def test_a_region_with_holes_is_one_outline():
    mask = np.zeros((20, 30), dtype=np.uint8)
    mask[2:18, 3:27] = 2
    mask[5:8, 6:9] = mask[5:15, 15:20] = 0
    mask[10:12, 17:19] = 2  # an island in a hole
    regions = regions_of(mask, 0)
    assert [region.label for region in regions] == [2, 2]
    filled = sum(fill_ring(region.ring, mask.shape).astype(int) for region in regions)
    assert np.array_equal(filled, mask == 2)


def test_a_tolerance_leaves_out_corners_and_moves_borders_little():
    rows, columns = np.indices((80, 120))
    mask = ((rows - 40) ** 2 + (columns - 60) ** 2 < 35**2).astype(np.uint8)
    [fine], [coarse] = regions_of(mask, 0), regions_of(mask, 1.0)
    assert len(coarse.ring) < len(fine.ring) / 4
    wrong = fill_ring(coarse.ring, mask.shape) != (mask == 1)
    border = cv2.dilate(mask, np.ones((5, 5))) != cv2.erode(mask, np.ones((5, 5)))
    assert wrong.any() and not wrong[~border].any()
    assert wrong.mean() < 0.02


@pytest.mark.parametrize('seed', range(3))
def test_filling_follows_the_even_odd_rule_at_centres(seed):
    ring = np.random.default_rng(seed).uniform(-3, 14, (7, 2))
    assert np.array_equal(fill_ring(ring, (9, 12)), naive_fill(ring, (9, 12)))


def test_a_box_on_the_grid_has_its_pixels():
    expected = np.zeros((4, 6), dtype=bool)
    expected[1:3, 2:5] = True
    assert np.array_equal(fill_ring(box_ring(2, 1, 5, 3), (4, 6)), expected)
    assert fill_ring(box_ring(0, 0, 1, 1), (1, 1)).tolist() == [[True]]


def test_rounding_changes_no_region_and_a_moved_corner_or_class_does():
    [region] = regions_of(np.pad(np.ones((6, 9), np.uint8), 3), 0)
    size = (12, 15)
    assert Region(1, region.ring + 0.02).is_same(region, size)
    assert Region(1, np.roll(region.ring, 2, axis=0)[::-1]).is_same(region, size)
    assert Region(1, inside=fill_ring(region.ring, size)).is_same(region, size)
    assert not Region(2, region.ring).is_same(region, size)
    moved = region.ring.copy()
    moved[0] -= 1.5
    assert not Region(1, moved).is_same(region, size)
