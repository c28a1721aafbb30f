"""Every family of timm: maps of any size, what is loaded, frozen and how deep it lies."""

import pytest
import torch
from mmengine.registry import init_default_scope
from timm_networks import FAMILIES, small
from torch import nn

from mmwsss.models.backbones import TimmFeatures
from mmwsss.registry import MODELS

timm = pytest.importorskip('timm')
SIZES = [(64, 96), (75, 53), (33, 70)]  # the first fills whole patches of 16
VITS = ('dinov2', 'dinov3', 'eva02', 'siglip2')


def build(family, **options):
    torch.manual_seed(0)
    return MODELS.build(small(family, **options)).eval()


def cells(size, stride):
    return tuple(-(-side // stride) for side in size)


@pytest.fixture(scope='module', params=FAMILIES)
def case(request):
    return request.param, build(request.param)


def test_every_patch_that_shows_some_of_the_image_has_a_cell(case):
    family, backbone = case
    strides = FAMILIES[family][2]
    assert backbone.strides == strides
    for size in SIZES:
        with torch.no_grad():
            maps = backbone(torch.randn(1, 3, *size))
        assert [part.shape[1] for part in maps] == list(backbone.channels)
        assert [tuple(part.shape[2:]) for part in maps] == [cells(size, s) for s in strides]
        assert all(part.isfinite().all() for part in maps)


def test_which_maps_consist_of_whole_cells(case):
    family, backbone = case
    convolutional = family in ('resnet', 'efficientnet')
    assert backbone.cell_size == (None if convolutional else backbone.strides[-1])


def test_padding_is_zeros_at_the_right_and_at_the_bottom(case):
    """An image with zeros there, of whole patches, gives the same cells."""
    _, backbone = case
    if backbone.cell_size is None:
        pytest.skip('its convolutions pad')
    image = torch.randn(1, 3, 50, 70)
    largest = max(backbone.strides)
    height, width = (largest * count for count in cells((50, 70), largest))
    padded = torch.zeros(1, 3, height, width)
    padded[..., :50, :70] = image
    with torch.no_grad():
        for small_map, whole in zip(backbone(image), backbone(padded), strict=True):
            down, right = small_map.shape[-2:]
            torch.testing.assert_close(small_map, whole[..., :down, :right])


@pytest.mark.parametrize('family', VITS)
def test_the_last_map_is_what_timm_makes_of_the_patches(family):
    backbone = build(family)
    name, sizes, _ = FAMILIES[family]
    theirs = timm.create_model(name, num_classes=0, dynamic_img_size=True, **sizes).eval()
    state = {
        key: value
        for key, value in backbone.network.state_dict().items()
        if key in theirs.state_dict()
    }
    theirs.load_state_dict(state, strict=False)  # what it pools by, is not in the backbone
    stride = backbone.strides[-1]
    image = torch.randn(1, 3, 2 * stride, 3 * stride)
    with torch.no_grad():
        tokens = theirs.forward_features(image)[:, theirs.num_prefix_tokens :]
        found = backbone(image)[-1]
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), tokens)


def test_the_outputs_of_a_deeper_vit_lie_at_equal_distances_up_to_the_last():
    sizes = {**FAMILIES['dinov2'][1], 'depth': 12}
    backbone = build('dinov2', options=sizes)
    assert backbone.out_indices == (2, 5, 8, 11) and backbone.channels == (24,) * 4
    two = build('dinov2', options=sizes, out_indices=(-1, 4))
    assert two.out_indices == (4, 11)
    assert build('dinov2', options={**sizes, 'depth': 2}).out_indices == (0, 1)


def test_the_last_stride_is_dropped_with_or_without_dilation():
    for dilated, expected in ((False, 1), (True, 2)):
        backbone = build('resnet', dilated=dilated)
        last = backbone.network.layer4[1].conv2
        assert last.dilation == last.padding == (expected, expected)
        assert backbone.strides[-1] == 16
    assert build('resnet', output_stride=8).strides == (4, 8, 8, 8)
    assert build('resnet', output_stride=32).strides == (4, 8, 16, 32)
    strided = build('convnextv2', output_stride=32)
    assert strided.strides[-1] == strided.cell_size == 32


def write(path, family, **options):
    """Save a whole network of timm, classifier included, with weights of its own."""
    name, sizes, _ = FAMILIES[family]
    torch.manual_seed(5)
    network = timm.create_model(name, num_classes=5, **{**sizes, **options})
    state = {
        key: 0.1 + torch.rand_like(value) if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    torch.save(state, path)
    return state


def initialised(family, path, **options):
    backbone = build(family, init_cfg={'type': 'Pretrained', 'checkpoint': str(path)}, **options)
    backbone.init_weights()
    return backbone


def test_a_file_of_timm_fills_every_tensor(case, tmp_path):
    init_default_scope('mmseg')
    family, backbone = case
    state = write(tmp_path / 'timm.pth', family)
    filled = initialised(family, tmp_path / 'timm.pth').network.state_dict()
    assert filled.keys() == backbone.network.state_dict().keys() and len(filled) > 20
    for name, value in filled.items():
        assert value.equal(state[name]), name
    # and its own checkpoint, as a later stage reads it
    again = {f'backbone.network.{name}': value for name, value in filled.items()}
    torch.save({'state_dict': again}, tmp_path / 'own.pth')
    own = initialised(family, tmp_path / 'own.pth').network.state_dict()
    assert all(value.equal(filled[name]) for name, value in own.items())


def test_a_file_that_fills_a_part_is_refused(case, tmp_path):
    family, backbone = case
    state = write(tmp_path / 'timm.pth', family)
    missing = [name for name, _ in backbone.network.named_parameters()][5]
    del state[missing]
    torch.save(state, tmp_path / 'timm.pth')
    with pytest.raises(ValueError, match=rf'timm\.pth: this file leaves 1 of .*{missing}'):
        initialised(family, tmp_path / 'timm.pth')


def test_a_file_that_timm_can_convert_is_converted(tmp_path):
    """Of images of another size: timm itself resizes the table of positions."""
    state = write(tmp_path / 'timm.pth', 'dinov2', img_size=84)
    assert state['pos_embed'].shape == (1, 1 + 6 * 6, 24)
    backbone = initialised('dinov2', tmp_path / 'timm.pth')
    assert backbone.network.pos_embed.shape == (1, 1 + 4 * 4, 24)
    mean = state['pos_embed'][0, 1:].mean(0)
    torch.testing.assert_close(backbone.network.pos_embed[0, 1:].mean(0), mean, atol=0.1, rtol=0)
    assert backbone.network.blocks[3].mlp.fc2.weight.equal(state['blocks.3.mlp.fc2.weight'])


def test_a_deeper_network_is_refused_and_blocks_after_the_last_output_are_not_read(tmp_path):
    write(tmp_path / 'deep.pth', 'dinov2', depth=5)
    with pytest.raises(ValueError, match='of a larger network'):
        initialised('dinov2', tmp_path / 'deep.pth')
    write(tmp_path / 'timm.pth', 'dinov2')
    backbone = initialised('dinov2', tmp_path / 'timm.pth', out_indices=(0, 2))
    assert len(backbone.network.blocks) == 3 and len(backbone(torch.zeros(1, 3, 20, 20))) == 2


def test_the_weights_of_a_name_come_from_timm(monkeypatch):
    asked = []

    def fetch(hub_id, weights_only):
        asked.append(hub_id)
        assert weights_only
        name, sizes, _ = FAMILIES['resnet']
        return timm.create_model(name, **sizes).state_dict()

    monkeypatch.setattr(timm.models, 'load_state_dict_from_hf', fetch)
    backbone = TimmFeatures('resnet18.tv_in1k', options=FAMILIES['resnet'][1])
    backbone.init_weights()
    assert asked == ['timm/resnet18.tv_in1k'] * 2  # once more, where a machine has its own disk
    assert TimmFeatures('resnet18', pretrained=False).init_cfg is None

    def fail(hub_id, weights_only):
        raise RuntimeError('no route\nto host')

    monkeypatch.setattr(timm.models, 'load_state_dict_from_hf', fail)
    with pytest.raises(
        ConnectionError, match=r'could not be fetched \(.*no route\): load the file'
    ):
        TimmFeatures('resnet18.tv_in1k').init_weights()


def test_without_weights_the_network_stays_as_timm_made_it():
    backbone = build('dinov2')
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert all(value.equal(before[name]) for name, value in backbone.state_dict().items())


@pytest.mark.parametrize(
    ('name', 'mean', 'std'),
    [
        ('resnet18.tv_in1k', (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        ('vit_base_patch16_siglip_224.v2_webli', (127.5,) * 3, (127.5,) * 3),
        (
            'eva02_small_patch14_224.mim_in22k',
            (122.7709, 116.746, 104.0937),
            (68.5005, 66.6322, 70.3232),
        ),
    ],
)
def test_the_colours_are_those_that_timm_states(name, mean, std):
    assert TimmFeatures.statistics({'model': name}) == (mean, std)


@pytest.mark.parametrize('number', [-1, 0, 2])
def test_frozen_stages_do_not_learn_and_stay_in_evaluation(case, number):
    family, _ = case
    backbone = build(family, frozen_stages=number).train()
    parts = {
        'resnet': ['conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4'],
        'efficientnet': ['conv_stem', 'bn1', *(f'blocks.{n}' for n in range(7))],
        'convnextv2': ['stem', *(f'stages.{n}' for n in range(4))],
        'swin': ['patch_embed', *(f'layers.{n}' for n in range(4))],
    }.get(family, ['patch_embed', *(f'blocks.{n}' for n in range(4))])
    stem = 2 if family in ('resnet', 'efficientnet') else 1
    frozen = parts[: stem + number] if number >= 0 else []
    for name in parts:
        module = backbone.network.get_submodule(name)
        learns = {value.requires_grad for value in module.parameters()}
        assert learns == {name not in frozen}, name
        assert module.training == (name not in frozen and not isinstance(module, nn.BatchNorm2d))
    norms = [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not any(norm.training for norm in norms)
    sum(part.sum() for part in backbone(torch.randn(1, 3, 32, 32))).backward()
    for name, value in backbone.named_parameters():
        assert (value.grad is None) == (not value.requires_grad), name


def test_batch_norm_learns_its_statistics_only_if_asked_to():
    backbone = build('resnet', norm_eval=False, frozen_stages=0).train()
    assert not backbone.network.bn1.training and backbone.network.layer1[0].bn1.training


def test_layers_are_counted_from_the_stem_to_the_heads(case):
    family, backbone = case
    depths = {
        name: backbone.get_layer_depth(f'backbone.{name}', 'backbone.')
        for name, _ in backbone.named_parameters()
    }
    (number,) = {count for _, count in depths.values()}
    found = [depth for depth, _ in depths.values()]
    assert set(found) == set(range(number - 1))  # the last one is that of the heads
    stem = next(
        name for name in depths if 'patch_embed' in name or 'stem' in name or 'conv1' in name
    )
    assert depths[stem][0] == 0
    if family in VITS:
        assert number == 4 + 2
        for name, (depth, _) in depths.items():
            if 'blocks' in name:
                assert depth == int(name.split('.')[2]) + 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'model': 'resnet18x'}, "'resnet18x', which timm does not have: did you mean resnet18"),
        ({'model': 'resnet18.none'}, r'has resnet18 with the tags .*tv_in1k'),
        ({'model': 'resnet18', 'out_indices': (0, 5)}, 'different ones of 0 to 4'),
        ({'model': 'resnet18', 'out_indices': (0, -5)}, 'different ones of 0 to 4'),
        ({'model': 'resnet18', 'frozen_stages': 5}, 'frozen_stages is 5, but resnet18 has 4'),
    ],
)
def test_what_cannot_be_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        TimmFeatures(pretrained=False, **options)
