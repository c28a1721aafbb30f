"""A released network and ours with its converted weights give the same numbers."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope

from mmwsss.model_converters import LAYOUTS, convert_state_dict
from mmwsss.models.views import Views
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS

SIZES = [(75, 53), (66, 97)]


def shipped_model(name):
    config = load_config(LAYOUTS[name].config)
    init_default_scope('mmseg')
    return MODELS.build(config.model)


@pytest.fixture(scope='module')
def pair(released_network):
    """Make a released network and ours, with its weights."""
    made = {}

    def make(name):
        if name not in made:
            released, ours = released_network(name), shipped_model(name)
            state = convert_state_dict(released.state_dict(), LAYOUTS[name], ours.state_dict())
            ours.load_state_dict(state, strict=True)
            made[name] = released, ours.eval()
        return made[name]

    return make


def image(size, number=2):
    return torch.randn(number, 3, *size, generator=torch.Generator().manual_seed(1))


def close(found, expected):
    scale = expected.abs().max().item()
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize('size', SIZES)
def test_the_classification_network_of_irn(pair, size):
    released, ours = pair('irn_cam')
    with torch.no_grad():
        maps, logits = released(image(size))
        output = ours.compute_cam(image(size))
    close(output.raw, maps)
    close(output.logits, logits)


@pytest.mark.parametrize('size', SIZES)
def test_sipe(pair, size):
    """Two scales of an image and its mirror; one pixel given to another channel would show."""
    released, ours = pair('sipe')
    label = torch.zeros(20)
    label[[3, 14]] = 1
    total, maps = 0, []
    for side in (size, (2 * size[0], 2 * size[1])):
        scaled = F.interpolate(image(size, number=1), side, mode='bilinear')
        with torch.no_grad():
            found = released(scaled, scaled.flip(-1), label)
            total += F.interpolate(found[None], size, mode='bilinear')[0]
            for flipped in (False, True):
                output = ours.compute_cam(scaled.flip(-1) if flipped else scaled)
                view = ours.cam_head.view_maps(output, 0, label.nonzero()[:, 0])
                maps.append(view.flip(-1) if flipped else view)
    expected = (total / (total.amax((1, 2), keepdim=True) + 1e-5))[[0, 4, 15]]
    merged = ours.cam_head.merge_views(Views(maps, size, size, [3, 14], None))
    close(torch.cat([merged.background[None], merged.cam]), expected)


@pytest.mark.parametrize('size', [(75, 53), (101, 66)])
def test_irnet(pair, size):
    released, ours = pair('irnet')
    with torch.no_grad():
        edge, displacement = released(image(size, number=1))
        found = ours(image(size, number=1))
    close(found[0], edge)
    close(found[1], displacement)
    assert ours.displacement_branch.mean_shift.any()


@pytest.mark.parametrize('size', SIZES)
def test_amn(pair, size):
    released, ours = pair('amn')
    label = torch.zeros(2, 20)
    label[0, [3, 14]] = label[1, 7] = 1
    with torch.no_grad():
        logits = released(image(size), label)
        features = ours.extract_feat(image(size))
        output = ours.cam_head(features, torch.ones(2, 1, *size), label)
    close(output.pixel_logits, logits)


@pytest.mark.parametrize('size', [*SIZES, (97, 129)])
def test_deeplabv2(pair, size):
    released, ours = pair('deeplabv2')
    with torch.no_grad():
        close(ours(image(size)), released.base(image(size)))


def test_deeplabv2_takes_bgr_minus_the_mean(pair):
    _, ours = pair('deeplabv2')
    pixels = torch.tensor([10, 20, 30], dtype=torch.uint8).view(3, 1, 1).expand(3, 4, 5)
    inputs = ours.data_preprocessor({'inputs': [pixels], 'data_samples': None})['inputs']
    expected = torch.tensor([10 - 104.008, 20 - 116.669, 30 - 122.675])
    close(inputs[0, :, 0, 0], expected)


@pytest.mark.parametrize('name', LAYOUTS)
def test_every_tensor_of_the_file_matters(released_network, name):
    """One value changed in one tensor, under all its names, changes one tensor of ours."""
    layout, model = LAYOUTS[name], shipped_model(name)
    released, expected = released_network(name).state_dict(), model.state_dict()
    before = convert_state_dict(released, layout, expected)
    places = {}
    for key, value in released.items():
        if not layout.is_constant(key):
            places.setdefault((value.data_ptr(), tuple(value.shape)), []).append(key)
    assert len(places) == len(expected)  # copies aside, one to one
    keys = list(places.values())[-2]
    changed = released[keys[0]] + 1
    after = convert_state_dict(released | dict.fromkeys(keys, changed), layout, expected)
    assert [key for key in before if not after[key].equal(before[key])] == [layout.rename(keys[0])]


@pytest.mark.parametrize('name', LAYOUTS)
def test_a_key_too_many_or_missing_is_named(released_network, name):
    layout, expected = LAYOUTS[name], shipped_model(name).state_dict()
    released = released_network(name).state_dict()
    ours = next(key for key in reversed(expected) if key.endswith('.weight'))
    missing = {key: value for key, value in released.items() if layout.rename(key) != ours}
    assert len(missing) < len(released)
    with pytest.raises(ValueError, match=f'nothing to fill our: {ours}$'):
        convert_state_dict(missing, layout, expected)
    with pytest.raises(ValueError, match=r'unknown names: extra\.weight$'):
        convert_state_dict(released | {'extra.weight': torch.zeros(1)}, layout, expected)
    surplus = 'resnet50.layer4.3.conv1.weight'  # a block more than the network has
    if name == 'deeplabv2':
        surplus = 'base.layer5.block4.reduce.conv.weight'
    with pytest.raises(ValueError, match=f'unknown names: {surplus}$'):
        convert_state_dict(released | {surplus: torch.zeros(1)}, layout, expected)


@pytest.mark.parametrize(
    ('name', 'copy', 'first'),
    [
        ('irn_cam', 'stage3.0.2.conv2.weight', 'resnet50.layer3.2.conv2.weight'),
        ('irn_cam', 'backbone.0.1.running_var', 'resnet50.bn1.running_var'),
        ('irn_cam', 'newly_added.0.weight', 'classifier.weight'),
        ('sipe', 'stage0.1.running_var', 'resnet50.bn1.running_var'),
        ('sipe', 'backbone.4.0.2.conv3.weight', 'resnet50.layer4.2.conv3.weight'),
        ('sipe', 'newly_added.3.weight', 'side3.weight'),
        ('irnet', 'stage2.0.1.bn1.bias', 'resnet50.layer1.1.bn1.bias'),
        ('irnet', 'backbone.4.0.0.downsample.0.weight', 'resnet50.layer4.0.downsample.0.weight'),
        ('irnet', 'edge_layers.5.bias', 'fc_edge6.bias'),
        ('irnet', 'dp_layers.6.3.weight', 'fc_dp7.3.weight'),
        ('irnet', 'fc_dp7.4.running_mean', 'mean_shift.running_mean'),
        ('irnet', 'dp_layers.6.4.running_mean', 'mean_shift.running_mean'),
        ('amn', 'newly_added.0.1.c2.bias', 'classifier.1.c2.bias'),
        ('amn', 'newly_added.1.weight', 'label_enc.weight'),
    ],
)
def test_copies_that_differ_are_named(released_network, name, copy, first):
    released = dict(released_network(name).state_dict())
    assert released[copy].equal(released[first])
    released[copy] = released[copy] + 1
    with pytest.raises(ValueError, match=f'differ: {copy} and {first}$'):
        convert_state_dict(released, LAYOUTS[name], shipped_model(name).state_dict())


def test_another_number_of_classes_is_said(released_network):
    released = dict(released_network('irn_cam').state_dict())
    for key in ('classifier.weight', 'newly_added.0.weight'):
        released[key] = torch.zeros(80, 2048, 1, 1)
    with pytest.raises(ValueError, match=r'classifier\.weight \(80, 2048, 1, 1\), ours \(20, '):
        convert_state_dict(released, LAYOUTS['irn_cam'], shipped_model('irn_cam').state_dict())
