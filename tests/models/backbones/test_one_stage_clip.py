import pytest
import torch
from clip_models import SMALL, NaiveCLIP

from mmwsss.registry import MODELS

pytest.importorskip('open_clip')
CLOSE = {'rtol': 1e-4, 'atol': 1e-5}


def build(kind='OneStageCLIP', **options):
    defaults = {'out_indices': (0, 2), 'num_attention_blocks': 3}
    if kind == 'OneStageCLIP':
        defaults['num_refining_blocks'] = 2
    options = {'model_name': SMALL, 'pretrained': None, **defaults, **options}
    return MODELS.build({'type': f'mmwsss.{kind}', **options})


def test_tokens_and_attention_of_every_block():
    backbone = build(num_refining_blocks=4)
    images = torch.randn(2, 3, 16, 24)
    features = backbone(images)
    clip = NaiveCLIP({f'visual.{k}': v for k, v in backbone.visual.state_dict().items()})
    for index, image in enumerate(images.double()):
        x, grid = clip.embed(image)
        assert features.size == grid == (2, 3)
        for block in range(3):
            x, attention = clip.block(block, x)
            found = features.attentions[block, index].double()
            torch.testing.assert_close(found, attention[1:, 1:], **CLOSE)
            if block in (0, 2):
                found = features.maps[(0, 2).index(block)][index].double()
                torch.testing.assert_close(found, x[1:].T.reshape(-1, *grid), **CLOSE)
        torch.testing.assert_close(features.tokens[index].double(), x, **CLOSE)


@pytest.mark.parametrize('attending', [1, 2, 4])
@pytest.mark.parametrize('refining', [2, 4])
def test_the_two_numbers_of_blocks_are_apart(attending, refining):
    images = torch.randn(1, 3, 16, 24)
    options = {'num_attention_blocks': attending}
    features = build(num_refining_blocks=refining, **options)(images)
    host = build('CLIPESBackbone', **options)(images)
    torch.testing.assert_close(features.attention, host.attention)
    torch.testing.assert_close(features.tokens, host.tokens)
    every = build(num_refining_blocks=4)(images).attentions
    assert len(features.attentions) == refining - 1  # and the last one, of the CAM head
    torch.testing.assert_close(features.attentions, every[4 - refining :])


def test_a_segmentor_takes_the_maps_alone():
    backbone, images = build(), torch.randn(1, 3, 16, 24)
    for alone, found in zip(backbone.maps(images), backbone(images).maps, strict=True):
        torch.testing.assert_close(alone, found)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'out_indices': (0, 3)}, 'names the last of 4 blocks'),
        ({'out_indices': (-1,)}, 'leave out 3'),
        ({'num_refining_blocks': 1}, 'num_refining_blocks is 1'),
        ({'num_refining_blocks': 5}, 'has 4 blocks'),
    ],
)
def test_blocks_that_are_not_there(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
