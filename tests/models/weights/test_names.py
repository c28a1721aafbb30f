"""Names of tensors; `test_loading` has networks that are filled by them."""

import pytest

from mmwsss.models.weights.names import describe, to_mmpretrain_vit


def test_every_name_of_timm_gets_that_of_mmpretrain():
    names = {
        'cls_token': 'cls_token',
        'patch_embed.proj.weight': 'patch_embed.projection.weight',
        'blocks.0.norm1.weight': 'layers.0.ln1.weight',
        'blocks.0.attn.qkv.weight': 'layers.0.attn.qkv.weight',
        'blocks.10.attn.proj.bias': 'layers.10.attn.proj.bias',
        'blocks.10.norm2.bias': 'layers.10.ln2.bias',
        'blocks.10.mlp.fc1.weight': 'layers.10.ffn.layers.0.0.weight',
        'blocks.10.mlp.fc2.bias': 'layers.10.ffn.layers.1.bias',
        'blocks.3.ls1.gamma': 'layers.3.ls1.gamma',  # what mmpretrain lacks keeps its place
        'norm.bias': 'ln1.bias',
        'head.weight': 'head.weight',
        'fc_norm.weight': 'fc_norm.weight',
    }
    state = {theirs: object() for theirs in names}
    assert to_mmpretrain_vit(state) == {names[name]: value for name, value in state.items()}


def test_other_names_stay():
    state = {'norm.weight': object()}
    assert to_mmpretrain_vit(state) is state


@pytest.mark.parametrize(
    ('names', 'said'),
    [
        ([], 'empty'),
        (['x.a', 'y'], "a network that mmwsss does not know, with names such as 'x.a'"),
        (
            ['layers.0.ln1.weight', 'layers.11.ln1.weight'],
            "a ViT with mmpretrain's names, of 2 blocks",
        ),
        (
            ['backbone.layers.0.ln1.weight', 'backbone.layers.1.ln1.weight'],
            "a ViT with mmpretrain's names, of 2 blocks",
        ),
        (
            ['visual.conv1.weight', 'visual.transformer.resblocks.0.ln_1.weight'],
            'a CLIP with the names of OpenAI',  # both of its towers have blocks
        ),
        (
            ['cam_head.classifier.weight', 'backbone.layers.0.ln1.weight'],
            "a checkpoint of one of mmwsss's classification networks",
        ),
        (['_conv_stem.weight'], 'an EfficientNet of efficientnet_lite_pytorch'),
    ],
)
def test_what_a_file_seems_to_be(names, said):
    assert describe(iter(names)) == said
