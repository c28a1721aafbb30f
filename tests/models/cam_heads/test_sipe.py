"""SIPE's head against plain torch, and its way from views to the seed."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample

from mmwsss.functional.sipe import image_prototypes, instance_seeds, prototype_maps
from mmwsss.models.views import Views
from mmwsss.registry import MODELS

F64 = torch.float64
CHANNELS, CLASSES = (3, 4, 5, 6), 3
LABEL = torch.tensor([[1.0, 0, 1], [0, 1, 0]], dtype=F64)


@pytest.fixture
def head():
    torch.manual_seed(0)
    projection = {
        'type': 'mmwsss.SideProjection',
        'in_channels': CHANNELS,
        'out_channels': (2, 2, 3, 3),
    }
    config = {'type': 'mmwsss.SIPEHead', 'in_channels': CHANNELS[-1], 'num_classes': CLASSES}
    return MODELS.build({**config, 'projection': projection}).double()


def features(size=(3, 4), seed=0):
    """Four stages, the last two on the same grid."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [tuple(factor * side for side in size) for factor in (4, 2, 1, 1)]
    return tuple(
        torch.randn(2, channels, *size, generator=generator, dtype=F64).relu().requires_grad_()
        for channels, size in zip(CHANNELS, sizes, strict=True)
    )


def valid_mask(size=(3, 4)):
    valid = torch.ones(2, 1, 16 * size[0], 16 * size[1])
    valid[1, :, :, 32:] = 0
    return valid


def norm_cam(raw, valid):
    """Background and CAMs, as published, within the valid area."""
    cam = raw.relu() * valid
    cam = cam / (cam.amax((2, 3), keepdim=True) + 1e-5)
    return torch.cat([1 - cam.amax(1, keepdim=True), cam], dim=1)


def test_the_losses(head):
    output = head(features(), valid_mask())
    losses = head.loss(output, LABEL)
    raw = F.conv2d(output.features[-1], head.classifier.weight)
    expected = F.multilabel_soft_margin_loss(raw.mean((2, 3)), LABEL)
    torch.testing.assert_close(losses['loss_cls'], expected)
    valid = torch.ones(2, 1, 3, 4, dtype=F64)
    valid[1, :, :, 2:] = 0
    mask = torch.cat([torch.ones(2, 1), LABEL], dim=1)[:, :, None, None] * valid
    maps = norm_cam(raw, valid) * mask
    seeds = instance_seeds(output.features[-1], maps, mask)
    found = prototype_maps(output.sides, image_prototypes(seeds, output.sides))
    found = found / (found.amax((2, 3), keepdim=True) + 1e-5)
    torch.testing.assert_close(losses['loss_prototype'], (found - maps).abs().mean())


def test_gradients_reach_cams_and_sides_and_not_the_backbone_through_these(head):
    stages = features()
    output = head(stages, valid_mask())
    head.loss(output, LABEL)['loss_prototype'].backward()
    assert head.classifier.weight.grad.any()
    assert all(side.weight.grad.any() for side in head.projection.sides)
    assert stages[-1].grad.any()  # by the CAMs
    assert all(stage.grad is None for stage in stages[:-1])


def views_of(head, seeds=((3, 4), (6, 8))):
    """Per scale an image and its mirror (already flipped back), as the views come."""
    maps = []
    for number, size in enumerate(seeds):
        for flip in range(2):
            with torch.no_grad():
                stages = features(size, seed=2 * number + flip)
                output = head(stages, valid_mask(size))
            maps.append(head.view_maps(output, 0, torch.tensor([0, 2])))
    return Views(maps, grid=(9, 11), size=(8, 10), classes=[0, 2], sample=None)


def test_views_are_merged_as_published(head):
    views = views_of(head)
    total = torch.zeros(3, 9, 11, dtype=F64)
    mask = torch.tensor([1.0, 1, 0, 1], dtype=F64)[None, :, None, None]
    for first, second in (views.maps[:2], views.maps[2:]):
        raw, sides = (first + second)[None].split([3, 10], dim=1)
        maps = norm_cam(raw, 1)
        seeds = instance_seeds(sides, maps, mask)
        found = prototype_maps(sides, image_prototypes(seeds, sides))
        found = F.interpolate(found, (9, 11), mode='bilinear', align_corners=False)[0]
        total += found[[0, 1, 3]]
    total = total[:, :8, :10]
    total = total / (total.amax((1, 2), keepdim=True) + 1e-5)
    merged = head.merge_views(views)
    torch.testing.assert_close(merged.background, total[0])
    torch.testing.assert_close(merged.cam, total[1:])


def test_an_image_without_classes_has_a_background(head):
    views = views_of(head)
    views = Views(views.maps, views.grid, views.size, [], None)
    merged = head.merge_views(views)
    assert merged.cam.shape == (0, 8, 10)
    assert merged.background.max() > 0.9


def test_sides_of_another_grid_are_refused(head):
    head.projection.grid_stage = 1
    with pytest.raises(ValueError, match=r'\(6, 8\) and the maps \(3, 4\): set grid_stage'):
        head(features(), valid_mask())


def test_in_a_network_the_classes_of_a_view_are_its_samples():
    """Through `CAMSegmentor`: sides travel with the maps."""
    projection = {
        'type': 'mmwsss.SideProjection',
        'in_channels': (4, 8, 16, 32),
        'out_channels': (2, 2, 3, 3),
        'grid_stage': 3,
    }
    backbone = {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'stem_channels': 4}
    model = MODELS.build(
        {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': backbone,
            'cam_head': {
                'type': 'mmwsss.SIPEHead',
                'in_channels': 32,
                'num_classes': 3,
                'projection': projection,
            },
        }
    ).eval()
    sample = SegDataSample(gt_label=LabelData(multi_hot=torch.tensor([1.0, 0, 1])))
    with torch.no_grad():
        (found,) = model.predict(torch.randn(1, 3, 64, 96), [sample])
    assert found.cam_view.maps.shape == (3 + 10, 2, 3)


def test_what_a_config_may_leave_out_and_what_it_may_say(head):
    output = head(features(), valid_mask())
    before = head.loss(output, LABEL)
    head.loss_weight = 0.5
    after = head.loss(output, LABEL)
    assert after['loss_cls'].equal(before['loss_cls'])
    torch.testing.assert_close(after['loss_prototype'], 0.5 * before['loss_prototype'])
    with pytest.raises(ValueError, match='5 classes and the model 3'):
        head.load_state_dict({**head.state_dict(), 'classifier.weight': torch.zeros(5, 6, 1, 1)})
    config = {'type': 'mmwsss.SIPEHead', 'in_channels': 6, 'num_classes': CLASSES}
    projection = {'type': 'mmwsss.SideProjection', 'in_channels': (3,), 'out_channels': (2,)}
    init_cfg = {'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5}
    other = MODELS.build({**config, 'projection': projection, 'init_cfg': init_cfg})
    other.init_weights()
    assert other.classifier.weight.eq(0.5).all() and other.loss_weight == 1


def test_scales_of_one_view_each_are_merged_too(head):
    views = views_of(head)
    single = Views(views.maps[::2], views.grid, views.size, [1], None)
    merged = head.merge_views(single)
    assert merged.cam.shape == (1, 8, 10)
    doubled = Views([2 * maps for maps in single.maps], views.grid, views.size, [1], None)
    again = Views(
        [maps for maps in single.maps for _ in range(2)], *(views.grid, views.size, [1], None)
    )
    for one, other in zip(head.merge_views(doubled), head.merge_views(again), strict=True):
        torch.testing.assert_close(one, other)
