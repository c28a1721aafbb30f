import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from view_samples import resize

from mmwsss.models.views import Views, flip_back, mean_probability


def make_views(maps, grid=(4, 6), size=(4, 6)):
    return Views(maps=maps, grid=grid, size=size, classes=[2], sample=SegDataSample())


def test_views_of_several_sizes_meet_on_one_grid():
    maps = [torch.rand(2, 3, 5), torch.rand(2, 6, 4), torch.rand(2, 1, 1)]
    views = make_views(maps)
    expected = sum(resize(each, (4, 6)) for each in maps)
    torch.testing.assert_close(views.total(), expected)
    torch.testing.assert_close(views.mean(), expected / 3)


def test_a_seed_may_be_a_part_of_the_grid():
    """The top left part: IRN pads an image at the right and at the bottom."""
    maps = [torch.rand(2, 3, 5)]
    whole, part = make_views(maps).total(), make_views(maps, size=(3, 2)).total()
    assert part.equal(whole[:, :3, :2])


def test_an_image_without_classes_has_empty_maps():
    assert make_views([torch.zeros(0, 2, 2)] * 2).mean().shape == (0, 4, 6)


@pytest.mark.parametrize(
    ('meta', 'expected'),
    [
        ({}, [[1, 2], [3, 4]]),
        ({'flip': False, 'flip_direction': None}, [[1, 2], [3, 4]]),
        ({'flip': True, 'flip_direction': 'horizontal'}, [[2, 1], [4, 3]]),
        ({'flip': True, 'flip_direction': 'vertical'}, [[3, 4], [1, 2]]),
    ],
)
def test_a_flip_is_undone(meta, expected):
    maps = torch.tensor([[[1, 2], [3, 4]]])
    assert flip_back(maps, SegDataSample(metainfo=meta))[0].tolist() == expected


def test_probabilities_are_averaged_and_not_logits():
    samples = [SegDataSample(), SegDataSample()]
    for sample, logit in zip(samples, (0.0, 100.0), strict=True):
        sample.seg_logits = PixelData(data=torch.tensor([0.0, logit]).view(2, 1, 1))
    assert mean_probability(samples).flatten().tolist() == pytest.approx([0.25, 0.75])
