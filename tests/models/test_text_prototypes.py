import pytest
import torch
from clip_models import SMALL

from mmwsss.model_converters import convert_clip
from mmwsss.models import text_prototypes
from mmwsss.models.clip import encode_texts, load_clip
from mmwsss.models.text_prototypes import TextPrototypes, read_list
from mmwsss.registry import MODELS

pytest.importorskip('open_clip')


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.setenv('MMWSSS_CACHE', str(tmp_path / 'cache'))
    numbers = {'input_resolution': torch.tensor(32)}  # only OpenAI's files have them
    torch.save({**load_clip(SMALL, None).state_dict(), **numbers}, tmp_path / 'weights.pt')
    convert_clip(tmp_path / 'weights.pt', tmp_path / 'clip.pth')
    return MODELS.build(
        {
            'type': 'mmwsss.FrozenCLIP',
            'model_name': None,
            'pretrained': str(tmp_path / 'clip.pth'),
        }
    )


def build(**options):
    options = {'names': ['boat', 'a cat'], 'background': ['sky'], **options}
    return TextPrototypes(num_classes=2, embed_dims=16, **options)


def test_the_mean_over_templates(clip):
    templates = ['a {}.', 'one {} or two', 'the {}!']
    found = build(templates=templates)(clip)
    for index, name in enumerate(['boat', 'a cat', 'sky']):
        prompts = [template.format(name) for template in templates]
        vectors = encode_texts(clip.model_name, clip.pretrained, prompts)
        mean = sum(vector / vector.norm() for vector in vectors) / 3
        torch.testing.assert_close(found[index], mean / mean.norm())


def test_computed_once_for_the_same_weights_and_texts(clip, tmp_path, monkeypatch):
    first = build()(clip)
    monkeypatch.setattr(text_prototypes, 'encode_texts', lambda *a: pytest.fail('computed again'))
    assert torch.equal(build()(clip), first)
    for other in ({'names': ['boat', 'dog']}, {'templates': ['x {}']}, {'background': ['sea']}):
        with pytest.raises(pytest.fail.Exception):
            build(**other)(clip)
    saved = torch.load(clip.pretrained, weights_only=True)
    saved['state_dict']['logit_scale'] += 1
    torch.save(saved, clip.pretrained)
    with pytest.raises(pytest.fail.Exception):
        build()(clip)


def test_a_checkpoint_does_not_overrule_the_config(clip):
    first = build()
    first(clip)
    assert not first.state_dict()
    second = build(names=['boat', 'dog'])
    second.load_state_dict(first.state_dict())
    assert not torch.equal(second(clip), first(clip))


def test_shipped_lists():
    assert [len(read_list(name)) for name in ('voc', 'voc_background')] == [20, 25]
    assert [len(read_list(name)) for name in ('coco', 'coco_background')] == [80, 23]
    differing = set(read_list('coco_as_published')) ^ set(read_list('coco'))
    assert differing == {'snowboard', 'sknowboard'}
    assert read_list('voc')[4] == 'bottle' and read_list('voc')[14].startswith('person with')
    assert read_list('template_clip_es') == ['a clean origami {}.']
    assert len(read_list('template_vpl')) == 8


def test_an_editable_list(tmp_path):
    path = tmp_path / 'names.txt'
    path.write_text('# mine\n\n cat \nsnow leopard\n')
    assert read_list(str(path)) == ['cat', 'snow leopard']
    with pytest.raises(FileNotFoundError, match=r'none of the lists coco, '):
        read_list('vok')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'names': 'voc'}, '20 names for 2 classes'),
        ({'templates': ['a photo']}, 'has no {}'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_vectors_of_another_clip():
    with pytest.raises(ValueError, match=r'set model\.cam_head\.embed_dims'):
        build().set_vectors(torch.zeros(3, 512))
