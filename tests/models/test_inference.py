import pytest
import torch
from small_networks import small_resnet
from torch import nn

from mmwsss.models.inference import prepare_for_inference

RESNETS = ('mmseg.ResNet', 'mmseg.ResNetV1c', 'mmwsss.ResNetWithStem', 'mmwsss.ResNetCeilPool')


def draw_statistics(module):
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.normal_(0, 0.1)


class Network(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, inputs):
        return self.backbone(inputs)


def norms(module):
    return [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]


@pytest.mark.parametrize('kind', RESNETS)
@torch.no_grad()
def test_norms_of_a_resnet_are_folded(kind):
    network = Network(small_resnet(kind)).train()
    draw_statistics(network)
    images = torch.randn(2, 3, 41, 70)
    network.backbone.train(False)
    expected = network(images)
    assert norms(network)
    prepare_for_inference(nn.ModuleDict({'module': network}))  # as within a wrapper
    assert not norms(network)
    assert not network.training
    for found, stage in zip(network(images), expected, strict=True):
        torch.testing.assert_close(found, stage, rtol=1e-5, atol=1e-5 * float(stage.abs().max()))


class NormFirst(nn.Module):
    """Batch norm before the convolution, though it is named behind it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, inputs):
        return (self.conv(self.norm(inputs).relu()),)


@torch.no_grad()
def test_norms_that_do_not_follow_their_convolutions_stay():
    network = Network(NormFirst())
    draw_statistics(network)
    network.backbone.eval()
    images, state = torch.randn(1, 3, 8, 9), network.state_dict()
    (expected,) = network(images)
    prepare_for_inference(network)
    torch.testing.assert_close(network.state_dict(), state)
    torch.testing.assert_close(network(images)[0], expected)


@pytest.mark.parametrize(
    'options',
    [
        {'kernel_size': 1},
        {'kernel_size': 1, 'bias': False, 'stride': 2},
        {'kernel_size': 3, 'padding': 2, 'dilation': 2, 'groups': 2},
        {'kernel_size': 3, 'padding': 'same'},
        {'kernel_size': 3, 'padding': 1, 'padding_mode': 'reflect'},
    ],
)
@torch.no_grad()
def test_convolutions_compute_what_they_did(options):
    network = Network(nn.Conv2d(4, 6, **options))
    images = torch.randn(1, 4, 9, 12)
    expected = network(images)
    prepare_for_inference(network)
    torch.testing.assert_close(network(images), expected)
    with torch.autocast('cpu', torch.bfloat16):
        rough = network(images)
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), expected, rtol=0.05, atol=0.05)
