"""ResNet38 against a forward pass written from its description."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmwsss.models.backbones import ResNet38
from mmwsss.registry import MODELS


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    made = MODELS.build({'type': 'mmwsss.ResNet38'})
    for name, value in made.state_dict().items():
        if value.dim() == 1:
            nn.init.uniform_(value, 0.5, 1.5)
            if name.endswith(('bias', 'running_mean')):
                value.sub_(1)
    return made


def activate(state, name, x):
    """BN from its running statistics, ReLU."""
    mean, variance, weight, bias = (
        state[f'{name}.{part}'].view(1, -1, 1, 1)
        for part in ('running_mean', 'running_var', 'weight', 'bias')
    )
    return ((x - mean) / (variance + 1e-5).sqrt() * weight + bias).clamp(min=0)


def block(state, name, x, stride=1, dilation=(1, 1)):
    a = activate(state, f'{name}.bn_branch2a', x)
    if f'{name}.conv_branch1.weight' in state:
        x = F.conv2d(a, state[f'{name}.conv_branch1.weight'], stride=stride)
    a = F.conv2d(a, state[f'{name}.conv_branch2a.weight'], None, stride, dilation[0], dilation[0])
    a = activate(state, f'{name}.bn_branch2b1', a)
    return x + F.conv2d(
        a, state[f'{name}.conv_branch2b1.weight'], None, 1, dilation[1], dilation[1]
    )


def bottleneck(state, name, x):
    a = activate(state, f'{name}.bn_branch2a', x)
    x = F.conv2d(a, state[f'{name}.conv_branch1.weight'])
    a = F.conv2d(a, state[f'{name}.conv_branch2a.weight'])
    a = activate(state, f'{name}.bn_branch2b1', a)
    a = F.conv2d(a, state[f'{name}.conv_branch2b1.weight'], padding=4, dilation=4)
    a = activate(state, f'{name}.bn_branch2b2', a)
    return x + F.conv2d(a, state[f'{name}.conv_branch2b2.weight'])


def described(state, x):
    x = F.conv2d(x, state['conv1a.weight'], padding=1)
    for name, stride in (('b2', 2), ('b2_1', 1), ('b2_2', 1), ('b3', 2), ('b3_1', 1), ('b3_2', 1)):
        x = block(state, name, x, stride)
    for name in ('b4', *(f'b4_{index}' for index in range(1, 6))):
        x = block(state, name, x, 2 if name == 'b4' else 1)
    for name, first in (('b5', 1), ('b5_1', 2), ('b5_2', 2)):
        x = block(state, name, x, 1, (first, 2))
    x = bottleneck(state, 'b7', bottleneck(state, 'b6', x))
    return activate(state, 'bn7', x)


@pytest.mark.parametrize('size', [(40, 64), (37, 51)])
def test_the_features_are_those_of_the_description(network, size):
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        (found,) = network.eval()(image)
        expected = described(network.state_dict(), image)
    assert found.shape == (1, 4096, -(-size[0] // 8), -(-size[1] // 8))
    scale = expected.abs().max().item()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * scale)


def test_shapes_of_the_layers(network):
    shapes = {name: tuple(value.shape) for name, value in network.named_parameters()}
    assert shapes['conv1a.weight'] == (64, 3, 3, 3)
    assert shapes['b4.conv_branch2a.weight'] == (512, 256, 3, 3)
    assert shapes['b5.conv_branch2a.weight'] == (512, 512, 3, 3)
    assert shapes['b5.conv_branch2b1.weight'] == (1024, 512, 3, 3)
    assert shapes['b5_2.conv_branch2a.weight'] == (512, 1024, 3, 3)
    assert shapes['b6.conv_branch2a.weight'] == (512, 1024, 1, 1)
    assert shapes['b6.conv_branch2b1.weight'] == (1024, 512, 3, 3)
    assert shapes['b7.conv_branch2b2.weight'] == (4096, 2048, 1, 1)
    shortcuts = [name.split('.')[0] for name in shapes if 'conv_branch1' in name]
    assert shortcuts == ['b2', 'b3', 'b4', 'b5', 'b6', 'b7']
    convolutions = [name for name, shape in shapes.items() if len(shape) == 4]
    assert len(convolutions) - len(shortcuts) == 37  # and the classifier makes 38
    assert all(name.endswith('weight') for name in convolutions)  # without biases


def test_what_learns(network):
    frozen = {name for name, value in network.named_parameters() if not value.requires_grad}
    biases = {name for name, _ in network.named_parameters() if name.endswith('bias')}
    assert frozen == biases | {'conv1a.weight'}


def test_batch_norm_stays_in_evaluation(network):
    before = {name: value.clone() for name, value in network.named_buffers()}
    with torch.no_grad():
        network.train()(torch.randn(1, 3, 16, 24))
    assert network.training
    assert network.b6.training
    assert not any(m.training for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    assert all(value.equal(before[name]) for name, value in network.named_buffers())


@pytest.mark.parametrize(('name', 'ratio'), [('b6', 0.3), ('b7', 0.5)])
def test_dropout_is_of_whole_channels_in_training_alone(network, name, ratio):
    bottleneck = network.get_submodule(name).train()
    ones = torch.ones(1, 2000, 3, 4)
    dropped = bottleneck._drop(ones)
    assert dropped.flatten(2).amin(2).equal(dropped.flatten(2).amax(2))
    assert (dropped[0, :, 0, 0] == 0).float().mean().item() == pytest.approx(ratio, abs=0.05)
    assert dropped.unique().tolist() == [0, pytest.approx(1 / (1 - ratio))]
    assert bottleneck.eval()._drop(ones).equal(ones)


def test_weights_of_something_else_are_refused(network):
    state = {name: value for name, value in network.state_dict().items() if 'b7.' not in name}
    with pytest.raises(
        ValueError, match=r'leaves 16 of \d+ .*b7\.bn_branch2a\.weight, .*a ResNet38'
    ):
        network.load_state_dict(state, strict=False)
    prefixed = {f'module.{name}': value for name, value in network.state_dict().items()}
    with pytest.raises(ValueError, match='seems to be a network that mmwsss does not know'):
        network.load_state_dict(prefixed, strict=False)


def test_pretrained_weights_from_a_path(network, tmp_path):
    state = dict(network.state_dict())
    state['fc8.weight'] = torch.zeros(20, 4096, 1, 1)  # a classifier is of no use here
    torch.save(state, tmp_path / 'resnet38.pth')
    other = ResNet38({'type': 'Pretrained', 'checkpoint': str(tmp_path / 'resnet38.pth')})
    other.init_weights()
    assert all(
        one.equal(two) for one, two in zip(other.parameters(), network.parameters(), strict=True)
    )
