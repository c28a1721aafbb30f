"""The head against plain torch written from the description of AMN, and its traps."""

import math

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsss.registry import MODELS

F64 = torch.float64
CHANNELS, CLASSES = 6, 3
LABELS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def make_head(channels=CHANNELS, classes=CLASSES, **options):
    torch.manual_seed(0)
    config = {'type': 'mmwsss.AMNHead', 'in_channels': channels, 'num_classes': classes}
    head = MODELS.build(config | options)
    head.init_weights()
    for classifier in head.classifiers:  # biases begin at zero, weights are small
        classifier.bias.data.normal_()
        classifier.weight.data *= 30
    return head.double().eval()


def scene(size=(7, 9)):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, CHANNELS, *size, generator=generator, dtype=F64, requires_grad=True)
    valid = torch.ones(2, 1, 4 * size[0], 4 * size[1])
    valid[1, :, :, 16:] = 0
    return (torch.zeros(2, 1, 1, 1), features), valid


def plain_logits(head, last, label, rates):
    """The gate and the four convolutions by shifted copies of a padded map."""
    weight, bias = head.label_encoder.weight, head.label_encoder.bias
    gated = last.clone()
    for b in range(len(last)):
        for channel in range(last.shape[1]):
            gate = bias[channel] + sum(weight[channel, n] * label[b, n] for n in range(CLASSES))
            gated[b, channel] = last[b, channel] * gate
    height, width = last.shape[-2:]
    out = torch.zeros(len(last), CLASSES + 1, height, width, dtype=last.dtype)
    for classifier, rate in zip(head.classifiers, rates, strict=True):
        canvas = torch.zeros(*last.shape[:2], height + 2 * rate, width + 2 * rate, dtype=last.dtype)
        canvas[..., rate : rate + height, rate : rate + width] = gated
        for i in range(3):
            for j in range(3):
                top, left = i * rate, j * rate
                part = canvas[..., top : top + height, left : left + width]
                out += torch.einsum('kc,bchw->bkhw', classifier.weight[:, :, i, j], part)
        out += classifier.bias[:, None, None]
    return out


@pytest.mark.parametrize('size', [(7, 9), (26, 21), (1, 1)])
def test_maps_by_plain_torch(size):
    head, (features, valid) = make_head(), scene(size)
    with torch.no_grad():
        output = head(features, valid, LABELS)
        logits = plain_logits(head, features[-1], LABELS, (6, 12, 18, 24))
    torch.testing.assert_close(output.pixel_logits, logits, rtol=1e-5, atol=0)
    share = logits.exp() / logits.exp().sum(1, keepdim=True)
    inside = torch.ones(2, 1, *size)
    inside[1, :, :, 4:] = 0
    torch.testing.assert_close(output.cam, share[:, 1:] * inside, rtol=1e-5, atol=0)
    torch.testing.assert_close(output.background, share[:, 0], rtol=1e-5, atol=0)
    assert output.valid.equal(inside)
    assert output.features is features
    assert output.raw is None
    assert output.logits is None


def test_other_rates():
    head, (features, valid) = make_head(dilations=(1, 2, 3, 4)), scene()
    logits = plain_logits(head, features[-1], LABELS, (1, 2, 3, 4))
    torch.testing.assert_close(
        head(features, valid, LABELS).pixel_logits, logits, rtol=1e-5, atol=1e-12
    )


def test_initial_weights_and_names():
    torch.manual_seed(0)
    head = MODELS.build({'type': 'mmwsss.AMNHead', 'in_channels': 256, 'num_classes': 20})
    head.init_weights()
    assert head.label_encoder.weight.shape == (256, 20)
    assert head.label_encoder.weight.std() > 0.05  # a Linear's own initialisation, not N(0, 0.01)
    assert [c.dilation[0] for c in head.classifiers] == [6, 12, 18, 24]
    for classifier in head.classifiers:
        assert classifier.weight.shape == (21, 256, 3, 3)
        assert classifier.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert not classifier.bias.any()
    assert (head.dropout_ratio, head.pixel_loss.label_smoothing) == (0.1, 0.4)
    assert sorted(head.state_dict()) == sorted(
        [f'classifiers.{k}.{part}' for k in range(4) for part in ('weight', 'bias')]
        + ['label_encoder.bias', 'label_encoder.weight']
    )


def test_the_gate_reads_the_image_label():
    head, (features, valid) = make_head(), scene()
    one, other = (head(features, valid, label).pixel_logits for label in (LABELS, LABELS.flip(0)))
    assert (one - other).abs().amax() > 0.1
    whole = head(features, valid, LABELS).pixel_logits
    for b in range(2):  # each image is gated by its own label
        alone = head((features[-1][b : b + 1],), valid[b : b + 1], LABELS[b : b + 1]).pixel_logits
        torch.testing.assert_close(whole[b : b + 1], alone)


def test_without_a_label_it_says_what_it_needs():
    head, (features, valid) = make_head(), scene()
    with pytest.raises(ValueError, match=r'AMNHead is told the image label of every image.*gt_lab'):
        head(features, valid)


def test_dropout_is_on_in_training_and_off_in_evaluation():
    head, (features, valid) = make_head(), scene()
    first, second = (head(features, valid, LABELS).pixel_logits for _ in range(2))
    assert first.equal(second)
    head.train()
    first, second = (head(features, valid, LABELS).pixel_logits for _ in range(2))
    assert not first.equal(second)
    without = make_head(dropout_ratio=0.0).train()
    torch.testing.assert_close(
        without(features, valid, LABELS).pixel_logits,
        make_head()(features, valid, LABELS).pixel_logits,
    )


def test_the_released_code_leaves_dropout_on():
    head, (features, valid) = make_head(released_dropout=True), scene()
    first, second = (head(features, valid, LABELS).pixel_logits for _ in range(2))
    assert not first.equal(second)


def test_dropout_is_elementwise_and_keeps_the_mean():
    """Features of one, a gate of one and a classifier that sums the middle taps of channel 0."""
    head = make_head(dilations=(1,)).train()
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.ones_(head.label_encoder.bias)
    head.classifiers[0].weight.data[1, 0, 1, 1] = 1
    ones = torch.ones(2, CHANNELS, 100, 100, dtype=F64)
    logits = head((ones,), torch.ones(2, 1, 100, 100), LABELS).pixel_logits[:, 1]
    assert sorted(logits.unique().tolist()) == [0, pytest.approx(1 / 0.9)]
    assert logits.mean().item() == pytest.approx(1, abs=0.02)
    assert 0.08 < (logits[0, 0] == 0).double().mean() < 0.4  # not a channel as a whole


def samples_of(target):
    samples = []
    for index, mask in enumerate(target):
        sample = SegDataSample(metainfo={'img_path': f'{index}.jpg'})
        sample.gt_sem_seg = PixelData(data=mask[None])
        samples.append(sample)
    return samples


def naive_loss(logits, target, stride, eps):
    """AMN's loss in plain loops: cell (i, j) learns from pixel (16 i + 8, 16 j + 8)."""
    sums, counts = [0.0, 0.0], [0, 0]
    classes = logits.shape[1]
    for b in range(len(logits)):
        for i in range(logits.shape[2]):
            for j in range(logits.shape[3]):
                label = int(target[b, stride * i + stride // 2, stride * j + stride // 2])
                if label == 255:
                    continue
                scores = [math.exp(value) for value in logits[b, :, i, j].tolist()]
                for c in range(classes):
                    share = 1 - eps if c == label else eps / (classes - 1)
                    sums[label != 0] -= share * math.log(scores[c] / sum(scores))
                counts[label != 0] += 1
    return sum(s / c if c else 0.0 for s, c in zip(sums, counts, strict=True)) / 2


@pytest.mark.parametrize('options', [{}, {'label_smoothing': 0.1, 'loss_weight': 0.5}], ids=str)
def test_the_loss_in_plain_loops(options):
    head, (features, valid) = make_head(**options), scene((3, 5))
    generator = torch.Generator().manual_seed(2)
    target = torch.randint(0, CLASSES + 1, (2, 48, 80), generator=generator)
    target[1, :, 32:] = 255
    output = head(features, valid, LABELS)
    losses = head.loss(output, LABELS, samples_of(target))
    assert losses.keys() == {'loss_pixel'}
    expected = naive_loss(output.pixel_logits, target, 16, options.get('label_smoothing', 0.4))
    weight = options.get('loss_weight', 1.0)
    torch.testing.assert_close(losses['loss_pixel'].item(), weight * expected)


@pytest.mark.parametrize('present', [(0,), (2,), ()])
def test_an_empty_side_counts_zero(present):
    head, (features, valid) = make_head(), scene((3, 5))
    target = torch.full((2, 48, 80), present[0] if present else 255)
    output = head(features, valid, LABELS)
    loss = head.loss(output, LABELS, samples_of(target))['loss_pixel']
    torch.testing.assert_close(loss.item(), naive_loss(output.pixel_logits, target, 16, 0.4))
    loss.backward()
    assert features[-1].grad.isfinite().all()


def test_released_empty_mean_is_that_of_the_released_code():
    head, (features, valid) = make_head(released_empty_mean=True), scene((3, 5))
    output = head(features, valid, LABELS)
    nothing = samples_of(torch.zeros(2, 48, 80, dtype=torch.long))
    assert head.loss(output, LABELS, nothing)['loss_pixel'].isnan()


def test_every_parameter_learns_as_ddp_wants():
    head, (features, valid) = make_head(), scene((3, 5))
    output = head(features, valid, LABELS)
    target = torch.randint(0, CLASSES + 1, (2, 48, 80))
    head.loss(output, LABELS, samples_of(target))['loss_pixel'].backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
    assert head.label_encoder.weight.grad.any()
    assert features[-1].grad.any()


def test_the_cam_carries_gradient():
    head, (features, valid) = make_head(), scene()
    head(features, valid, LABELS).cam.square().sum().backward()
    assert features[-1].grad[0].any()
    assert head.label_encoder.weight.grad.any()


def test_an_image_without_a_mask_is_named():
    head, (features, valid) = make_head(), scene((3, 5))
    samples = samples_of(torch.zeros(2, 48, 80).long())
    del samples[1].gt_sem_seg
    with pytest.raises(ValueError, match=r'1\.jpg carries no mask to learn from: set mask_dir'):
        head.loss(head(features, valid, LABELS), LABELS, samples)


def test_a_checkpoint_of_other_classes_is_refused():
    with pytest.raises(ValueError, match='6 classes and the model 4'):
        make_head().load_state_dict(make_head(classes=5).state_dict())


def test_another_label_may_be_ignored():
    head, (features, valid) = make_head(ignore_index=3), scene((3, 5))
    generator = torch.Generator().manual_seed(2)
    target = torch.randint(0, CLASSES + 1, (2, 48, 80), generator=generator)
    output = head(features, valid, LABELS)
    found = head.loss(output, LABELS, samples_of(target))['loss_pixel']
    expected = naive_loss(output.pixel_logits, torch.where(target == 3, 255, target), 16, 0.4)
    torch.testing.assert_close(found.item(), expected)


def test_what_the_config_says_of_the_head():
    head = make_head()
    assert head.num_classes == CLASSES and head.own_background and not head.pads_full_size
    head = MODELS.build(
        {
            'type': 'mmwsss.AMNHead',
            'in_channels': 2,
            'num_classes': CLASSES,
            'init_cfg': {'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5},
        }
    )
    head.init_weights()
    assert all(classifier.weight.eq(0.5).all() for classifier in head.classifiers)
