import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine import dist
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.functional.affinity import (
    affinity_loss_terms,
    displacement_loss_terms,
    pair_affinity,
    pair_kinds,
    sources,
)
from mmwsss.registry import MODELS

CHANNELS = (4, 16, 32, 64, 128)
CONFIG = {
    'type': 'mmwsss.IRNet',
    'backbone': {
        'type': 'mmwsss.ResNetWithStem',
        'depth': 50,
        'stem_channels': 4,
        'base_channels': 4,
        'num_stages': 4,
        'strides': (1, 2, 2, 1),
        'dilations': (1, 1, 1, 1),
    },
    'in_channels': CHANNELS,
    'radius': 4,
    'pad_to': 96,
    'data_preprocessor': {
        'type': 'mmwsss.CAMDataPreProcessor',
        'mean': [100.0] * 3,
        'std': [50.0] * 3,
        'size_divisor': 1,
    },
}
BLOCKS = (3, 4, 6, 3)


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def build(**options):
    """An IRNet all of whose parameters and statistics are random."""
    torch.manual_seed(0)
    model = MODELS.build({**copy.deepcopy(CONFIG), **options})
    for name, value in model.state_dict().items():
        if value.is_floating_point() and value.dim() == 1:
            value.uniform_(0.5, 1.5)
            if name.endswith(('bias', 'running_mean', 'mean_shift')):
                value.sub_(1)
    return model.eval()


def images(*size, number=2):
    return torch.randn(number, 3, *size, generator=torch.Generator().manual_seed(1))


def plain_resnet(state, x):
    """ResNet-50 with stride in the 3x3, batch norm by its formula; stem and four stages."""

    def norm(name, x):
        shape = (1, -1, 1, 1)
        mean, variance, weight, bias = (
            state[f'{name}.{part}'].view(shape)
            for part in ('running_mean', 'running_var', 'weight', 'bias')
        )
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    x = norm('bn1', F.conv2d(x, state['conv1.weight'], stride=2, padding=3)).relu()
    outputs = [F.max_pool2d(x, 3, 2, 1)]
    for stage, (blocks, stride) in enumerate(zip(BLOCKS, (1, 2, 2, 1), strict=True), start=1):
        x = outputs[-1]
        for block in range(blocks):
            p, s = f'layer{stage}.{block}', stride if block == 0 else 1
            y = norm(f'{p}.bn1', F.conv2d(x, state[f'{p}.conv1.weight'])).relu()
            y = F.conv2d(y, state[f'{p}.conv2.weight'], stride=s, padding=1)
            y = norm(f'{p}.bn2', y).relu()
            y = norm(f'{p}.bn3', F.conv2d(y, state[f'{p}.conv3.weight']))
            if block == 0:
                x = F.conv2d(x, state[f'{p}.downsample.0.weight'], stride=s)
                x = norm(f'{p}.downsample.1', x)
            x = (x + y).relu()
        outputs.append(x)
    return outputs


def plain_branches(state, xs):
    """Boundaries and displacements as described, from the five feature maps."""

    def unit(name, groups, x, up=1):
        weight, bias = state[f'{name}.1.weight'], state[f'{name}.1.bias']
        x = F.group_norm(F.conv2d(x, state[f'{name}.0.weight']), groups, weight, bias)
        if up > 1:
            x = F.interpolate(x, scale_factor=up, mode='bilinear', align_corners=False)
        return x.relu()

    def crop(x, like):
        return x[:, :, : like.shape[2], : like.shape[3]]

    edges = [
        unit(f'edge_branch.projections.{k}', 4, x, up)
        for k, (x, up) in enumerate(zip(xs, (1, 1, 2, 4, 4), strict=True))
    ]
    edges = torch.cat([crop(edge, edges[1]) for edge in edges], 1)
    assert edges.shape[1] == 160
    name = 'edge_branch.classifier'
    edge = F.conv2d(edges, state[f'{name}.weight'], state[f'{name}.bias'])

    name = 'displacement_branch'
    d1, d2, d3, d4, d5 = (
        unit(f'{name}.projections.{k}', groups, x, up)
        for k, (x, groups, up) in enumerate(
            zip(xs, (8, 16, 16, 16, 16), (1, 1, 1, 2, 2), strict=True)
        )
    )
    deep = torch.cat([d3, crop(d4, d3), crop(d5, d3)], 1)
    assert deep.shape[1] == 768
    deep = crop(unit(f'{name}.deep', 16, deep, 2), d2)
    merged = torch.cat([d1, d2, deep], 1)
    assert merged.shape[1] == 448
    merged = unit(f'{name}.merge', 16, merged)
    return edge, F.conv2d(merged, state[f'{name}.regressor.weight'])


def plain_irnet(model, x, canvas):
    """Edge logits and displacements before the mean shift, on the grid of the image."""
    state = model.state_dict()
    backbone = {
        name.removeprefix('backbone.'): value
        for name, value in state.items()
        if name.startswith('backbone.')
    }
    height, width = x.shape[2:]
    padded = torch.zeros(len(x), 3, *canvas)
    padded[:, :, :height, :width] = x
    outputs = plain_branches(state, plain_resnet(backbone, padded))
    return [out[:, :, : (height + 3) // 4, : (width + 3) // 4] for out in outputs]


def close(found, expected):
    scale = expected.abs().max().item()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize(
    ('size', 'canvas'),
    [((75, 53), (96, 96)), ((96, 96), (96, 96)), ((61, 130), (96, 130)), ((113, 99), (113, 99))],
)
def test_the_network_is_that_of_its_description(size, canvas):
    model = build()
    with torch.no_grad():
        edge, displacement = model(images(*size), mode='tensor')
        expected_edge, expected = plain_irnet(model, images(*size), canvas)
    close(edge, expected_edge)
    close(displacement, expected - model.displacement_branch.mean_shift.view(1, 2, 1, 1))


def test_the_groups_of_the_norms():
    model = build()
    groups = {
        name: [m.num_groups for m in branch.modules() if isinstance(m, nn.GroupNorm)]
        for name, branch in (('edge', model.edge_branch), ('dp', model.displacement_branch))
    }
    assert groups == {'edge': [4] * 5, 'dp': [8, 16, 16, 16, 16, 16, 16]}


def test_padding_is_seen_by_the_norms():
    image = images(48, 64)
    with torch.no_grad():
        padded, bare = (build(pad_to=pad_to)(image)[0] for pad_to in (96, 16))
    assert padded.shape == bare.shape == (2, 1, 12, 16)
    assert (padded - bare).abs().mean() > 0.01 * bare.abs().mean()


def test_the_released_code_crops_larger_images():
    image = images(130, 70)
    with torch.no_grad():
        cropped = build(released_crop=True)(image)
        expected = build()(image[:, :, :96])
    for one, other in zip(cropped, expected, strict=True):
        assert one.shape[-2:] == (24, 18)
        close(one, other)
    label = labels(130, 70)
    losses = build(released_crop=True).loss(image, make_samples(label))
    expected = build().loss(image[:, :, :96], make_samples(label[:, :96]))
    torch.testing.assert_close(losses, expected)


def labels(height, width, number=2):
    """Blocks of 8 pixels of random classes, one of them ignored."""
    generator = torch.Generator().manual_seed(2)
    coarse = torch.randint(0, 4, (number, -(-height // 8), -(-width // 8)), generator=generator)
    coarse[coarse == 3] = 255
    return coarse.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :height, :width]


def make_samples(label):
    samples = []
    for index, one in enumerate(label):
        sample = SegDataSample(metainfo={'img_path': f'{index}.jpg'})
        sample.gt_sem_seg = PixelData(data=one[None])
        samples.append(sample)
    return samples


def test_the_sum_of_the_losses_is_that_of_irn():
    model = build().train()
    image, label = images(72, 100), labels(72, 100)
    losses = model.loss(image, make_samples(label))
    edge, displacement = model(image)
    kinds = pair_kinds(label[:, 2::4, 2::4], 4, 255)
    affinity = sources(pair_affinity(edge[:, 0].sigmoid(), 4), 4)
    total, count = affinity_loss_terms(affinity, kinds)
    bg, fg, neg = total / count
    pos = bg / 2 + fg / 2
    total, count = displacement_loss_terms(displacement, kinds, 4)
    dp_bg, dp_fg = total / count
    assert all(count)
    torch.testing.assert_close(sum(losses.values()), (pos + neg) / 2 + (dp_fg + dp_bg) / 2)
    parts = {
        'loss_affinity_pos': pos / 2,
        'loss_affinity_neg': neg / 2,
        'loss_displacement_bg': dp_bg / 2,
        'loss_displacement_fg': dp_fg / 2,
    }
    for name, part in parts.items():
        torch.testing.assert_close(losses[name], part)
    assert losses.keys() == parts.keys()


def test_labels_without_a_pair_give_zero_and_no_nan():
    model = build().train()
    losses = model.loss(images(40, 56), make_samples(torch.full((2, 40, 56), 255)))
    assert [value.item() for value in losses.values()] == [0, 0, 0, 0]
    sum(losses.values()).backward()
    gradients = [p.grad for p in model.edge_branch.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)


def test_only_the_branches_learn():
    model = build().train()
    before = copy.deepcopy(dict(model.backbone.state_dict()))
    sum(model.loss(images(72, 100), make_samples(labels(72, 100))).values()).backward()
    for name, parameter in model.named_parameters():
        if name.startswith('backbone.'):
            assert parameter.grad is None, name
            assert not parameter.requires_grad, name
        else:
            assert parameter.grad.any(), name
    assert not any(module.training for module in model.backbone.modules())
    assert model.edge_branch.training
    for name, value in model.backbone.state_dict().items():
        assert value.equal(before[name]), name
    inputs = images(40, 56).requires_grad_()
    assert not any(feature.requires_grad for feature in model.extract_feat(inputs))


def test_the_mean_is_subtracted_in_evaluation_only():
    model = build()
    model.displacement_branch.mean_shift.copy_(torch.tensor([3.0, -5.0]))
    with torch.no_grad():
        edge, shifted = model(images(40, 56))
        same_edge, raw = model.train()(images(40, 56))
    torch.testing.assert_close(edge, same_edge)
    close(raw - shifted, torch.tensor([3.0, -5.0]).view(1, 2, 1, 1).expand_as(raw))


@pytest.mark.parametrize('training', [False, True])
def test_the_mean_is_measured_over_all_cells_of_all_batches(training):
    model = build().train()
    raw = [torch.randint(0, 256, (3, 40, 56), dtype=torch.uint8) for _ in range(3)]
    batches = [
        {'inputs': part, 'data_samples': make_samples(torch.zeros(len(part), 40, 56))}
        for part in (raw[:2], raw[2:])
    ]
    with torch.no_grad():
        fields = model((torch.stack(raw).float() - 100) / 50)[1]
    model.train(training).measure_mean_shift(batches)
    close(model.displacement_branch.mean_shift, fields.mean((0, 2, 3)))
    assert model.training == training
    with torch.no_grad():
        centred = model.eval()((torch.stack(raw).float() - 100) / 50)[1]
    assert centred.mean((0, 2, 3)).abs().max() < 1e-4 * fields.abs().max()


def test_the_mean_is_of_the_cells_of_all_processes(monkeypatch):
    raw = [torch.randint(0, 256, (3, 40, 56), dtype=torch.uint8) for _ in range(2)]

    def measured():
        model = build()
        samples = make_samples(torch.zeros(2, 40, 56))
        model.measure_mean_shift([{'inputs': raw, 'data_samples': samples}])
        return model.displacement_branch.mean_shift

    alone, cells = measured(), 2 * 10 * 14
    other = torch.tensor([50.0, -80.0, 20])  # of another process: sums over 20 cells
    monkeypatch.setattr(dist, 'all_reduce', lambda total: total.add_(other))
    torch.testing.assert_close(measured(), (alone * cells + other[:2]) / (cells + 20))


def test_a_view_has_the_logits_of_its_image():
    model = build()
    samples = make_samples(labels(40, 56))
    with torch.no_grad():
        assert model(images(40, 56), samples, mode='predict') is samples
        edge, _ = model(images(40, 56))
        assert model.encode_decode(images(40, 56), samples).equal(edge)
    for sample, logits in zip(samples, edge, strict=True):
        assert sample.edge_view.data.equal(logits)
        assert logits.shape == (1, 10, 14)
    assert edge.min() < 0 or edge.max() > 1  # no probabilities yet


def test_everything_is_in_the_checkpoint():
    model, other = build(), MODELS.build(copy.deepcopy(CONFIG)).eval()
    other.load_state_dict(model.state_dict())
    assert 'displacement_branch.mean_shift' in model.state_dict()
    with torch.no_grad():
        for one, two in zip(model(images(40, 56)), other(images(40, 56)), strict=True):
            assert one.equal(two)


def test_one_feature_map_may_be_read_twice():
    """A backbone without a stem's output at stride 4, as EfficientNet-Lite0."""
    backbone = CONFIG['backbone'] | {'type': 'ResNet'}
    model = build(backbone=backbone, in_indices=(0, 0, 1, 2, 3), in_channels=(16, *CHANNELS[1:]))
    with torch.no_grad():
        stages = model.backbone(F.pad(images(40, 56), (0, 40, 0, 56)))
        expected, _ = plain_branches(model.state_dict(), [stages[0], *stages])
        close(model(images(40, 56))[0], expected[:, :, :10, :14])


@pytest.mark.parametrize('strides', [(2, 4, 8, 16, 16), (4, 4, 6, 16, 16), (4, 4, 8, 12, 16)])
def test_strides_that_do_not_fit_are_refused(strides):
    with pytest.raises(ValueError, match='strides'):
        build(strides=strides)


def test_deeper_strides_are_enlarged_further():
    backbone = CONFIG['backbone'] | {'strides': (1, 2, 2, 2)}
    model = build(backbone=backbone, strides=(4, 4, 8, 16, 32))
    with torch.no_grad():
        edge, displacement = model(images(70, 33))
    assert edge.shape == (2, 1, 18, 9)
    assert displacement.shape == (2, 2, 18, 9)


def test_an_image_without_a_label_map_is_named():
    samples = make_samples(labels(40, 56))
    del samples[1].gt_sem_seg
    with pytest.raises(ValueError, match=r'1\.jpg carries no ir_label'):
        build().loss(images(40, 56), samples)


def test_what_a_config_may_leave_out_and_what_it_may_say():
    config = {name: v for name, v in CONFIG.items() if name not in ('radius', 'pad_to')}
    init_cfg = {'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5}
    model = MODELS.build(copy.deepcopy(config) | {'init_cfg': init_cfg})
    assert (model.radius, model.pad_to, model.stride, model.ignore_index) == (10, 512, 4, 255)
    model.init_weights()
    assert model.edge_branch.classifier.weight.eq(0.5).all()
    state = model.state_dict()
    del state['edge_branch.classifier.bias']
    with pytest.raises(ValueError, match=r'edge_branch\.classifier\.bias'):
        model.load_state_dict(state, strict=False)


def test_another_label_may_be_ignored():
    image, label = images(40, 56), labels(40, 56)
    expected = build().loss(image, make_samples(label))
    found = build(ignore_index=7).loss(image, make_samples(torch.where(label == 255, 7, label)))
    torch.testing.assert_close(found, expected)
    other = build(ignore_index=2).loss(image, make_samples(torch.where(label == 255, 2, label)))
    assert not torch.isclose(other['loss_affinity_neg'], expected['loss_affinity_neg'])
