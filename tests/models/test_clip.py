import socket

import pytest
import torch
from clip_models import SMALL

from mmwsss.model_converters import convert_clip
from mmwsss.models.clip import (
    build_clip,
    encode_texts,
    load_clip,
    openai_architecture,
    read_clip_file,
    weights_digest,
)

pytest.importorskip('open_clip')


@pytest.fixture(scope='module')
def small():
    return load_clip(SMALL, None)


def openai_state(small):
    """A state dict as in OpenAI's archives: half precision, and three numbers beside."""
    state = {name: value.half() for name, value in small.state_dict().items()}
    return {**state, 'input_resolution': torch.tensor(32), 'context_length': torch.tensor(20)}


def test_sizes_are_read_from_the_shapes():
    # heads are 64 channels wide in all of OpenAI's models
    vision = {**SMALL['vision_cfg'], 'head_width': 64}
    architecture = {**SMALL, 'vision_cfg': vision}
    assert openai_architecture(load_clip(SMALL, None).state_dict()) == architecture
    assert openai_architecture({'visual.proj': torch.zeros(1)}) is None


def test_the_sizes_of_openais_vit_b_16():
    """Their text tower has eight heads; shapes alone are looked at."""
    shapes = {
        'visual.proj': (768, 512),
        'visual.conv1.weight': (768, 3, 16, 16),
        'visual.positional_embedding': (197, 768),
        'token_embedding.weight': (49408, 512),
        'positional_embedding': (77, 512),
        **{f'visual.transformer.resblocks.{n}.ln_1.bias': (768,) for n in range(12)},
        **{f'transformer.resblocks.{n}.ln_1.bias': (512,) for n in range(11)},
    }
    state = {name: torch.empty(shape, device='meta') for name, shape in shapes.items()}
    assert openai_architecture(state) == {
        'embed_dim': 512,
        'quick_gelu': True,
        'vision_cfg': {
            'image_size': 224,
            'patch_size': 16,
            'width': 768,
            'head_width': 64,
            'layers': 12,
        },
        'text_cfg': {
            'context_length': 77,
            'vocab_size': 49408,
            'width': 512,
            'heads': 8,
            'layers': 11,
        },
    }


def test_weights_of_the_other_gelu_are_refused():
    with pytest.raises(ValueError, match=r'trained with QuickGELU.*the name with "-quickgelu"'):
        load_clip('ViT-B-16', 'openai')


def test_a_file_of_openai_says_itself_what_it_is(small, tmp_path):
    path = tmp_path / 'clip.pt'
    torch.save(openai_state(small), path)
    model = load_clip(None, str(path))
    assert model.visual.transformer.resblocks[0].attn.num_heads == 1
    for name, value in model.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, small.state_dict()[name].half().float())


def test_a_file_of_others_is_asked_for_its_name(small, tmp_path):
    """It has OpenAI's names and shapes, and its GELU may be the other one."""
    path = tmp_path / 'open_clip_pytorch_model.bin'
    torch.save(small.state_dict(), path)
    with pytest.raises(ValueError, match=r'not say what model it is, .*: set model\.backbone\.mod'):
        load_clip(None, str(path))
    with pytest.raises(ValueError, match=r'files of others need no conversion'):
        convert_clip(path, tmp_path / 'out.pth')
    model = load_clip({**SMALL, 'quick_gelu': False}, str(path))
    assert isinstance(model.visual.transformer.resblocks[0].mlp.gelu, torch.nn.GELU)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'text_cfg': {'hf_model_name': 'a/b'}}, r'plain ViT CLIP has, text_cfg\.hf_model_name: '),
        ({'vision_cfg': {'timm_model_name': 'a'}}, r'CLIP has, vision_cfg\.timm_model_name: '),
        ({'cast_dtype': 1}, r'CLIP has, cast_dtype: '),
        ({'text_cfg': 1}, r'must be a dict with embed_dim, vision_cfg and text_cfg'),
        ({'patches': 'resnet'}, r"patches='resnet'; only"),
    ],
)
def test_an_architecture_that_is_not_known(small, tmp_path, change, message):
    path = tmp_path / 'own.pth'
    own = {
        key: {**SMALL[key], **value} if isinstance(value, dict) else value
        for key, value in change.items()
    }
    meta = {'open_clip': {**SMALL, **own}}
    torch.save({'state_dict': small.state_dict(), 'meta': meta}, path)
    for read in (lambda: load_clip(None, str(path)), lambda: convert_clip(path, path)):
        with pytest.raises(ValueError, match=message):
            read()


def test_a_torchscript_archive(small, tmp_path):
    class Holder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.visual = torch.nn.Linear(2, 3)

        def forward(self, x):
            return self.visual(x)

    path = tmp_path / 'archive.pt'
    torch.jit.script(Holder()).save(str(path))
    state, architecture = read_clip_file(str(path))
    assert sorted(state) == ['visual.bias', 'visual.weight'] and architecture is None


def test_the_converter_keeps_weights_and_says_the_architecture(small, tmp_path):
    torch.save(openai_state(small), tmp_path / 'in.pt')
    number = convert_clip(tmp_path / 'in.pt', tmp_path / 'out.pth')
    assert number == len(small.state_dict())
    saved = torch.load(tmp_path / 'out.pth', weights_only=True)
    assert saved['meta']['open_clip']['embed_dim'] == 16
    model = load_clip(None, str(tmp_path / 'out.pth'))
    texts = ['a dog', 'a cat on a mat']
    assert encode_texts(None, str(tmp_path / 'out.pth'), texts).shape == (2, 16)
    assert torch.equal(model.logit_scale, small.logit_scale.half().float())


@pytest.mark.parametrize('change', ['missing', 'unknown', 'shape'])
def test_the_converter_is_strict(small, tmp_path, change):
    state = openai_state(small)
    if change == 'missing':
        del state['visual.ln_pre.bias']
    elif change == 'unknown':
        state['visual.attnpool.weight'] = torch.zeros(2)
    else:
        state['visual.ln_pre.bias'] = torch.zeros(2)
    torch.save(state, tmp_path / 'in.pt')
    with pytest.raises(ValueError, match='is no ViT CLIP of OpenAI'):
        convert_clip(tmp_path / 'in.pt', tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


def test_files_that_are_no_clip(tmp_path):
    (tmp_path / 'text.pt').write_text('no weights')
    torch.save({'weight': torch.zeros(2)}, tmp_path / 'other.pt')
    torch.save({'epoch': 3}, tmp_path / 'number.pt')
    with pytest.raises(ValueError, match='damaged'):
        load_clip(None, str(tmp_path / 'text.pt'))
    with pytest.raises(ValueError, match='does not say what model'):
        load_clip(None, str(tmp_path / 'other.pt'))
    with pytest.raises(ValueError, match='no state dict'):
        load_clip(None, str(tmp_path / 'number.pt'))
    with pytest.raises(ValueError, match='does not fit'):
        load_clip(SMALL, str(tmp_path / 'other.pt'))


def test_the_digest_changes_with_the_weights(tmp_path):
    path = tmp_path / 'a.pt'
    path.write_bytes(b'1')
    first = weights_digest(str(path))
    path.write_bytes(b'2')
    assert weights_digest(str(path)) != first
    assert weights_digest('openai') == 'openai'


@pytest.fixture
def caches(tmp_path, monkeypatch):
    """Empty caches of the hub and of OpenAI's package."""
    import huggingface_hub

    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_CACHE', str(tmp_path / 'hub'))
    return tmp_path


@pytest.fixture
def asked(monkeypatch, small):
    """What open_clip is asked for; the network cannot be reached."""
    import open_clip

    calls = []

    def create_model(name, pretrained):
        calls.append(pretrained)
        return small

    def no_connection(*args, **kwargs):
        raise OSError('no network')

    monkeypatch.setattr(open_clip, 'create_model', create_model)
    monkeypatch.setattr(socket, 'create_connection', no_connection)
    return calls


def test_without_a_network_nothing_is_asked_for(caches, asked):
    with pytest.raises(ConnectionError, match=r"'openai' of ViT-B-16-quickgelu are not here"):
        load_clip('ViT-B-16-quickgelu', 'openai')
    assert not asked


def test_what_the_hub_has_cached_needs_no_network(caches, asked):
    folder = caches / 'hub/models--timm--vit_base_patch16_clip_224.openai'
    (folder / 'refs').mkdir(parents=True)
    (folder / 'refs/main').write_text('1234')
    (folder / 'snapshots/1234').mkdir(parents=True)
    (folder / 'snapshots/1234/open_clip_model.safetensors').touch()
    load_clip('ViT-B-16-quickgelu', 'openai')
    assert asked == [str(folder / 'snapshots/1234/open_clip_model.safetensors')]


def test_what_openais_package_has_cached_is_taken(caches, asked):
    path = caches / '.cache/clip/ViT-B-16.pt'
    path.parent.mkdir(parents=True)
    path.write_bytes(b'junk')
    with pytest.raises(ValueError, match=r'clip/ViT-B-16\.pt is no file of weights'):
        load_clip('ViT-B-16-quickgelu', 'openai')
    assert not asked


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'positional_embedding': None}, r'but positional_embedding, a tensor of 2 axes, is not'),
        ({'visual.conv1.weight': torch.zeros(2, 3)}, r'conv1\.weight, .* 4 axes, is \(2, 3\)'),
        ({'visual.ln_pre.bias': torch.full((32,), torch.nan)}, r'not finite .*ln_pre\.bias'),
    ],
)
def test_damaged_files_of_openai(small, tmp_path, change, message):
    state = {**openai_state(small), **change}
    path = tmp_path / 'clip.pt'
    torch.save({name: value for name, value in state.items() if value is not None}, path)
    with pytest.raises(ValueError, match=rf'clip\.pt.*{message}'):
        load_clip(None, str(path))


def test_texts_are_encoded_by_the_text_tower(small):
    open_clip = pytest.importorskip('open_clip')
    texts = [f'a photo of thing {number}' for number in range(70)]  # more than one batch
    found = encode_texts(SMALL, None, texts)
    tokens = open_clip.SimpleTokenizer(context_length=20)(texts)
    with torch.no_grad():
        expected = small.encode_text(tokens, normalize=True)
    torch.testing.assert_close(found, expected)


def test_a_foreign_vocabulary():
    text = {**SMALL['text_cfg'], 'vocab_size': 64}
    with pytest.raises(ValueError, match='give the prototypes of such a model as vectors'):
        encode_texts({**SMALL, 'text_cfg': text}, None, ['a'])


def test_a_hybrid(tmp_path):
    vision = {**SMALL['vision_cfg'], 'image_size': 64, 'patch_size': 16}
    architecture = {**SMALL, 'vision_cfg': vision, 'patches': 'efficientnet_lite0'}
    model = build_clip(architecture)
    path = tmp_path / 'hybrid.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {'open_clip': architecture}}, path)
    visual = load_clip(None, str(path), 'visual')
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(visual(images), model.eval().visual(images))
    assert convert_clip(path, tmp_path / 'out.pth') == len(model.state_dict())
    saved = torch.load(tmp_path / 'out.pth', weights_only=True)
    assert saved['meta']['open_clip'] == architecture
    with pytest.raises(ValueError, match='is known'):
        build_clip({**architecture, 'patches': 'resnet'})
