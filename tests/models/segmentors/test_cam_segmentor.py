import copy
from dataclasses import replace

import pytest
import small_networks  # noqa: F401 (registers TwoStages)
import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.functional.cells import pad_to_cells, spread_over_image
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput


@MODELS.register_module(force=True)
class Doubling(nn.Module):
    def forward(self, features):
        return tuple(2 * feature for feature in features)


class SameName(nn.Module):
    def loss(self, output, image_label):
        return {'loss_cls': output.cam.sum()}


HOST = {
    'type': 'mmwsss.CAMSegmentor',
    'backbone': {'type': 'mmwsss.TwoStages'},
    'cam_head': {'type': 'mmwsss.LinearCAMHead', 'in_channels': 6, 'num_classes': 3},
    'data_preprocessor': {
        'type': 'mmwsss.CAMDataPreProcessor',
        'mean': [1.0] * 3,
        'std': [2.0] * 3,
        'size_divisor': 1,
    },
}
PLUGGED = HOST | {
    'prototype_head': {
        'type': 'mmwsss.PrototypeAwareCAMHead',
        'num_classes': 3,
        'projection': {
            'type': 'mmwsss.SideProjection',
            'in_channels': (4, 6),
            'out_channels': (2, 3),
            'grid_stage': 0,  # a finer grid than that of the CAM
        },
        'bank': {'length': 5, 'num_prototypes': 2},
    }
}
AMN = HOST | {'cam_head': HOST['cam_head'] | {'type': 'mmwsss.AMNHead', 'dilations': (1, 2)}}
PLUGGED_AMN = PLUGGED | {'cam_head': AMN['cam_head']}
LABELS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
PLUGGED_CELLS = PLUGGED | {
    'backbone': {'type': 'mmwsss.Cells'},
    'prototype_head': PLUGGED['prototype_head']
    | {'projection': {'type': 'mmwsss.IdentityProjection', 'in_channels': 6}},
}


@pytest.fixture(autouse=True)
def scope():
    """As every config has it: mmengine builds the preprocessor from the default scope."""
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def build(config=HOST, seed=0):
    torch.manual_seed(seed)
    model = MODELS.build(copy.deepcopy(config))
    model.init_weights()
    return model


def make_samples(labels=LABELS, valid=True, size=(16, 24)):
    samples = []
    for index, label in enumerate(labels):
        sample = SegDataSample(metainfo={'img_path': f'{index}.jpg'})
        sample.gt_label = LabelData(multi_hot=label)
        if valid:
            mask = torch.ones(1, *size, dtype=torch.uint8)
            mask[:, :, 16:] = index == 0
            sample.valid_mask = PixelData(data=mask)
        pixels = torch.arange(size[0] * size[1]).view(1, *size)
        sample.gt_sem_seg = PixelData(data=(pixels % 7 + index) % 4)  # all classes
        samples.append(sample)
    return samples


def images(number=2, size=(16, 24)):
    return torch.randn(number, 3, *size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ('host', 'plugged', 'name'),
    [(HOST, PLUGGED, 'loss_cls'), (AMN, PLUGGED_AMN, 'loss_pixel')],
    ids=['linear', 'amn'],
)
def test_without_a_plug_in_it_is_the_host_to_the_last_bit(host, plugged, name):
    gradients, losses = [], []
    for config in (host, plugged):
        model = build(config)
        torch.manual_seed(1)  # of the dropout, as EpochSeedHook does
        loss = model.loss(images(), make_samples())
        sum(loss.values()).backward()
        losses.append(loss[name])
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    assert losses[0].equal(losses[1])
    for name, gradient in gradients[0].items():
        assert gradient.equal(gradients[1][name]), name
    assert all(gradient is not None for gradient in gradients[1].values())


def test_valid_masks_of_all_samples_reach_the_head():
    model = build()
    cam = model.compute_cam(images(), make_samples()).cam
    assert cam[0, :, :, 4:].any()
    assert cam[1, :, :, :4].any()
    assert not cam[1, :, :, 4:].any()  # padding from column 16 on, stride 4
    whole = model.compute_cam(images(), make_samples(valid=False)).cam
    assert whole[1, :, :, 4:].any()
    assert model(images(), mode='tensor').equal(whole)
    assert model.encode_decode(images(), make_samples()).equal(cam)


def test_image_labels_of_all_samples_reach_the_head():
    model = build(AMN).eval()
    outputs = [model.compute_cam(images(), make_samples(each)) for each in (LABELS, LABELS.flip(0))]
    expected = model.cam_head(model.extract_feat(images()), torch.ones(2, 1, 16, 24), LABELS)
    assert outputs[0].pixel_logits.equal(expected.pixel_logits)
    assert not outputs[0].pixel_logits[0].equal(outputs[1].pixel_logits[0])
    cam = model(images(), make_samples(), mode='tensor')
    assert cam.equal(outputs[0].cam)


def test_the_mask_of_each_sample_reaches_the_head():
    model = build(AMN).eval()
    for classifier in model.cam_head.classifiers:
        classifier.weight.data *= 100
    logits = model.compute_cam(images(), make_samples()).pixel_logits
    target = torch.cat([sample.gt_sem_seg.data for sample in make_samples()])[:, 2::4, 2::4]
    assert not target[0].equal(target[1])
    expected = model.cam_head.pixel_loss(logits, target)
    torch.testing.assert_close(model.loss(images(), make_samples())['loss_pixel'], expected)


def test_a_host_that_needs_labels_asks_for_samples():
    with pytest.raises(ValueError, match='AMNHead is told the image label of every image'):
        build(AMN)(images(), mode='tensor')
    samples = make_samples()
    for sample in samples:
        del sample.gt_label
    with pytest.raises(ValueError, match='AMNHead is told the image label of every image'):
        build(AMN)(images(), samples, mode='tensor')
    assert build(HOST)(images(), samples, mode='tensor').shape == (2, 3, 4, 6)


def test_a_view_of_a_host_with_logits_has_those_of_all_classes():
    model = build(PLUGGED_AMN).eval()
    model.loss(images(), make_samples())
    model.prototype_head.update_context_prototypes(0)
    output = model.compute_cam(images(), make_samples())
    pacam = model.prototype_head.predict(output, LABELS)
    views = [sample.cam_view for sample in model.predict(images(), make_samples())]
    for index, classes in enumerate(([0, 2], [])):
        view = views[index]
        assert view.metainfo['classes'] == classes
        assert view.maps.equal(output.pixel_logits[index])
        assert view.maps.shape == (4, 4, 6)
        resized = F.interpolate(pacam, (4, 6), mode='bilinear', align_corners=False)
        assert view.pacam.equal(resized[index, classes])


def test_a_neck_stands_between_backbone_and_head():
    plain, necked = build(), build(HOST | {'neck': {'type': 'mmwsss.Doubling'}})
    for single, double in zip(
        plain.extract_feat(images()), necked.extract_feat(images()), strict=True
    ):
        assert double.equal(2 * single)
    raw = [model.compute_cam(images()).raw for model in (plain, necked)]
    torch.testing.assert_close(2 * raw[0], raw[1])


def test_a_view_has_the_maps_of_the_present_classes():
    model = build(PLUGGED)
    model.loss(images(), make_samples())
    model.prototype_head.update_context_prototypes(0)
    samples = model.predict(images(), make_samples())
    output = model.compute_cam(images(), make_samples())
    pacam = model.prototype_head.predict(output, LABELS)
    assert pacam.shape[-2:] == (8, 12)
    view = samples[0].cam_view
    assert view.metainfo['classes'] == [0, 2]
    assert view.maps.equal(F.relu(output.raw[0, [0, 2]]))  # not normalised
    expected = F.interpolate(pacam[:1, [0, 2]], (4, 6), mode='bilinear', align_corners=False)[0]
    assert view.pacam.equal(expected)
    assert view.pacam.any()
    empty = samples[1].cam_view
    assert empty.metainfo['classes'] == []
    assert empty.maps.shape == empty.pacam.shape == (0, 4, 6)


def test_the_padding_of_a_view_is_zero():
    labels = torch.ones(2, 3)
    view = build().predict(images(), make_samples(labels))[1].cam_view
    assert not view.maps[:, :, 4:].any()
    assert view.maps[:, :, :4].any()
    assert 'pacam' not in view


def test_two_parts_may_not_return_a_loss_of_one_name():
    model = build()
    model.prototype_head = SameName()
    with pytest.raises(ValueError, match='loss_cls'):
        model.loss(images(), make_samples())


@pytest.mark.parametrize('mode', ['loss', 'predict'])
def test_an_image_without_a_label_is_named(mode):
    samples = make_samples()
    del samples[1].gt_label
    with pytest.raises(ValueError, match=r'1\.jpg carries no image label.*ImageLabelDataset'):
        build()(images(), samples, mode=mode)


@pytest.mark.parametrize(
    ('option', 'contract'), [('cam_head', 'BaseCAMHead'), ('prototype_head', 'BasePrototypeHead')]
)
def test_a_head_that_does_not_keep_its_contract_is_refused(option, contract):
    config = HOST | {option: {'type': 'mmwsss.Doubling'}}
    message = (
        rf'model\.{option} is a Doubling, which is no {contract}: derive it from mmwsss\.models'
    )
    with pytest.raises(ValueError, match=message):
        build(config)


def test_heads_of_different_classes_are_refused():
    plugin = PLUGGED['prototype_head'] | {'num_classes': 5}
    with pytest.raises(ValueError, match=r'cam_head has 3 classes and model\.prototype_head 5'):
        build(HOST | {'prototype_head': plugin})


def test_another_number_of_classes_is_said():
    with pytest.raises(ValueError, match='4 foreground classes and the model 3'):
        build().loss(images(), make_samples(torch.zeros(2, 4)))


def test_collect_preprocesses_and_fills_the_bank_alone():
    models = build(PLUGGED), build(PLUGGED)
    raw = (images() * 40).clamp(0, 255).to(torch.uint8)
    batch = {'inputs': list(raw), 'data_samples': make_samples()}
    before = copy.deepcopy(dict(models[0].named_parameters()))
    models[0].collect(batch)
    valid = torch.stack([sample.valid_mask.data for sample in make_samples()])
    output = models[1].compute_cam((raw.float() - 1) / 2 * valid, make_samples())
    models[1].prototype_head.loss(output, LABELS)
    for (name, one), other in zip(
        models[0].prototype_head.named_buffers(), models[1].prototype_head.buffers(), strict=True
    ):
        torch.testing.assert_close(one, other, msg=lambda text, n=name: f'{n}: {text}')
    assert models[0].prototype_head.bank.count.tolist() == [1, 0, 1]
    for name, parameter in models[0].named_parameters():
        assert parameter.equal(before[name])
        assert parameter.grad is None


def test_the_heads_result_is_handed_on_unchanged(monkeypatch):
    model, seen = build(PLUGGED), []

    def record(output, label):
        seen.append(output)
        return {}

    monkeypatch.setattr(model.prototype_head, 'loss', record)
    model.loss(images(), make_samples())
    (output,) = seen
    assert isinstance(output, CAMOutput)
    assert output.cam.requires_grad
    assert [feature.shape[1] for feature in output.features] == [4, 6]


def test_a_host_without_raw_maps_is_merged_by_its_cams(monkeypatch):
    model = build()
    output = model.compute_cam(images(), make_samples())
    monkeypatch.setattr(model, 'compute_cam', lambda *args: replace(output, raw=None))
    view = model.predict(images(), make_samples())[0].cam_view
    assert view.maps.equal(output.cam[0, [0, 2]])


@MODELS.register_module(force=True)
class Cells(nn.Module):
    """A backbone whose maps consist of whole cells of 8 pixels."""

    cell_size = 8

    def forward(self, inputs):
        padded = pad_to_cells(inputs, self.cell_size)
        return (F.avg_pool2d(padded, self.cell_size).repeat(1, 2, 1, 1),)


def test_maps_of_whole_cells_are_brought_to_the_image():
    """13 x 21 pixels: 2 x 3 cells, of which the last ones stick out of the image."""
    model = build(PLUGGED_CELLS)
    inputs, samples = images(size=(13, 21)), make_samples(size=(13, 21))
    model.loss(inputs, samples)
    model.prototype_head.update_context_prototypes(0)
    output = model.compute_cam(inputs, samples)
    # a cell is in the image if more than half of it is
    assert output.valid[:, 0].tolist() == [[[1, 1, 1], [1, 1, 0]], [[1, 1, 0], [1, 1, 0]]]
    pacam = model.prototype_head.predict(output, LABELS)
    view = model.predict(inputs, samples)[0].cam_view
    for found, maps in ((view.maps, F.relu(output.raw) * output.valid), (view.pacam, pacam)):
        torch.testing.assert_close(found, spread_over_image(maps[0, [0, 2]], 8, (13, 21)))
        assert not torch.allclose(found, maps[0, [0, 2]])


def test_a_plug_in_with_a_background_has_it_in_the_view_and_the_host_leaves_it_alone(monkeypatch):
    plugin = PLUGGED['prototype_head'] | {'background': 'prototype'}
    model = build(HOST | {'prototype_head': plugin})
    model.loss(images(), make_samples())
    model.prototype_head.update_context_prototypes(0)
    monkeypatch.setattr(model.cam_head, 'refine_pacam', None)  # knows no background
    output = model.compute_cam(images(), make_samples())
    maps = model.prototype_head.predict(output, LABELS)
    resized = F.interpolate(maps, (4, 6), mode='bilinear', align_corners=False)
    views = [sample.cam_view for sample in model.predict(images(), make_samples())]
    assert views[0].pacam.equal(resized[0, [0, 1, 3]])
    assert views[1].pacam.equal(resized[1, [0]])


def test_the_host_refines_the_maps_of_a_plug_in(monkeypatch):
    model = build(PLUGGED)
    model.loss(images(), make_samples())
    model.prototype_head.update_context_prototypes(0)
    plain = model.predict(images(), make_samples())[0].cam_view.pacam
    seen = []

    def double(output, pacam):
        seen.append(output)
        return 2 * pacam

    monkeypatch.setattr(model.cam_head, 'refine_pacam', double)
    assert model.predict(images(), make_samples())[0].cam_view.pacam.equal(2 * plain)
    assert isinstance(seen[0], CAMOutput)


def test_a_plug_in_may_be_added_to_a_trained_host_and_half_a_host_is_refused():
    host, plugged = build(), build(PLUGGED, seed=1)
    plugged.load_state_dict(host.state_dict(), strict=False)
    assert plugged.cam_head.classifier.weight.equal(host.cam_head.classifier.weight)
    state = host.state_dict()
    del state['backbone.first.bias']
    with pytest.raises(ValueError, match=r'backbone\.first\.bias'):
        plugged.load_state_dict(state, strict=False)


def test_a_plug_in_draws_no_number_of_the_hosts():
    after = []
    for config in (HOST, PLUGGED):
        torch.manual_seed(0)
        MODELS.build(copy.deepcopy(config))
        after.append(torch.rand(1))
    assert after[0].equal(after[1])


def test_a_host_collects_too(monkeypatch):
    model, seen = build(), []
    monkeypatch.setattr(
        model.cam_head, 'collect', lambda output, label: seen.append((output, label))
    )
    raw = (images() * 40).clamp(0, 255).to(torch.uint8)
    model.collect({'inputs': list(raw), 'data_samples': make_samples()})
    ((output, label),) = seen
    assert label.equal(LABELS) and not output.cam.requires_grad


def test_images_of_several_sizes_are_collected_as_one_batch():
    """As in a training they are padded, which is no part of the image."""
    model, seen, sizes = build(PLUGGED), [], ((16, 24), (12, 20))
    model.prototype_head.collect = lambda output, label: seen.append(output.valid)
    samples = [make_samples(torch.ones(1, 3), size=size)[0] for size in sizes]
    raw = [torch.full((3, *size), 9, dtype=torch.uint8) for size in sizes]
    model.collect({'inputs': raw, 'data_samples': samples})
    assert seen[0].shape == (2, 1, 4, 6)
    assert seen[0].sum(dim=(1, 2, 3)).tolist() == [4 * 6, 3 * 5]


def test_the_initialisation_of_the_config_is_kept():
    init_cfg = {'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5}
    assert build(HOST | {'init_cfg': init_cfg}).cam_head.classifier.weight.eq(0.5).all()
