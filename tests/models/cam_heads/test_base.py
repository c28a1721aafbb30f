"""What a host has without doing anything for it."""

import pytest
import torch
import torch.nn.functional as F

from mmwsss.models import cam_heads
from mmwsss.models.cam_heads import BaseCAMHead
from mmwsss.models.views import Views
from mmwsss.structures import CAMOutput


class Plain(BaseCAMHead):
    def forward(self, features, valid, image_label=None):
        return CAMOutput(features, features[0].sigmoid(), valid, raw=features[0])

    def loss(self, output, image_label, data_samples):
        return {}


def make_output(raw=True):
    valid = torch.ones(2, 1, 3, 4)
    valid[1, :, :, 2:] = 0
    maps = torch.randn(2, 5, 3, 4)
    return CAMOutput((maps,), maps.sigmoid(), valid, raw=maps if raw else None)


def make_views(maps):
    return Views(maps, grid=(3, 4), size=(3, 4), classes=[0, 1], sample=None)


@pytest.mark.parametrize('missing', ['forward', 'loss'])
def test_a_host_must_have_forward_and_loss(missing):
    other = {'forward', 'loss'} - {missing}
    half = type('Half', (BaseCAMHead,), {name: getattr(Plain, name) for name in other})
    with pytest.raises(TypeError, match=missing):
        half(3)


def test_every_shipped_host_keeps_the_contract():
    heads = [getattr(cam_heads, name) for name in cam_heads.__all__ if name.endswith('Head')]
    assert len(heads) > 5
    assert all(issubclass(head, BaseCAMHead) for head in heads)


def test_a_view_is_merged_by_the_positive_part_of_the_raw_maps_inside_the_image():
    output, classes = make_output(), torch.tensor([4, 1])
    maps = Plain(5).view_maps(output, 1, classes)
    expected = F.relu(output.raw[1, [4, 1]])
    expected[:, :, 2:] = 0
    assert maps.equal(expected)


def test_a_view_without_raw_maps_is_merged_by_its_cams():
    output = make_output(raw=False)
    maps = Plain(5).view_maps(output, 0, torch.tensor([3]))
    assert maps.equal(output.cam[0, [3]])


def test_views_are_summed_before_they_are_divided():
    first, second = torch.zeros(2, 3, 4), torch.zeros(2, 3, 4)
    first[0, 0, 0], second[0, 2, 3] = 6.0, 3.0
    head, views = Plain(5), make_views([first, second])
    cam, background = head.merge_views(views)
    assert background is None
    assert cam[0, 0, 0] == pytest.approx(1, abs=1e-5) and cam[0, 2, 3] == pytest.approx(
        0.5, abs=1e-5
    )
    assert not cam[1].any()
    assert head.merge_pacam(views).equal(cam)


def test_the_rest_changes_nothing():
    head, output = Plain(5), make_output()
    pacam = torch.rand(2, 5, 3, 4)
    assert head.refine_pacam(output, pacam) is pacam
    assert head.collect(output, torch.ones(2, 5)) is None
    assert not head.pads_full_size and head.num_classes == 5


def test_the_initialisation_of_the_config_is_kept():
    init_cfg = {'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5}
    head = Plain(5, init_cfg)
    head.classifier = torch.nn.Conv2d(2, 5, 1)
    head.init_weights()
    assert head.classifier.weight.eq(0.5).all()
