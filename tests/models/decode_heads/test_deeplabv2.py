import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsss.registry import MODELS

LOSS = {'type': 'mmwsss.BalancedCrossEntropyLoss'}


def make_head(classes=3, **options):
    torch.manual_seed(0)
    config = {
        'type': 'mmwsss.DeepLabV2Head',
        'in_channels': 4,
        'num_classes': classes,
        'loss_decode': LOSS,
        'in_index': 1,
    }
    head = MODELS.build(config | options)
    head.init_weights()
    return head


def naive_dilated(features, weight, bias, rate):
    """A dilated 3x3 convolution with zero padding: features (C, H, W), weight (K, C, 3, 3)."""
    _, height, width = features.shape
    out = torch.zeros(len(weight), height, width, dtype=features.dtype)
    for y in range(height):
        for x in range(width):
            value = bias.clone()
            for i in range(3):
                for j in range(3):
                    yy, xx = y + (i - 1) * rate, x + (j - 1) * rate
                    if 0 <= yy < height and 0 <= xx < width:
                        value = value + weight[:, :, i, j] @ features[:, yy, xx]
            out[:, y, x] = value
    return out


def test_four_dilated_classifiers_are_summed():
    head = make_head(dilations=(1, 2, 3, 5)).double()
    for classifier in head.classifiers:  # biases begin at zero
        classifier.bias.data.normal_()
    features = torch.randn(1, 4, 4, 7, dtype=torch.float64)
    with torch.no_grad():
        out = head([torch.zeros(1), features])
    expected = sum(
        naive_dilated(features[0], c.weight.detach(), c.bias.detach(), rate)
        for c, rate in zip(head.classifiers, (1, 2, 3, 5), strict=True)
    )
    torch.testing.assert_close(out[0], expected)


def test_the_rates_and_the_initialisation_are_those_of_deeplabv2():
    head = make_head(classes=21)
    assert [c.dilation for c in head.classifiers] == [(6, 6), (12, 12), (18, 18), (24, 24)]
    assert [c.padding for c in head.classifiers] == [c.dilation for c in head.classifiers]
    for classifier in head.classifiers:
        assert abs(classifier.weight.std().item() - 0.01) < 0.002
        assert abs(classifier.weight.mean().item()) < 0.002
        assert not classifier.bias.any()


def test_every_parameter_learns_as_ddp_wants():
    head = make_head()
    target = torch.randint(0, 3, (2, 20, 28))
    samples = []
    for mask in target:
        sample = SegDataSample()
        sample.gt_sem_seg = PixelData(data=mask[None])
        samples.append(sample)
    features = torch.randn(2, 4, 10, 14)
    losses = head.loss([torch.zeros(1), features], samples, train_cfg=None)
    logits = F.interpolate(head([None, features]), (20, 28), mode='bilinear', align_corners=False)
    expected = MODELS.build(LOSS)(logits, target)
    torch.testing.assert_close(losses['loss_balanced_ce'], expected)
    losses['loss_balanced_ce'].backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
    assert len(list(head.parameters())) == 8


def test_a_checkpoint_of_other_classes_is_refused():
    with pytest.raises(ValueError, match='5 classes and the model 3'):
        make_head().load_state_dict(make_head(classes=5).state_dict())


def test_own_initialisation_is_kept():
    init = {'type': 'Constant', 'val': 0.25, 'layer': 'Conv2d'}
    head = make_head(init_cfg=init)
    assert (head.classifiers[0].weight == 0.25).all()
