import pytest
import torch
from clip_models import SMALL, NaiveCLIP

from mmwsss.models import clip as loading
from mmwsss.registry import MODELS

pytest.importorskip('open_clip')


def build(kind='FrozenCLIP', **options):
    options = {'model_name': SMALL, 'pretrained': None, **options}
    if kind == 'CLIPESBackbone':
        options = {'num_attention_blocks': 3, **options}
    return MODELS.build({'type': f'mmwsss.{kind}', **options})


def naive(backbone):
    return NaiveCLIP({f'visual.{k}': v for k, v in backbone.visual.state_dict().items()})


@pytest.mark.parametrize('size', [(32, 32), (24, 40), (8, 8)])
def test_tokens_of_every_block(size):
    backbone = build(out_indices=(0, 2, 3))
    images = torch.randn(2, 3, *size)
    maps = backbone(images)
    assert [tuple(m.shape) for m in maps] == [(2, 64, size[0] // 8, size[1] // 8)] * 3
    clip = naive(backbone)
    for index, image in enumerate(images.double()):
        x, grid = clip.embed(image)
        for block in range(4):
            x, _ = clip.block(block, x)
            if block in backbone.out_indices:
                expected = x[1:].T.reshape(-1, *grid)
                found = maps[backbone.out_indices.index(block)][index].double()
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_open_clip_gives_the_same_tokens_at_its_own_size():
    backbone = build(out_indices=(1, -1))
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = backbone.visual.forward_intermediates(images, indices=[1, 3])
    for found, other in zip(backbone(images), expected['image_intermediates'], strict=True):
        torch.testing.assert_close(found, other)


def test_attention_of_the_last_blocks():
    backbone = build('CLIPESBackbone')
    images = torch.randn(1, 3, 16, 24)
    features = backbone(images)
    x, maps, grid = naive(backbone).before_last(images[0].double())
    assert features.size == grid == (2, 3)
    torch.testing.assert_close(features.tokens[0].double(), x, rtol=1e-4, atol=1e-5)
    expected = (maps[1] + maps[2])[1:, 1:]  # the third of three is the last block's
    torch.testing.assert_close(features.attention[0].double(), expected, rtol=1e-4, atol=1e-6)


def test_positions_rounded_as_released():
    rounded, exact = build(half_positions=True), build()
    images = torch.randn(1, 3, 24, 40)
    assert not torch.equal(rounded(images)[0], exact(images)[0])
    torch.testing.assert_close(rounded(images)[0], exact(images)[0], rtol=0.05, atol=0.05)


@pytest.mark.parametrize('size', [(24, 40), (32, 32)])  # resized, and the table as it is
def test_positions_are_rounded_whether_or_not_they_are_resized(size):
    backbone, images = build('CLIPESBackbone', half_positions=True), torch.randn(1, 3, *size)
    tokens, _ = backbone.embed(images)
    backbone.half_positions = False
    cells = (size[0] // 8, size[1] // 8)
    table = backbone._positions(cells).half().float()
    patches = backbone.visual.conv1(images).flatten(2).transpose(1, 2)
    raw = torch.cat([backbone.visual.class_embedding.expand(1, 1, -1), patches], dim=1)
    torch.testing.assert_close(tokens, backbone.visual.ln_pre(raw + table), rtol=0, atol=1e-6)
    assert not tokens.allclose(backbone.embed(images)[0], rtol=0, atol=1e-6)


def test_it_never_learns():
    backbone = build().train()
    assert not backbone.training and not backbone.visual.training
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_random_weights_are_the_same_every_time_and_draw_nothing():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = build()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    second = build().state_dict()
    for name, value in first.state_dict().items():
        assert torch.equal(value, second[name])


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'out_indices': (4,)}, ValueError, 'has 4 blocks'),
        ({'model_name': 'ViT-Q-99'}, ValueError, 'list_models'),
        ({'model_name': None}, ValueError, 'set model.backbone.model_name'),
        ({'model_name': 'RN50'}, ValueError, 'choose a ViT'),
        ({'pretrained': 'absent.pt'}, FileNotFoundError, 'set model.backbone.pretrained'),
        ({'pretrained': 'openai'}, ValueError, 'needs a model_name'),
        (
            {'model_name': 'ViT-B-16-quickgelu', 'pretrained': 'opneai'},
            ValueError,
            "knows no weights 'opneai'",
        ),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        build(**options)


def test_weights_that_cannot_be_fetched(monkeypatch):
    open_clip = loading.import_open_clip()

    def fail(*args, **kwargs):
        raise OSError('no network')

    monkeypatch.setattr(open_clip, 'create_model', fail)
    with pytest.raises(ConnectionError, match=r'set model\.backbone\.pretrained to its path'):
        build(model_name='ViT-B-16-quickgelu', pretrained='openai')


def test_too_many_attention_blocks():
    with pytest.raises(ValueError, match='has 4 blocks'):
        build('CLIPESBackbone', num_attention_blocks=5)


def test_sides_that_are_no_multiple_of_the_patch():
    with pytest.raises(ValueError, match='PillowResize'):
        build()(torch.randn(1, 3, 32, 33))


def test_blocks_may_be_counted_from_the_end():
    assert build(out_indices=(-4, -1)).out_indices == (0, 3)
    with pytest.raises(ValueError, match='has 4 blocks'):
        build(out_indices=(-5,))


def test_attention_of_one_block_up_to_all():
    images = torch.randn(1, 3, 16, 24)
    one, all_ = (build('CLIPESBackbone', num_attention_blocks=n)(images) for n in (1, 4))
    assert not one.attention.any()  # the last block is the head's
    _, maps, _ = naive(one.clip).before_last(images[0].double())
    torch.testing.assert_close(all_.attention[0].double(), sum(maps)[1:, 1:], rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match='num_attention_blocks is 0'):
        build('CLIPESBackbone', num_attention_blocks=0)


def test_weights_come_by_pretrained_and_whole():
    with pytest.raises(ValueError, match='takes its weights by `pretrained`'):
        build(init_cfg={'type': 'Pretrained', 'checkpoint': 'a.pth'})
    backbone = build()
    assert backbone.embed_dims == 16
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert all(value.equal(before[name]) for name, value in backbone.state_dict().items())
    del before['visual.proj']
    with pytest.raises(ValueError, match=r'visual\.proj'):
        backbone.load_state_dict(before, strict=False)


def test_tokens_of_one_axis_are_enough_to_be_no_multiple_of_the_patch():
    for size in ((33, 32), (32, 33)):
        with pytest.raises(ValueError, match=r'cut into patches of \(8, 8\)'):
            build()(torch.randn(1, 3, *size))
