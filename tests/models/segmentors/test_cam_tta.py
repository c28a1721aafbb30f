import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.seeds.files import Seed

SIZE = (10, 18)  # of the image: a grid of 3 x 5 cells


class Wrapped(nn.Module):
    def test_step(self, data):
        raise NotImplementedError('the tests hand over the views themselves')


def make_view(maps, flip=False, direction='horizontal', classes=(1, 4)):
    meta = {'ori_shape': SIZE, 'flip': flip, 'flip_direction': direction if flip else None}
    sample = SegDataSample(metainfo=meta)
    sample.cam_view = PixelData(metainfo={'classes': list(classes)})
    for name, values in maps.items():
        sample.cam_view.set_field(values, name, dtype=torch.Tensor)
    return sample


def merge(views, **options):
    merged = CAMTTAModel(Wrapped(), **options).merge_preds([views])
    assert len(merged) == 1
    return merged[0].pred_seed


def resize(maps, size):
    return F.interpolate(maps[None], size, mode='bilinear', align_corners=False)[0]


def by_max(maps):
    return maps / (maps.amax((1, 2), keepdim=True) + 1e-5)


def test_views_are_flipped_back_resized_summed_and_normalised():
    sizes = ((3, 5), (2, 3), (3, 5), (6, 9))
    views = [torch.rand(2, *size) * (i + 1) for i, size in enumerate(sizes)]
    samples = [
        make_view({'cam': views[0]}),
        make_view({'cam': views[1]}, flip=True),
        make_view({'cam': views[2]}, flip=True, direction='vertical'),
        make_view({'cam': views[3]}),
    ]
    seed = merge(samples)
    straight = [views[0], views[1].flip(2), views[2].flip(1), views[3]]
    expected = by_max(sum(resize(view, (3, 5)) for view in straight))
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected)
    assert isinstance(seed, Seed)
    assert seed.classes.tolist() == [1, 4]
    assert seed.size == SIZE
    assert seed.pacam is None


def test_the_pacam_is_merged_as_the_cam_is():
    cam, pacam = torch.rand(2, 2, 3, 5), torch.rand(2, 2, 3, 5)
    views = [
        make_view({'cam': cam[0], 'pacam': pacam[0]}),
        make_view({'cam': cam[1], 'pacam': pacam[1]}, flip=True),
    ]
    seed = merge(views)
    for found, maps in ((seed.cam, cam), (seed.pacam, pacam)):
        torch.testing.assert_close(torch.from_numpy(found), by_max(maps[0] + maps[1].flip(2)))


def test_a_strong_view_outweighs_a_faint_one():
    """By hand: views are summed before the one division, not normalised one by one."""
    first, second = torch.zeros(1, 3, 5), torch.zeros(1, 3, 5)
    first[0, 0, 0], second[0, 2, 4] = 8.0, 2.0
    views = [make_view({'cam': maps}, classes=(0,)) for maps in (first, second)]
    cam = merge(views).cam
    assert cam[0, 0, 0] == pytest.approx(1, abs=1e-5)
    assert cam[0, 2, 4] == pytest.approx(0.25, abs=1e-5)


def test_full_size_maps_lie_on_irns_padded_grid():
    views = [torch.rand(2, 3, 5), torch.rand(2, 6, 9)]
    seed = merge([make_view({'cam': view}) for view in views], full_size=True)
    padded = sum(resize(view, (16, 32)) for view in views)  # multiples of 16
    expected = by_max(padded[:, :10, :18])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected)


@pytest.mark.parametrize('full_size', [False, True])
def test_an_image_without_a_class_gives_an_empty_seed(full_size):
    views = [make_view({'cam': torch.zeros(0, h, 5)}, classes=()) for h in (3, 6)]
    seed = merge(views, full_size=full_size)
    assert seed.cam.shape == ((0, 10, 18) if full_size else (0, 3, 5))
    assert seed.classes.tolist() == []


def test_views_go_through_the_model_one_by_one():
    """The whole way of mmengine's `test_step`, with a model whose view says which it was."""

    class Host(nn.Module):
        def test_step(self, data):
            number = data['inputs'][0]
            return [make_view({'cam': torch.full((2, 3, 5), float(number))})]

    data = {'inputs': [[torch.tensor(1)], [torch.tensor(3)]], 'data_samples': [[None], [None]]}
    model = CAMTTAModel(Host())
    (sample,) = model.test_step(data)
    torch.testing.assert_close(
        torch.from_numpy(sample.pred_seed.cam), by_max(torch.full((2, 3, 5), 4.0))
    )
    assert 'cam_view' not in sample
