"""Rates fall from the heads to the stem, on top of what mmengine's options say."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from timm_networks import small
from torch import nn

from mmwsss.registry import MODELS

pytest.importorskip('timm')


def make_model(backbone):
    model = nn.Module()
    model.backbone = backbone
    model.cam_head = nn.Linear(2, 3)
    return model


def rates(model, layer_decay):
    config = {
        'type': 'OptimWrapper',
        'constructor': 'mmwsss.LayerDecayConstructor',
        'optimizer': {'type': 'SGD', 'lr': 0.1, 'weight_decay': 0.01},
        'paramwise_cfg': {
            'layer_decay': layer_decay,
            'norm_decay_mult': 0.0,
            'custom_keys': {'cam_head': {'lr_mult': 10.0}, 'pos_embed': {'decay_mult': 0.0}},
        },
    }
    optimizer = build_optim_wrapper(model, config).optimizer
    groups = {id(group['params'][0]): group for group in optimizer.param_groups}
    return {name: groups[id(value)] for name, value in model.named_parameters()}


def test_each_block_learns_at_a_share_of_the_rate_of_the_next():
    model = make_model(MODELS.build(small('dinov2')))
    found = rates(model, 0.5)
    assert found['cam_head.weight']['lr'] == pytest.approx(1.0)
    for number in range(4):
        group = found[f'backbone.network.blocks.{number}.attn.qkv.weight']
        assert group['lr'] == pytest.approx(0.1 * 0.5 ** (4 - number))
        assert group['weight_decay'] == 0.01
    assert found['backbone.network.norm.weight']['lr'] == pytest.approx(0.05)
    assert found['backbone.network.norm.weight']['weight_decay'] == 0
    assert found['backbone.network.pos_embed']['lr'] == pytest.approx(0.1 * 0.5**5)
    assert found['backbone.network.pos_embed']['weight_decay'] == 0


def test_a_backbone_of_mmpretrain_knows_its_layers():
    import mmpretrain.models  # noqa: F401

    backbone = {
        'type': 'mmpretrain.VisionTransformer',
        'arch': {'embed_dims': 8, 'num_layers': 2, 'num_heads': 2, 'feedforward_channels': 8},
        'img_size': 32,
        'out_type': 'featmap',
    }
    for wrapped in (False, True):
        config = dict(backbone)
        if wrapped:
            config = {'type': 'mmwsss.PaddedBackbone', 'backbone': config, 'strides': (16,)}
        found = {
            name.removeprefix('backbone.').removeprefix('network.'): group
            for name, group in rates(make_model(MODELS.build(config)), 0.5).items()
        }
        first, second = (
            next(
                group['lr'] for name, group in found.items() if name.startswith(f'layers.{number}.')
            )
            for number in range(2)
        )
        assert second == pytest.approx(2 * first)


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match=r'layer_decay is 1\.5: .* over 0 and up to 1'):
        rates(make_model(MODELS.build(small('dinov2'))), 1.5)
    for value in (0, None, 'half'):
        with pytest.raises(ValueError, match=rf'layer_decay is {value}: LayerDecayConstructor'):
            rates(make_model(MODELS.build(small('dinov2'))), value)
    with pytest.raises(ValueError, match=r'is a Conv2d, whose layers .* does not know'):
        rates(make_model(nn.Conv2d(3, 2, 1)), 0.5)


def test_one_is_the_rate_of_mmengine():
    torch.manual_seed(0)
    found = rates(make_model(MODELS.build(small('resnet'))), 1.0)
    assert {round(group['lr'], 9) for group in found.values()} == {0.1, 1.0}


def test_a_wrapped_model_learns_as_one_alone():
    model = make_model(MODELS.build(small('dinov2')))
    alone = {name: group['lr'] for name, group in rates(model, 0.5).items()}
    wrapper = nn.Module()
    wrapper.module = model
    found = {name: group['lr'] for name, group in rates(wrapper, 0.5).items()}
    assert found == {f'module.{name}': rate for name, rate in alone.items()}
