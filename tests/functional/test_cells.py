"""Padding to whole cells, and maps of them brought back to the image."""

import numpy as np
import pytest
import torch

from mmwsss.functional.cells import count_cells, pad_to_cells, spread_over_image


@pytest.mark.parametrize(('height', 'width'), [(28, 42), (29, 41), (1, 13), (14, 15)])
def test_padding_is_the_smallest_that_gives_whole_cells(height, width):
    images = torch.rand(2, 3, height, width) + 1
    padded = pad_to_cells(images, 14)
    down, right = 14 * count_cells(height, 14), 14 * count_cells(width, 14)
    assert padded.shape == (2, 3, down, right)
    assert down - height < 14 and right - width < 14
    assert padded[..., :height, :width].equal(images)
    assert padded.sum().item() == pytest.approx(images.sum().item())
    assert (padded is images) == ((height, width) == (down, right))


def naive_spread(maps, cell, size):
    """The value at the middle of each new cell, in pixels, between the middles of the old ones."""
    count, rows, columns = maps.shape
    out = np.zeros_like(maps)
    for k in range(count):
        for row in range(rows):
            for column in range(columns):
                y = (row + 0.5) * size[0] / rows / cell - 0.5
                x = (column + 0.5) * size[1] / columns / cell - 0.5
                y, x = min(max(y, 0), rows - 1), min(max(x, 0), columns - 1)
                top, left = int(y), int(x)
                low, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
                upper = maps[k, top, left] * (1 - x + left) + maps[k, top, right] * (x - left)
                lower = maps[k, low, left] * (1 - x + left) + maps[k, low, right] * (x - left)
                out[k, row, column] = upper * (1 - y + top) + lower * (y - top)
    return out


@pytest.mark.parametrize(
    ('cell', 'size'), [(14, (29, 41)), (16, (50, 33)), (4, (9, 11)), (14, (1, 3)), (8, (9, 16))]
)
def test_values_are_those_at_the_middles_of_the_new_cells(cell, size):
    grid = tuple(count_cells(side, cell) for side in size)
    maps = torch.rand(2, *grid)
    found = spread_over_image(maps, cell, size)
    expected = naive_spread(maps.double().numpy(), cell, size)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
    assert found.dtype == maps.dtype


def test_maps_that_fit_stay_as_they_are():
    maps = torch.rand(3, 2, 4)
    assert spread_over_image(maps, 14, (28, 56)) is maps
    assert spread_over_image(maps[:0], 14, (20, 50)).shape == (0, 2, 4)
    rough = maps.bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        found = spread_over_image(rough, 14, (20, 50))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(
        found.float(), spread_over_image(rough.float(), 14, (20, 50)), atol=0.01, rtol=0
    )


def test_a_straight_line_stays_one_inside_of_the_image():
    """A map that grows by 1 per pixel grows by 1 per pixel afterwards."""
    pixels = 14 * torch.arange(4) + 7.0  # middles of the cells
    maps = pixels.expand(1, 2, 4)
    found = spread_over_image(maps, 14, (20, 50))
    middles = (torch.arange(4) + 0.5) * 50 / 4
    torch.testing.assert_close(found[0, 0, 1:], middles[1:])
