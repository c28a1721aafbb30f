import pytest
import torch
from mmengine.model import BaseModel
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from view_samples import SIZE, make_segmentor, make_view, merge, resize

from mmwsss.models.cam_heads import BaseCAMHead, MergedMaps
from mmwsss.models.prototypes import BasePrototypeHead
from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.registry import MODELS
from mmwsss.seeds.files import Seed
from mmwsss.structures import CAMOutput

HOST = {'type': 'mmwsss.LinearCAMHead', 'in_channels': 3, 'num_classes': 5}


@MODELS.register_module(force=True)
class LargestView(BaseCAMHead):
    """A host that only implements the contract, and merges views in a way of its own."""

    def forward(self, features, valid, image_label=None):
        return CAMOutput(features, features[0].sigmoid() * valid, valid)

    def loss(self, output, image_label, data_samples):
        return {'loss': output.cam.mean()}

    def view_maps(self, output, index, classes):
        return torch.cat([1 - output.cam[index].amax(0, keepdim=True), output.cam[index, classes]])

    def merge_views(self, views):
        straight = torch.stack([resize(maps, views.grid) for maps in views.maps]).amax(dim=0)
        assert views.classes == [0, 2] and views.sample.img_path == 'a.jpg'
        return MergedMaps(cam=straight[1:], background=straight[0])


def by_max(maps):
    return maps / (maps.amax((1, 2), keepdim=True) + 1e-5)


def test_views_are_flipped_back_resized_summed_and_normalised():
    sizes = ((3, 5), (2, 3), (3, 5), (6, 9))
    views = [torch.rand(2, *size) * (i + 1) for i, size in enumerate(sizes)]
    samples = [
        make_view(views[0]),
        make_view(views[1], flip='horizontal'),
        make_view(views[2], flip='vertical'),
        make_view(views[3]),
    ]
    seed = merge(HOST, samples)
    straight = [views[0], views[1].flip(2), views[2].flip(1), views[3]]
    expected = by_max(sum(resize(view, (3, 5)) for view in straight))
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected)
    assert isinstance(seed, Seed)
    assert seed.classes.tolist() == [1, 4]
    assert seed.size == SIZE
    assert seed.pacam is None
    assert seed.background is None


def test_the_pacam_is_merged_as_the_cam_is():
    cam, pacam = torch.rand(2, 2, 3, 5), torch.rand(2, 2, 3, 5)
    views = [
        make_view(cam[0], pacam=pacam[0]),
        make_view(cam[1], flip='horizontal', pacam=pacam[1]),
    ]
    seed = merge(HOST, views)
    for found, maps in ((seed.cam, cam), (seed.pacam, pacam)):
        torch.testing.assert_close(torch.from_numpy(found), by_max(maps[0] + maps[1].flip(2)))


def test_a_strong_view_outweighs_a_faint_one():
    """By hand: views are summed before the one division, not normalised one by one."""
    first, second = torch.zeros(1, 3, 5), torch.zeros(1, 3, 5)
    first[0, 0, 0], second[0, 2, 4] = 8.0, 2.0
    cam = merge(HOST, [make_view(maps, classes=(0,)) for maps in (first, second)]).cam
    assert cam[0, 0, 0] == pytest.approx(1, abs=1e-5)
    assert cam[0, 2, 4] == pytest.approx(0.25, abs=1e-5)


def test_full_size_maps_lie_on_irns_padded_grid():
    views = [torch.rand(2, 3, 5), torch.rand(2, 6, 9)]
    seed = merge(HOST, [make_view(view) for view in views], full_size=True)
    padded = sum(resize(view, (16, 32)) for view in views)  # multiples of 16
    expected = by_max(padded[:, :10, :18])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected)


@pytest.mark.parametrize('full_size', [False, True])
def test_an_image_without_a_class_gives_an_empty_seed(full_size):
    views = [make_view(torch.zeros(0, h, 5), classes=()) for h in (3, 6)]
    seed = merge(HOST, views, full_size=full_size)
    assert seed.cam.shape == ((0, 10, 18) if full_size else (0, 3, 5))
    assert seed.classes.tolist() == []


def test_views_go_through_the_model(monkeypatch):
    """The whole way of `test_step`, with a model whose view says which it was."""
    segmentor = make_segmentor(HOST)

    def see(data):
        return [make_view(torch.full((2, 3, 5), float(image[0, 0, 0]))) for image in data['inputs']]

    monkeypatch.setattr(segmentor, 'test_step', see)
    images = [[torch.full((3, 2, 2), value)] for value in (1, 3)]
    data = {'inputs': images, 'data_samples': [[None], [None]]}
    (sample,) = CAMTTAModel(segmentor).test_step(data)
    torch.testing.assert_close(
        torch.from_numpy(sample.pred_seed.cam), by_max(torch.full((2, 3, 5), 4.0))
    )
    assert 'cam_view' not in sample


@pytest.mark.parametrize(('full_size', 'grid'), [(False, (3, 5)), (True, SIZE)])
def test_a_host_of_another_package_merges_views_in_its_own_way(full_size, grid):
    segmentor = make_segmentor({'type': 'mmwsss.LargestView', 'num_classes': 3})
    images, views = [torch.randn(1, 3, 4, 6), torch.randn(1, 3, 2, 3)], []
    for image, flip in zip(images, (None, 'horizontal'), strict=True):
        sample = SegDataSample(
            metainfo={
                'img_path': 'a.jpg',
                'ori_shape': SIZE,
                'flip': bool(flip),
                'flip_direction': flip,
            }
        )
        sample.gt_label = LabelData(multi_hot=torch.tensor([1.0, 0.0, 1.0]))
        views += segmentor.predict(image, [sample])
    (merged,) = CAMTTAModel(segmentor, full_size=full_size).merge_preds([views])
    seed, straight = merged.pred_seed, [images[0][0].sigmoid(), images[1][0].sigmoid().flip(2)]
    cams = torch.stack([resize(maps, grid) for maps in straight]).amax(0)[[0, 2]]
    left = torch.stack([resize(1 - maps.amax(0, keepdim=True), grid) for maps in straight]).amax(0)
    torch.testing.assert_close(torch.from_numpy(seed.cam), cams)
    torch.testing.assert_close(torch.from_numpy(seed.background), left[0])


class Another(BaseModel):
    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


def test_another_network_is_refused():
    with pytest.raises(ValueError, match=r'not of an? Another: set tta_model'):
        CAMTTAModel(Another())


@pytest.mark.parametrize('amp', [None, False, True])
def test_views_are_seen_under_autocast_where_it_is_asked_for(monkeypatch, amp):
    segmentor, seen = make_segmentor(HOST), []

    def see(data):
        seen.append((torch.is_autocast_enabled('cpu'), torch.get_autocast_dtype('cpu')))
        return [make_view(torch.ones(2, 3, 5, dtype=torch.bfloat16)) for _ in data['inputs']]

    monkeypatch.setattr(segmentor, 'test_step', see)
    model = CAMTTAModel(segmentor, **({} if amp is None else {'amp': amp}))
    data = {'inputs': [[torch.zeros(3, 2, 2)]], 'data_samples': [[None]]}
    (sample,) = model.test_step(data)
    assert seen[0][0] == bool(amp) and seen[0][1] == torch.bfloat16
    assert sample.pred_seed.cam.dtype == 'float32'
    assert not torch.is_autocast_enabled('cpu')


@MODELS.register_module(force=True)
class WithBackground(BasePrototypeHead):
    """A plug-in whose maps have a background, and are merged by their smallest value."""

    has_background = True

    def loss(self, output, image_label):
        return {}

    def predict(self, output, image_label):
        return output.cam

    def merge_views(self, views):
        smallest = torch.stack([resize(maps, views.grid) for maps in views.maps]).amin(dim=0)
        return smallest[1:], smallest[0]


@pytest.mark.parametrize('background', [True, False])
def test_maps_with_a_background_are_merged_by_the_plug_in_itself(background):
    plug_in = {'type': 'mmwsss.WithBackground', 'num_classes': 5}
    segmentor = make_segmentor(HOST, prototype_head=plug_in)
    segmentor.prototype_head.has_background = background
    maps, pacams = torch.rand(2, 2, 3, 5), torch.rand(2, 2 + background, 3, 5)
    views = [make_view(one, pacam=pacam) for one, pacam in zip(maps, pacams, strict=True)]
    (merged,) = CAMTTAModel(segmentor).merge_preds([views])
    seed = merged.pred_seed
    torch.testing.assert_close(torch.from_numpy(seed.cam), by_max(maps.sum(0)))
    if background:
        torch.testing.assert_close(torch.from_numpy(seed.pacam), pacams.amin(0)[1:])
        torch.testing.assert_close(torch.from_numpy(seed.pacam_background), pacams.amin(0)[0])
    else:
        torch.testing.assert_close(torch.from_numpy(seed.pacam), by_max(pacams.sum(0)))
        assert seed.pacam_background is None


def test_full_size_maps_of_whole_cells_lie_on_the_grid_of_the_image():
    """They were brought to the image before: IRN's padding would move them."""
    segmentor = make_segmentor(HOST)
    segmentor.backbone.cell_size = 14
    maps = torch.rand(2, 3, 5)
    (merged,) = CAMTTAModel(segmentor, full_size=True).merge_preds([[make_view(maps)]])
    expected = by_max(resize(maps, SIZE))
    torch.testing.assert_close(torch.from_numpy(merged.pred_seed.cam), expected)
