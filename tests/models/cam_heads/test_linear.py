import math

import pytest
import torch

from mmwsss.functional.cam import classification_loss
from mmwsss.registry import MODELS

F64 = torch.float64


def make_head(channels=3, classes=2, **options):
    torch.manual_seed(0)
    config = {'type': 'mmwsss.LinearCAMHead', 'in_channels': channels, 'num_classes': classes}
    return MODELS.build(config | options).double()


def scene(size=(3, 5)):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 3, *size, generator=generator, dtype=F64, requires_grad=True)
    valid = torch.ones(2, 1, 4 * size[0], 4 * size[1])
    valid[1, :, :, 8:] = 0
    return (torch.zeros(2, 1, 1, 1), features), valid


@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
def test_maps_and_logits_by_plain_loops(size):
    head, (features, valid) = make_head(), scene(size)
    output = head(features, valid)
    weight, last = head.classifier.weight.detach()[:, :, 0, 0].tolist(), features[-1].tolist()
    height, width = size
    for b in range(2):
        inside = [b == 0 or x < 2 for x in range(width)]
        for n in range(2):
            raw = [
                [sum(weight[n][c] * last[b][c][y][x] for c in range(3)) for x in range(width)]
                for y in range(height)
            ]
            positive = [
                [max(raw[y][x], 0.0) * inside[x] for x in range(width)] for y in range(height)
            ]
            top = max(map(max, positive)) + 1e-5
            torch.testing.assert_close(output.raw[b, n].tolist(), raw)
            torch.testing.assert_close(
                output.cam[b, n].tolist(), [[value / top for value in row] for row in positive]
            )
            # IRN pools the whole canvas, padding included
            mean = sum(map(sum, raw)) / (height * width)
            torch.testing.assert_close(output.logits[b, n].item(), mean)
    assert output.features is features
    assert output.valid.shape == (2, 1, *size)


def test_the_strongest_response_of_the_padding_is_not_the_maximum():
    head, (features, valid) = make_head(), scene()
    features[-1].data[1, :, :, 2:] = head.classifier.weight.data[0] * 100
    output = head(features, valid)
    assert not output.cam[1, :, :, 2:].any()
    assert output.cam[1, 0].max() > 0.99


def test_the_loss_is_eq_2_with_the_minus_sign_that_it_misses():
    head, (features, valid) = make_head(loss_weight=0.5), scene()
    output = head(features, valid)
    label = torch.tensor([[1, 0], [1, 1]])
    expected = 0.0
    for b in range(2):
        for n in range(2):
            probability = 1 / (1 + math.exp(-output.logits[b, n].item()))
            expected -= math.log(probability if label[b, n] else 1 - probability) / 4
    losses = head.loss(output, label)
    assert losses.keys() == {'loss_cls'}
    torch.testing.assert_close(losses['loss_cls'].item(), 0.5 * expected)


def test_the_gradient_of_the_loss_raises_present_classes():
    head, (features, valid) = make_head(), scene()
    output = head(features, valid)
    output.logits.retain_grad()
    head.loss(output, torch.tensor([[1, 0], [1, 0]]))['loss_cls'].backward()
    assert (output.logits.grad[:, 0] < 0).all()
    assert (output.logits.grad[:, 1] > 0).all()


def test_the_cam_carries_gradient():
    head, (features, valid) = make_head(), scene()
    head(features, valid).cam.square().sum().backward()
    assert features[-1].grad.any()
    assert head.classifier.weight.grad.any()


def test_a_checkpoint_of_other_classes_is_refused():
    with pytest.raises(ValueError, match='5 classes and the model 2'):
        make_head().load_state_dict(make_head(classes=5).state_dict())


def test_what_a_config_may_leave_out_and_what_it_may_say():
    head, (features, valid) = make_head(), scene()
    assert head.num_classes == 2 and head.pads_full_size
    output, label = head(features, valid), torch.tensor([[1, 0], [1, 1]])
    plain, twice = (
        each.loss(output, label)['loss_cls'] for each in (head, make_head(loss_weight=2.0))
    )
    torch.testing.assert_close(plain, classification_loss(output.logits, label))
    torch.testing.assert_close(twice, 2 * plain)
    head = make_head(init_cfg={'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5})
    head.init_weights()
    assert head.classifier.weight.eq(0.5).all()
