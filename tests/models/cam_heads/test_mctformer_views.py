"""From the views of an image under MCTformer to its seed."""

import pytest
import torch
from view_samples import SIZE, make_view, resize
from view_samples import merge as merge_views

HOST = {'type': 'mmwsss.MCTformerHead', 'in_channels': 3, 'num_classes': 5}


def merge(views, **options):
    return merge_views(HOST, views, **options)


@pytest.mark.parametrize(('full_size', 'grid'), [(False, (3, 5)), (True, SIZE)])
def test_flips_are_summed_and_stretched_by_minimum_and_maximum(full_size, grid):
    straight, flipped = torch.rand(2, 2, 4), torch.rand(2, 2, 4) + 3
    straight, flipped = 1e-4 * straight, 1e-4 * flipped  # the eps must not count
    views = [make_view(straight), make_view(flipped, flip='horizontal')]
    seed = merge(views, full_size=full_size)
    summed = (resize(straight, grid) + resize(flipped.flip(2), grid)).tolist()
    assert seed.cam.shape == (2, *grid)
    for found, plane in zip(seed.cam.tolist(), summed, strict=True):
        values = [value for row in plane for value in row]
        low, high = min(values), max(values)
        expected = [[(value - low) / (high - low) for value in row] for row in plane]
        torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=0, atol=1e-3)
    assert seed.cam.min() == 0
    assert seed.background is None


@pytest.mark.parametrize('full_size', [False, True])
def test_the_pacam_is_divided_by_its_maximum(full_size):
    maps = torch.rand(2, 2, 4) + 0.5
    view = make_view(maps, pacam=maps)
    seed = merge([view], full_size=full_size)
    summed = resize(maps, seed.cam.shape[1:])
    expected = summed / summed.amax((1, 2), keepdim=True)
    torch.testing.assert_close(torch.from_numpy(seed.pacam), expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize('full_size', [False, True])
def test_an_image_without_a_class(full_size):
    seed = merge([make_view(torch.zeros(0, 2, 4), classes=())], full_size=full_size)
    assert seed.cam.shape == (0, *(SIZE if full_size else (3, 5)))
