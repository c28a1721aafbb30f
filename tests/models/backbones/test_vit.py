"""What CPF-CTE needs of mmpretrain's VisionTransformer, which comes through the config."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope

from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS

ROOT = Path(__file__).resolve().parents[3]
VOC = 'configs/cpf_cte/cpf_cte_voc.py'
SMALL = {
    'arch': {'embed_dims': 192, 'num_layers': 6, 'num_heads': 3, 'feedforward_channels': 768},
    'img_size': 160,
    'patch_size': 8,
    'frozen_stages': -1,
    'init_cfg': None,
}


def build(**options):
    config = load_config(ROOT / VOC)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    config.model.backbone.update({**SMALL, **options})
    config.model.cam_head.in_channels = 192
    return MODELS.build(config.model)


@pytest.mark.parametrize('size', [(160, 160), (240, 240), (64, 96), (8, 8)])
def test_patch_tokens_of_any_size(size):
    features = build().extract_feat(torch.randn(2, 3, *size))
    assert [stage.shape for stage in features] == [(2, 192, size[0] // 8, size[1] // 8)]


def test_patches_keep_their_places():
    backbone = build().backbone
    with torch.no_grad():
        for layer in backbone.layers:  # only embedding and norm are left
            for parameter in (*layer.attn.proj.parameters(), *layer.ffn.layers[1].parameters()):
                parameter.zero_()
    images = torch.zeros(1, 3, 160, 160)
    changed = images.clone()
    changed[:, :, 8:16, 24:32] = 1  # row 1, column 3
    difference = (backbone(changed)[0] - backbone(images)[0]).abs().amax(dim=(0, 1))
    assert difference.nonzero().tolist() == [[1, 3]]


def test_position_embeddings_are_resized():
    backbone, seen = build().backbone, []
    with torch.no_grad():
        places = torch.arange(401.0)[None, :, None]
        backbone.pos_embed.copy_(places.expand_as(backbone.pos_embed))
        backbone.patch_embed.projection.bias.zero_()
        backbone.pre_norm.register_forward_hook(lambda module, inputs, output: seen.append(output))
        for side in (160, 240):
            backbone(torch.zeros(1, 3, side, side))
    small, large = (tokens[0, 1:, 0] for tokens in seen)
    assert small.tolist() == list(range(1, 401))
    large = large.view(30, 30)
    assert large[:, 0].diff().gt(0).all()  # from the first row to the last
    assert large[0].diff().gt(0).all()
    assert (large.min().item(), large.max().item()) == pytest.approx((1, 400), abs=10)


def test_no_attention_matrix_is_kept():
    model, kept = build(), []

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.backbone(torch.randn(1, 3, 240, 240))
    tokens = 30 * 30 + 1
    assert max(kept) < tokens**2  # not even one head's


def test_frozen_blocks_keep_nothing_and_get_no_gradient():
    backbone = build(frozen_stages=4).backbone
    backbone(torch.randn(1, 3, 64, 64))[0].sum().backward()
    learning = {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}
    assert {name.split('.')[0] for name in learning} == {'layers', 'ln1'}
    assert {name.split('.')[1] for name in learning if name[0:6] == 'layers'} == {'4', '5'}
    for name, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) == (name in learning), name


def test_a_checkpoint_of_another_size_is_loaded(tmp_path):
    old, path = build(img_size=64).backbone, tmp_path / 'vit.pth'
    with torch.no_grad():
        old.pos_embed.normal_()
    state = {f'backbone.{name}': value for name, value in old.state_dict().items()}
    torch.save({'state_dict': state}, path)
    pretrained = {'type': 'Pretrained', 'checkpoint': str(path), 'prefix': 'backbone.'}
    new = build(init_cfg=pretrained).backbone
    new.init_weights()
    assert new.layers[3].attn.qkv.weight.equal(old.layers[3].attn.qkv.weight)
    assert new.pos_embed.shape == (1, 401, 192)
    assert new.pos_embed[:, 0].equal(old.pos_embed[:, 0])
    expected = old.pos_embed[0, 1:].view(8, 8, 192).mean(dim=(0, 1))
    torch.testing.assert_close(new.pos_embed[0, 1:].mean(0), expected, atol=0.05, rtol=0)
