from dataclasses import replace

import pytest
import torch
from clip_models import SMALL, TEXT, build

from mmwsss.functional.clip_es import attention_affinity
from mmwsss.functional.one_stage import refining_map
from mmwsss.models.backbones.frozen_clip import attend
from mmwsss.registry import MODELS

pytest.importorskip('open_clip')
LABEL = torch.tensor([[1, 0, 1, 0], [0, 1, 0, 0]])
VECTORS = torch.randn(6, 16, generator=torch.Generator().manual_seed(0))


def parts():
    """Backbone and head, and the features of two images of 3 x 5 patches."""
    backbone = MODELS.build(
        {
            'type': 'mmwsss.OneStageCLIP',
            'model_name': SMALL,
            'pretrained': None,
            'num_attention_blocks': 3,
            'num_refining_blocks': 4,
            'out_indices': (0, 2),
        }
    )
    head = MODELS.build(
        {'type': 'mmwsss.OneStageCLIPHead', 'num_classes': 4, 'embed_dims': 16, 'text': TEXT}
    )
    head.text.set_vectors(VECTORS)
    images = torch.randn(2, 3, 24, 40, generator=torch.Generator().manual_seed(1))
    return head, backbone(images), images


def test_without_a_guide_the_maps_are_those_of_clip_es():
    head, features, images = parts()
    valid = torch.ones(2, 1, 24, 40)
    host = build(vectors=VECTORS)
    expected = host.cam_head(host.backbone(images), valid, LABEL)
    found = head(features, valid, LABEL)
    for name in ('cam', 'raw', 'affinity', 'vectors'):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


def test_the_decoders_affinity_chooses_the_attention():
    head, features, _ = parts()
    valid = torch.ones(2, 1, 24, 40)
    affinity = torch.rand(2, 15, 15)
    guided = head(replace(features, decoder_affinity=affinity), valid, LABEL)
    block = features.clip.blocks[-1]
    _, last = attend(block, features.tokens, block.ln_1(features.tokens))
    attentions = torch.cat([features.attentions, last[None, :, 1:, 1:]])
    assert len(attentions) == 4
    expected = attention_affinity(refining_map(affinity, attentions), 3)
    torch.testing.assert_close(guided.affinity, expected)
    torch.testing.assert_close(guided.raw, head.spread(guided.cam, expected))
    plain = head(features, valid, LABEL)
    torch.testing.assert_close(guided.cam, plain.cam)  # GradCAM itself stays
    assert not torch.allclose(guided.raw, plain.raw)


def test_padding_is_cleared_and_the_rest_is_stretched():
    head, features, _ = parts()
    valid = torch.ones(2, 1, 24, 40)
    valid[0, :, :, 24:] = 0  # three of five columns are left
    found, whole = head(features, valid, LABEL), head(features, torch.ones_like(valid), LABEL)
    assert not found.cam[0, :, :, 3:].any() and not found.raw[0, :, :, 3:].any()
    inside = whole.cam[0, :, :, :3]
    peak = inside.amax(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(found.cam[0, :, :, :3], inside / (peak + 1e-7))
    torch.testing.assert_close(found.cam[1], whole.cam[1], atol=1e-6, rtol=1e-6)
    fused = head.refine_pacam(found, torch.ones_like(found.cam))
    assert fused[0, :, :, :3].any() and not fused[0, :, :, 3:].any()


def test_given_prototypes_take_the_place_of_the_texts():
    head, features, images = parts()
    valid, others = torch.ones(2, 1, 24, 40), torch.randn(6, 16)
    host = build(vectors=others)
    expected = host.cam_head(host.backbone(images), valid, LABEL)
    found = head(replace(features, prototypes=others), valid, LABEL)
    torch.testing.assert_close(found.cam, expected.cam)
