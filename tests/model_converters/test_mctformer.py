"""MCTformer V2 and plain ViTs: the released numbers from converted weights."""

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import nn

from mmwsss.model_converters import (
    LAYOUTS,
    convert_checkpoint,
    convert_deit,
    convert_state_dict,
)
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS
from mmwsss.shipped import shipped_root

SIZES = [(224, 224), (240, 176), (230, 224), (101, 345)]
SMALL = """
_base_ = [
    '{configs}/_base_/models/mctformer_deit_small.py',
    '{configs}/_base_/default_runtime.py',
]
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=192, num_layers=6, num_heads=3,
                  feedforward_channels=768),
        img_size=160,
        num_classes=10,
    ),
    cam_head=dict(in_channels=192, num_classes=10),
)
"""


def shipped_model(path=LAYOUTS['mctformer'].config):
    config = load_config(path)
    init_default_scope('mmseg')
    return MODELS.build(config.model)


@pytest.fixture
def small(tmp_path):
    """Config of a small plain ViT."""
    path = tmp_path / 'small.py'
    path.write_text(SMALL.format(configs=shipped_root() / 'configs'))
    return path


@pytest.fixture(scope='module')
def pair(released_network):
    released, ours = released_network('mctformer'), shipped_model()
    layout = LAYOUTS['mctformer']
    state = convert_state_dict(released.state_dict(), layout, ours.state_dict())
    ours.load_state_dict(state, strict=True)
    return released, ours.eval()


def close(found, expected):
    scale = expected.abs().max().item()
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize('size', SIZES)
def test_logits_and_maps(pair, size):
    released, ours = pair
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        class_logits, patch_logits, maps, _, affinity, refined = released(image)
        output = ours.compute_cam(image)
    close(output.logits, class_logits)
    close(output.patch_logits, patch_logits)
    positive = maps.relu()
    close(output.cam, positive / (positive.amax((2, 3), keepdim=True) + 1e-5))
    close(output.affinity, affinity)
    close(output.raw, refined)


def test_training_mode_gives_the_same_logits(pair):
    released, ours = pair
    image = torch.randn(2, 3, 224, 224)
    drop_path = [m for m in ours.backbone.modules() if type(m).__name__ == 'DropPath']
    rates = [module.drop_prob for module in drop_path]
    try:
        for module in drop_path:
            module.drop_prob = 0.0
        with torch.no_grad():
            output = ours.train().compute_cam(image)
            expected = released(image)
    finally:
        for module, rate in zip(drop_path, rates, strict=True):
            module.drop_prob = rate
        ours.eval()
    close(output.logits, expected[0])
    close(output.raw, expected[2])
    assert output.affinity is None


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (('blocks.7.mlp.fc2.bias', None), r'fill our: backbone\.layers\.7\.ffn\.layers\.1\.bias$'),
        (('cls_token', None), r'nothing to fill our: backbone\.cls_token$'),
        (('blocks.12.norm1.weight', (384,)), r'unknown names: blocks\.12\.norm1\.weight$'),
        (('head_dist.weight', (20, 384)), r'unknown names: head_dist\.weight$'),
        (('norm.running_mean.x', (384,)), r'unknown names: norm\.running_mean\.x$'),
        (('head.weight', (20, 384)), r'other shapes: head\.weight \(20, 384\), ours \(20, 384, 3'),
        (('cls_token', (1, 80, 384)), r'other shapes: cls_token \(1, 80, 384\), ours \(1, 20'),
    ],
)
def test_what_does_not_fit_is_named(released_network, pair, change, message):
    state, (name, shape) = dict(released_network('mctformer').state_dict()), change
    if shape is None:
        del state[name]
    else:
        state[name] = torch.zeros(shape)
    with pytest.raises(ValueError, match=message):
        convert_state_dict(state, LAYOUTS['mctformer'], pair[1].state_dict())


def test_the_unused_norm_may_be_missing(released_network, pair):
    released = released_network('mctformer').state_dict()
    state = {name: value for name, value in released.items() if not name.startswith('norm.')}
    assert len(released) == len(state) + 2 == len(pair[1].state_dict()) + 2
    convert_state_dict(state, LAYOUTS['mctformer'], pair[1].state_dict())


def test_a_file_as_the_released_training_saves_it(released_network, tmp_path):
    state = released_network('mctformer').state_dict()
    torch.save({'model': state}, tmp_path / 'a.pth')
    number = convert_checkpoint(LAYOUTS['mctformer'], tmp_path / 'a.pth', tmp_path / 'b.pth')
    assert number == 150


SIZE = 192  # of the tokens of SMALL


def plain_vit(kind, tokens=1, classes=1000):
    """State dict of a ViT with a single class token, in the names of timm or of mmpretrain."""
    torch.manual_seed(0)
    if kind == 'mmpretrain':
        arch = {'embed_dims': SIZE, 'num_layers': 6, 'num_heads': 3, 'feedforward_channels': 768}
        vit = MODELS.build({'type': 'mmpretrain.VisionTransformer', 'arch': arch, 'img_size': 160})
        named, prefix = vit.state_dict(), 'backbone.'
        named['head.layers.head.weight'] = torch.zeros(classes, SIZE)
    else:
        named, prefix = {}, ''
        for index in range(6):
            for name, shape in (
                ('norm1', (SIZE,)),
                ('attn.qkv', (3 * SIZE, SIZE)),
                ('attn.proj', (SIZE, SIZE)),
                ('norm2', (SIZE,)),
                ('mlp.fc1', (4 * SIZE, SIZE)),
                ('mlp.fc2', (SIZE, 4 * SIZE)),
            ):
                named[f'blocks.{index}.{name}.weight'] = torch.randn(shape)
                named[f'blocks.{index}.{name}.bias'] = torch.randn(shape[0])
        for name, shape in (
            ('patch_embed.proj.weight', (SIZE, 3, 16, 16)),
            ('patch_embed.proj.bias', (SIZE,)),
            ('norm.weight', (SIZE,)),
            ('norm.bias', (SIZE,)),
            ('head.weight', (classes, SIZE)),
            ('head.bias', (classes,)),
        ):
            named[name] = torch.randn(shape)
    named['cls_token'] = torch.randn(1, tokens, SIZE)
    named['pos_embed'] = torch.randn(1, tokens + 100, SIZE)
    return {
        name if name.startswith('head') else prefix + name: value for name, value in named.items()
    }


@pytest.mark.parametrize(('kind', 'prefix'), [('timm', ''), ('mmpretrain', 'backbone.')])
@pytest.mark.parametrize('container', [None, 'model', 'state_dict'])
def test_a_plain_vit_begins_all_classes(tmp_path, small, kind, prefix, container):
    state = plain_vit(kind)
    torch.save({container: state} if container else state, tmp_path / 'a.pth')
    assert convert_deit(tmp_path / 'a.pth', tmp_path / 'b.pth', small) == 76
    model = shipped_model(small)
    model.backbone.init_cfg = {
        'type': 'Pretrained',
        'checkpoint': str(tmp_path / 'b.pth'),
        'prefix': 'backbone.',
    }
    model.backbone.init_weights()
    vit, positions = model.backbone, state[f'{prefix}pos_embed']
    for index in range(10):
        assert vit.cls_token[0, index].equal(state[f'{prefix}cls_token'][0, 0])
        assert vit.pos_embed[0, index].equal(positions[0, 0])
    assert vit.pos_embed[0, 10:].equal(positions[0, 1:])
    name = {
        'timm': 'blocks.5.mlp.fc2.weight',
        'mmpretrain': 'backbone.layers.5.ffn.layers.1.weight',
    }
    assert vit.layers[5].ffn.layers[1].weight.equal(state[name[kind]])
    whole = torch.load(tmp_path / 'b.pth', weights_only=True)['state_dict']
    assert {f'backbone.{name}' for name in vit.state_dict()} == whole.keys()


def test_a_plain_vit_computes_what_the_class_token_vit_does_with_one_class():
    """One class: the converted backbone is mmpretrain's own network."""
    arch = {'embed_dims': SIZE, 'num_layers': 6, 'num_heads': 3, 'feedforward_channels': 768}
    options = {'arch': arch, 'img_size': 160}
    ours = MODELS.build({'type': 'mmwsss.ClassTokenViT', 'num_classes': 1, **options}).eval()
    theirs = MODELS.build(
        {'type': 'mmpretrain.VisionTransformer', 'out_type': 'raw', 'final_norm': False, **options}
    )
    for value in ours.parameters():
        nn.init.normal_(value, std=0.1)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    theirs.eval()
    image = torch.randn(2, 3, 160, 160)
    with torch.no_grad():
        found, expected = ours(image), theirs(image)[0]
    close(found.class_tokens, expected[:, :1])
    close(found.patch_tokens.flatten(2).transpose(1, 2), expected[:, 1:])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (('blocks.2.norm2.bias', None), r'nothing to fill our: backbone\.layers\.2\.ln2\.bias$'),
        (('cls_token', None), r'nothing to fill our: backbone\.cls_token'),
        (('dist_token', (1, 1, SIZE)), r'unknown names: dist_token'),
        (('blocks.6.norm2.bias', (SIZE,)), r'unknown names: blocks\.6\.norm2\.bias$'),
        (('pos_embed', (1, 577, SIZE)), r'pos_embed \(1, 586, 192\), ours \(1, 110, 192\)'),
        (('cls_token', (1, 7, SIZE)), r'cls_token \(1, 7, 192\), ours \(1, 10, 192\)'),
    ],
)
def test_a_vit_that_does_not_fit_is_named(tmp_path, small, change, message):
    state, (name, shape) = plain_vit('timm'), change
    if shape is None:
        del state[name]
    else:
        state[name] = torch.zeros(shape)
    torch.save(state, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=rf'a\.pth is not a ViT with .*small\.py: .*{message}'):
        convert_deit(tmp_path / 'a.pth', tmp_path / 'b.pth', small)
    assert not (tmp_path / 'b.pth').exists()


def test_a_vit_that_has_class_tokens_keeps_them(tmp_path, small):
    """MCTformer V1: as many tokens as classes, and a linear head that it does not use."""
    state = plain_vit('timm', tokens=10, classes=10)
    torch.save({'model': state}, tmp_path / 'a.pth')
    convert_deit(tmp_path / 'a.pth', tmp_path / 'b.pth', small)
    whole = torch.load(tmp_path / 'b.pth', weights_only=True)['state_dict']
    assert whole['backbone.cls_token'].equal(state['cls_token'])
    assert whole['backbone.pos_embed'].equal(state['pos_embed'])
