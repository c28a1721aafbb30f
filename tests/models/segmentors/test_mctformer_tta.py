import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.models.segmentors import MCTformerTTAModel
from mmwsss.registry import MODELS

SIZE = (10, 18)  # of the image: a grid of 3 x 5 cells


class Wrapped(nn.Module):
    def test_step(self, data):
        raise NotImplementedError('the tests hand over the views themselves')


def make_view(flip, classes=(1, 4), **maps):
    meta = {
        'ori_shape': SIZE,
        'flip': flip,
        'flip_direction': 'horizontal' if flip else None,
        'img_path': 'a.jpg',
    }
    sample = SegDataSample(metainfo=meta)
    sample.cam_view = PixelData(metainfo={'classes': list(classes)})
    for name, values in maps.items():
        sample.cam_view.set_field(values, name, dtype=torch.Tensor)
    return sample


def merge(views, **options):
    (merged,) = MCTformerTTAModel(Wrapped(), **options).merge_preds([views])
    return merged.pred_seed


def resize(maps, size):
    return F.interpolate(maps[None], size, mode='bilinear', align_corners=False)[0]


@pytest.mark.parametrize(('full_size', 'grid'), [(False, (3, 5)), (True, SIZE)])
def test_flips_are_summed_and_stretched_by_minimum_and_maximum(full_size, grid):
    straight, flipped = torch.rand(2, 2, 4), torch.rand(2, 2, 4) + 3
    straight, flipped = 1e-4 * straight, 1e-4 * flipped  # the eps must not count
    seed = merge(
        [make_view(False, cam=straight), make_view(True, cam=flipped)], full_size=full_size
    )
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
    view = make_view(False, cam=maps, pacam=maps)
    seed = merge([view], full_size=full_size)
    summed = resize(maps, seed.cam.shape[1:])
    expected = summed / summed.amax((1, 2), keepdim=True)
    torch.testing.assert_close(torch.from_numpy(seed.pacam), expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize('full_size', [False, True])
def test_an_image_without_a_class(full_size):
    seed = merge([make_view(False, classes=(), cam=torch.zeros(0, 2, 4))], full_size=full_size)
    assert seed.cam.shape == (0, *(SIZE if full_size else (3, 5)))


@pytest.mark.parametrize('full_size', [False, True])
def test_the_wrong_model_for_a_host_is_said(full_size):
    with pytest.raises(ValueError, match=r"MCTformerTTAModel merges 'cam'.*hold \['logits'\]"):
        merge([make_view(False, logits=torch.rand(6, 2, 4))], full_size=full_size)


def test_registered():
    assert MODELS.get('mmwsss.MCTformerTTAModel') is MCTformerTTAModel
