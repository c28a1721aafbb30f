"""The ViT against attention in plain loops, its table of positions, and what it keeps."""

import math

import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

from mmwsss.models.backbones import ClassTokenViT
from mmwsss.models.backbones.class_token_vit import resize_positions
from mmwsss.registry import MODELS

ARCH = {'embed_dims': 12, 'num_layers': 4, 'num_heads': 3, 'feedforward_channels': 20}
CLASSES = 5


def build(seed=0, **options):
    torch.manual_seed(seed)
    config = {'type': 'mmwsss.ClassTokenViT', 'num_classes': CLASSES, 'arch': dict(ARCH)}
    vit = MODELS.build({**config, 'img_size': 32, 'patch_size': 8, **options})
    for value in vit.parameters():
        nn.init.normal_(value, std=0.3)
    return vit.eval()


def image(size=(32, 32), number=2):
    return torch.randn(number, 3, *size, generator=torch.Generator().manual_seed(1))


def layer_norm(token, norm, eps=1e-6):
    mean = sum(token) / len(token)
    variance = sum((value - mean) ** 2 for value in token) / len(token)
    return torch.stack(
        [
            (value - mean) / (variance + eps).sqrt() * weight + bias
            for value, weight, bias in zip(token, norm.weight, norm.bias, strict=True)
        ]
    )


def gelu(values):
    return values * 0.5 * (1 + torch.erf(values / math.sqrt(2)))


def naive_block(layer, tokens):
    """One image, (T, D): returns tokens and the attention averaged over heads."""
    count, channels = tokens.shape
    width = channels // ARCH['num_heads']
    normed = torch.stack([layer_norm(token, layer.ln1) for token in tokens])
    qkv = normed @ layer.attn.qkv.weight.T + layer.attn.qkv.bias
    query, key, value = qkv[:, :channels], qkv[:, channels : 2 * channels], qkv[:, 2 * channels :]
    mixed, mean = torch.zeros_like(tokens), torch.zeros(count, count, dtype=tokens.dtype)
    for head in range(ARCH['num_heads']):
        part = slice(head * width, (head + 1) * width)
        for i in range(count):
            scores = [
                (query[i, part] @ key[j, part] / math.sqrt(width)).exp() for j in range(count)
            ]
            for j in range(count):
                share = scores[j] / sum(scores)
                mean[i, j] += share / ARCH['num_heads']
                mixed[i, part] += share * value[j, part]
    tokens = tokens + mixed @ layer.attn.proj.weight.T + layer.attn.proj.bias
    normed = torch.stack([layer_norm(token, layer.ln2) for token in tokens])
    first, second = layer.ffn.layers[0][0], layer.ffn.layers[1]
    inside = gelu(normed @ first.weight.T + first.bias)
    return tokens + inside @ second.weight.T + second.bias, mean


def test_tokens_and_attention_by_plain_loops():
    vit = build(img_size=16).double()
    images = image((16, 16), number=1).double()
    with torch.no_grad():
        found = vit(images)
        tokens = []
        for token in vit.cls_token[0]:
            tokens.append(token + vit.pos_embed[0, len(tokens)])
        kernel, bias = vit.patch_embed.projection.weight, vit.patch_embed.projection.bias
        for y in range(2):
            for x in range(2):
                patch = images[0, :, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8]
                token = (kernel * patch).sum((1, 2, 3)) + bias
                tokens.append(token + vit.pos_embed[0, len(tokens)])
        tokens, matrices = torch.stack(tokens), []
        for layer in vit.layers:
            tokens, matrix = naive_block(layer, tokens)
            matrices.append(matrix)
    torch.testing.assert_close(found.class_tokens[0], tokens[:CLASSES])
    torch.testing.assert_close(found.patch_tokens[0].flatten(1).T, tokens[CLASSES:])
    torch.testing.assert_close(found.attention[:, 0], torch.stack(matrices))


def test_shapes_on_an_image_of_another_size():
    found = build()(image((35, 61)))
    assert found.class_tokens.shape == (2, CLASSES, 12)
    assert found.patch_tokens.shape == (2, 12, 4, 7)  # pixels that fill no patch are not seen
    assert found.attention.shape == (4, 2, CLASSES + 28, CLASSES + 28)
    assert found[-1] is found.patch_tokens  # where projections of plug-ins look
    torch.testing.assert_close(found.attention.sum(-1), torch.ones(4, 2, CLASSES + 28))
    same = build()(image((35, 61))[:, :, :32, :56])
    assert same.patch_tokens.equal(found.patch_tokens)


def test_there_is_no_norm_after_the_last_block():
    vit = build()
    assert not [name for name, _ in vit.named_parameters() if name.startswith('ln')]


def test_attention_is_kept_in_evaluation_and_not_in_training():
    vit = build()
    with torch.no_grad():
        evaluated = vit(image())
        trained = vit.train()(image())
    assert evaluated.attention is not None
    assert trained.attention is None
    torch.testing.assert_close(trained.patch_tokens, evaluated.patch_tokens)
    torch.testing.assert_close(trained.class_tokens, evaluated.class_tokens)


@pytest.mark.parametrize('keep', [True, False])
def test_attention_is_kept_when_asked_for(keep):
    vit = build(keep_attention=keep)
    assert (vit(image()).attention is not None) == keep
    assert (vit.train()(image()).attention is not None) == keep


def test_the_same_paths_are_dropped_with_and_without_the_attention():
    vit = build(drop_path_rate=0.5).train()
    found = []
    for vit.keep_attention in (False, True):
        torch.manual_seed(0)
        with torch.no_grad():
            found.append(vit(image(number=6)).patch_tokens)
    torch.testing.assert_close(found[0], found[1])
    with torch.no_grad():
        assert not found[0].allclose(vit.eval()(image(number=6)).patch_tokens)


def test_training_makes_no_matrix_of_all_tokens():
    """The attention of a training step is never in what autograd saves."""
    vit, tokens = build(drop_path_rate=0.1).train(), CLASSES + 16
    shapes = []

    def note(value):
        shapes.append(tuple(value.shape))
        return value

    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        vit(image()).patch_tokens.sum().backward()
    assert shapes
    assert not [shape for shape in shapes if shape[-2:] == (tokens, tokens)]


def test_every_parameter_learns_as_ddp_wants():
    vit = build().train()
    found = vit(image())
    (found.class_tokens.square().sum() + found.patch_tokens.square().sum()).backward()
    assert all(value.grad is not None and value.grad.any() for value in vit.parameters())


def naive_cubic(distance, a=-0.75):
    distance = abs(distance)
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    if distance < 2:
        return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a
    return 0.0


def naive_resized(table, size):
    """Bicubic, the scale being (h + 0.1) / rows; (rows, columns) -> size."""
    rows, columns = len(table), len(table[0])
    out = []
    for y in range(size[0]):
        out.append([])
        for x in range(size[1]):
            source_y = (y + 0.5) * rows / (size[0] + 0.1) - 0.5
            source_x = (x + 0.5) * columns / (size[1] + 0.1) - 0.5
            total = 0.0
            for i in range(math.floor(source_y) - 1, math.floor(source_y) + 3):
                for j in range(math.floor(source_x) - 1, math.floor(source_x) + 3):
                    weight = naive_cubic(source_y - i) * naive_cubic(source_x - j)
                    inside = table[min(max(i, 0), rows - 1)][min(max(j, 0), columns - 1)]
                    total += weight * inside
            out[-1].append(total)
    return out


@pytest.mark.parametrize('size', [(4, 4), (3, 7), (9, 5), (1, 1)])
def test_positions_by_plain_loops(size):
    positions = torch.randn(1, 3 + 12, 2, dtype=torch.float64)
    found = resize_positions(positions, (4, 3), size)
    assert found.shape == (1, 3 + size[0] * size[1], 2)
    assert found[:, :3].equal(positions[:, :3])
    for channel in range(2):
        table = positions[0, 3:, channel].view(4, 3).tolist()
        expected = torch.tensor(naive_resized(table, size), dtype=torch.float64)
        torch.testing.assert_close(found[0, 3:, channel].view(size), expected)


@pytest.mark.parametrize('side', range(1, 65))
def test_no_size_loses_a_cell(side):
    positions = torch.randn(1, 1 + 196, 1)
    assert resize_positions(positions, (14, 14), (side, 3)).shape[1] == 1 + side * 3


@pytest.mark.parametrize(('size', 'resized'), [((32, 32), False), ((32, 35), True)])
def test_the_table_is_taken_as_it_is_for_square_images_of_its_grid(monkeypatch, size, resized):
    """As in the released code, 32 x 35 pixels make the same 4 x 4 grid, yet are resized."""
    calls = []

    def note(*arguments):
        calls.append(arguments[1:])
        return resize_positions(*arguments)

    monkeypatch.setattr('mmwsss.models.backbones.class_token_vit.resize_positions', note)
    build()(image(size))
    assert calls == ([((4, 4), (4, 4))] if resized else [])


def plain_state(vit):
    """A plain ViT's state dict in mmpretrain's names, with one class token."""
    state = {f'backbone.{name}': value.clone() for name, value in vit.state_dict().items()}
    state['backbone.cls_token'] = torch.randn(1, 1, 12)
    state['backbone.pos_embed'] = torch.randn(1, 1 + 16, 12)
    state['backbone.ln1.weight'] = torch.ones(12)
    return state


def test_a_checkpoint_of_mmpretrain_gives_every_class_the_single_token(tmp_path):
    state = plain_state(build(seed=3))
    torch.save({'state_dict': state}, tmp_path / 'vit.pth')
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'vit.pth'), 'prefix': 'backbone'}
    vit = build(init_cfg=init_cfg)
    vit.init_weights()
    for index in range(CLASSES):
        assert vit.cls_token[0, index].equal(state['backbone.cls_token'][0, 0])
        assert vit.pos_embed[0, index].equal(state['backbone.pos_embed'][0, 0])
    assert vit.pos_embed[0, CLASSES:].equal(state['backbone.pos_embed'][0, 1:])
    assert vit.layers[3].attn.qkv.weight.equal(state['backbone.layers.3.attn.qkv.weight'])


def test_our_own_checkpoint_comes_back(tmp_path):
    vit, other = build(), build(seed=5)
    torch.save(vit.state_dict(), tmp_path / 'vit.pth')
    load_checkpoint(other, str(tmp_path / 'vit.pth'), strict=True)
    assert all(a.equal(b) for a, b in zip(vit.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_classes': 7}, r'cls_token is \(1, 7, 12\) in the checkpoint and \(1, 5, 12\)'),
        ({'img_size': 48}, r'pos_embed is \(1, 41, 12\) in the checkpoint and \(1, 21, 12\)'),
    ],
)
def test_a_checkpoint_of_other_tokens_is_refused(tmp_path, options, message):
    torch.save(build(**options).state_dict(), tmp_path / 'vit.pth')
    with pytest.raises(ValueError, match=message):
        load_checkpoint(build(), str(tmp_path / 'vit.pth'))


def test_a_checkpoint_with_the_names_of_timm_is_refused(tmp_path):
    """As a whole; as `init_cfg` it is welcome."""
    state = {'cls_token': torch.zeros(1, 1, 12), 'pos_embed': torch.zeros(1, 17, 12)}
    state['blocks.0.attn.qkv.weight'] = torch.zeros(36, 12)
    torch.save(state, tmp_path / 'vit.pth')
    with pytest.raises(ValueError, match=r'leaves 50 of 52 tensors.*names of timm and DeiT, of 1'):
        load_checkpoint(build(), str(tmp_path / 'vit.pth'))


def test_initial_weights_without_a_checkpoint():
    torch.manual_seed(0)
    vit = ClassTokenViT(CLASSES, dict(ARCH), img_size=32, patch_size=8)
    vit.init_weights()
    assert vit.pos_embed.shape == (1, CLASSES + 16, 12)
    assert vit.pos_embed.std() > 0.01  # classes differ by it
    assert not vit.cls_token.any()


def initialised(**options):
    torch.manual_seed(0)
    config = {'type': 'mmwsss.ClassTokenViT', 'num_classes': CLASSES, 'arch': dict(ARCH)}
    vit = MODELS.build({**config, 'img_size': 32, 'patch_size': 8, **options})
    torch.manual_seed(1)
    vit.init_weights()
    return vit


def test_similar_attention_begins_with_keys_that_equal_the_queries():
    vit, usual = initialised(similar_attention=True), initialised()
    tokens = torch.randn(2, 7, 12, generator=torch.Generator().manual_seed(2))
    for layer, other in zip(vit.layers, usual.layers, strict=True):
        query, key, value = layer.attn.qkv(tokens).chunk(3, dim=-1)
        their_query, their_key, their_value = other.attn.qkv(tokens).chunk(3, dim=-1)
        assert query.equal(key)
        assert query.equal(their_query)
        assert value.equal(their_value)
        assert not their_query.allclose(their_key)
    changed = {
        name
        for name, parameter in vit.named_parameters()
        if not parameter.equal(usual.get_parameter(name))
    }
    assert changed == {
        f'layers.{i}.attn.qkv.{kind}' for i in range(4) for kind in ('weight', 'bias')
    }


def test_a_checkpoint_is_not_changed_by_similar_attention(tmp_path):
    path = tmp_path / 'vit.pth'
    trained = build()
    torch.save({'state_dict': trained.state_dict()}, path)
    vit = initialised(similar_attention=True)
    load_checkpoint(vit, str(path), map_location='cpu')
    assert all(value.equal(trained.state_dict()[name]) for name, value in vit.state_dict().items())


def test_similar_attention_is_not_for_trained_weights():
    with pytest.raises(ValueError, match='leave one out'):
        initialised(similar_attention=True, init_cfg={'type': 'Pretrained', 'checkpoint': 'x.pth'})


def test_what_a_config_may_leave_out_and_what_it_may_say():
    vit = ClassTokenViT(20)  # DeiT-S, 224 x 224 pixels
    assert vit.pos_embed.shape == (1, 20 + 14 * 14, 384) and len(vit.layers) == 12
    rates = [layer.ffn.dropout_layer.drop_prob for layer in vit.layers]
    assert rates == [0.0] * 12
    rates = [layer.ffn.dropout_layer.drop_prob for layer in build(drop_path_rate=0.3).layers]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3])
    state = build().state_dict()
    del state['layers.2.ln1.bias']
    with pytest.raises(ValueError, match=r'layers\.2\.ln1\.bias'):
        build().load_state_dict(state, strict=False)


def test_cells_of_pixels_that_fill_no_patch_may_be_padded():
    padded = build(patch_cfg={'padding': 'corner'})
    assert padded(image((35, 61))).patch_tokens.shape == (2, 12, 5, 8)
