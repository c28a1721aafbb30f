import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from torch import nn

from mmwsss.functional.mctformer import patch_affinity
from mmwsss.models.affinity.vit_patches import ViTPatches
from mmwsss.registry import MODELS

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (33, 50, 3), dtype=np.uint8)
SIZES = {'embed_dim': 24, 'depth': 2, 'num_heads': 3}
TIMM = {'type': 'TIMMBackbone', 'features_only': False, 'pretrained': False, 'num_classes': 0}
PLAIN = {**TIMM, 'model_name': 'vit_tiny_patch16_224', 'dynamic_img_size': True, **SIZES}
BACKBONES = {
    'timm': PLAIN,
    'timm, registers': {
        **TIMM,
        'model_name': 'vit_small_patch14_reg4_dinov2',
        'dynamic_img_size': True,
        **SIZES,
    },
    'timm, features': {**PLAIN, 'features_only': True, 'out_indices': (1,)},
    'timm, DINOv3': {
        **TIMM,
        'model_name': 'vit_small_patch16_dinov3',
        'dynamic_img_size': True,
        **SIZES,
    },
    'timm, EVA-02': {
        **TIMM,
        'model_name': 'eva02_tiny_patch14_224',
        'dynamic_img_size': True,
        **SIZES,
    },
    'mmpretrain': {
        'type': 'mmpretrain.VisionTransformer',
        'arch': {'embed_dims': 24, 'num_layers': 2, 'num_heads': 3, 'feedforward_channels': 48},
        'img_size': 32,
        'out_type': 'featmap',
    },
}


@pytest.fixture(scope='module', params=BACKBONES)
def network(request):
    torch.manual_seed(0)
    init_default_scope('mmseg')
    import mmpretrain.models  # noqa: F401

    return ViTPatches(BACKBONES[request.param], long_side=64)


def test_keys_are_those_of_the_patches_in_their_order(network):
    side = network.patch_size
    patches = network(IMAGE)
    assert patches.grid == (round(33 * 64 / 50 / side), round(64 / side))
    assert patches.keys.shape == (patches.grid[0] * patches.grid[1], 24)
    assert patches.attention is None
    assert not torch.allclose(patches.keys[0], patches.keys[1])
    again = network(IMAGE)
    assert again.keys.equal(patches.keys)  # nothing is left of the first look
    assert not any(layer._forward_pre_hooks for layer in network.layers)


def test_keys_are_those_that_the_last_block_uses(network, monkeypatch):
    seen = []
    attend = torch.nn.functional.scaled_dot_product_attention

    def watched(query, key, *arguments, **options):
        seen.append((query, key))
        return attend(query, key, *arguments, **options)

    monkeypatch.setattr(torch.nn.functional, 'scaled_dot_product_attention', watched)
    for module in network.modules():
        if hasattr(module, 'scaled_dot_product_attention'):
            monkeypatch.setattr(module, 'scaled_dot_product_attention', watched)
    patches = network(IMAGE)
    assert len(seen) == len(network.layers) == 2
    key = seen[-1][1]  # (1, heads, N, d)
    number = len(patches.keys)
    if network.rotates:  # positions turn a key, and leave its length
        norm = key.norm(dim=-1)[0, :, -number:]
        own = patches.keys.unflatten(1, (3, -1)).norm(dim=-1).T
        torch.testing.assert_close(own, norm)
        with pytest.raises(ValueError, match='rotary positions cannot be read'):
            network(IMAGE, attention=True)
        return
    torch.testing.assert_close(patches.keys, key[0].transpose(0, 1).flatten(1)[-number:])
    weights = [(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1).mean(1) for q, k in seen]
    expected = patch_affinity(torch.stack(weights), weights[0].shape[-1] - number)[0]
    found = network(IMAGE, attention=True)
    assert found.keys is None
    torch.testing.assert_close(found.attention, expected)


def test_images_are_normalised_and_keep_their_size_without_a_long_side():
    torch.manual_seed(0)
    init_default_scope('mmseg')
    plain = ViTPatches(PLAIN, mean=(0, 0, 0), std=(1, 1, 1))
    pixels, grid = plain._prepare(IMAGE[:32, :48])
    assert grid == (2, 3)
    np.testing.assert_array_equal(pixels[0].permute(1, 2, 0), IMAGE[:32, :48])
    usual, _ = ViTPatches(PLAIN)._prepare(IMAGE[:32, :48])
    np.testing.assert_allclose(usual[0, 2], (IMAGE[:32, :48, 2] - 103.53) / 57.375, rtol=1e-5)


def test_a_network_without_attention_is_refused():
    init_default_scope('mmseg')
    with pytest.raises(ValueError, match='ResNet has no attention layer with qkv'):
        ViTPatches({'type': 'ResNet', 'depth': 18})


def test_a_narrow_image_has_a_row_of_patches_and_the_size_is_the_configs():
    torch.manual_seed(0)
    init_default_scope('mmseg')
    network = ViTPatches(PLAIN, long_side=48)
    pixels, grid = network._prepare(IMAGE[:3])
    assert grid == (1, 3) and pixels.shape == (1, 3, 16, 48)
    _, grid = network._prepare(IMAGE[:, :2])
    assert grid == (3, 1)
    assert not {'mean', 'std'} & network.state_dict().keys()  # the config says what they are
    assert not network.network.training


def test_the_network_has_the_weights_that_its_config_names():
    init_default_scope('mmseg')
    import mmpretrain.models  # noqa: F401

    init_cfg = {'type': 'Constant', 'layer': 'Linear', 'val': 0.5}
    network = ViTPatches({**BACKBONES['mmpretrain'], 'init_cfg': init_cfg})
    assert all(layer.qkv.weight.eq(0.5).all() for layer in network.layers)


class SeparateAttention(nn.Module):
    num_heads = 2

    def __init__(self):
        super().__init__()
        self.q_proj, self.k_proj = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, tokens):
        return self.k_proj(self.q_proj(tokens))


@MODELS.register_module(force=True)
class SeparateViT(nn.Module):
    """One block, whose queries and keys have layers of their own."""

    def __init__(self):
        super().__init__()
        self.patches, self.attn = nn.Conv2d(3, 6, 8, stride=8), SeparateAttention()

    def forward(self, pixels):
        return self.attn(self.patches(pixels).flatten(2).transpose(1, 2))


class NormedAttention(nn.Module):
    """Biases beside the layer, as EVA has them, and norms of queries and keys."""

    num_heads = 2

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(6, 18, bias=False)
        self.q_bias, self.k_bias = (nn.Parameter(torch.randn(6)) for _ in range(2))
        self.q_norm, self.k_norm = nn.LayerNorm(3), nn.LayerNorm(3)
        for norm in (self.q_norm, self.k_norm):
            nn.init.normal_(norm.weight)

    def forward(self, tokens):
        return tokens


def test_biases_beside_the_layer_and_norms_of_the_heads_are_applied():
    torch.manual_seed(0)
    network = ViTPatches({'type': 'mmwsss.SeparateViT'})
    plain, attention = network.network, NormedAttention()
    plain.attn, network.layers = attention, [attention]
    pixels, _ = network._prepare(IMAGE)
    with torch.no_grad():
        tokens = plain.patches(pixels).flatten(2).transpose(1, 2)[0]
        query = tokens @ attention.qkv.weight[:6].T + attention.q_bias
        key = tokens @ attention.qkv.weight[6:12].T + attention.k_bias
        query, key = (
            torch.stack([norm(part[:, :3]), norm(part[:, 3:])])
            for part, norm in ((query, attention.q_norm), (key, attention.k_norm))
        )
    torch.testing.assert_close(network(IMAGE).keys, torch.cat(list(key), dim=1))
    weights = (query @ key.transpose(1, 2) / 3**0.5).softmax(-1).mean(0)
    torch.testing.assert_close(network(IMAGE, attention=True).attention, weights)


def test_queries_and_keys_may_have_layers_of_their_own():
    torch.manual_seed(0)
    network = ViTPatches({'type': 'mmwsss.SeparateViT'})
    plain = network.network
    pixels, grid = network._prepare(IMAGE)
    with torch.no_grad():
        tokens = plain.patches(pixels).flatten(2).transpose(1, 2)[0]
        query, key = plain.attn.q_proj(tokens), plain.attn.k_proj(tokens)
    assert network(IMAGE).grid == grid == (4, 6)
    torch.testing.assert_close(network(IMAGE).keys, key)
    heads = [
        (query[:, part] @ key[:, part].T / 3**0.5).softmax(1) for part in (slice(3), slice(3, 6))
    ]
    torch.testing.assert_close(network(IMAGE, attention=True).attention, sum(heads) / 2)
