import argparse
from pathlib import Path

import pytest
import torch
from mmengine.runner import load_checkpoint
from safetensors.torch import save_file
from torch import nn

from mmwsss.models.weights import read_checkpoint, read_state_dict

STATE = {'a.weight': torch.arange(6.0).view(2, 3), 'a.bias': torch.ones(2)}


class Harmful:
    """Writes a file when its pickle is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize('new_format', [True, False])
def test_code_of_a_pickle_is_not_run(tmp_path, new_format):
    trace = tmp_path / 'written_by_the_pickle'
    content = {'state_dict': STATE, 'x': Harmful(trace)}
    torch.save(content, tmp_path / 'a.pth', _use_new_zipfile_serialization=new_format)
    torch.load(tmp_path / 'a.pth', weights_only=False)
    assert trace.is_file()  # what must not happen
    trace.unlink()
    message = r'a\.pth holds more than tensors, an object pathlib\S+, whose code is not run: save'
    with pytest.raises(ValueError, match=message) as caught:
        read_state_dict(tmp_path / 'a.pth')
    assert 'weights_only' not in str(caught.value)
    with pytest.raises(ValueError, match=message):  # mmengine reads local files so, too
        load_checkpoint(nn.Linear(3, 2), str(tmp_path / 'a.pth'))
    assert not trace.exists()


def test_the_options_of_a_command_beside_the_weights_do_no_harm(tmp_path):
    """DeiT's and MCTformer's trainers save theirs."""
    content = {'model': STATE, 'epoch': 3, 'args': argparse.Namespace(lr=0.1, data='x')}
    torch.save(content, tmp_path / 'a.pth')
    assert read_checkpoint(tmp_path / 'a.pth')['args'].lr == 0.1
    assert read_state_dict(tmp_path / 'a.pth').keys() == STATE.keys()


def test_safetensors(tmp_path):
    save_file(STATE, tmp_path / 'a.safetensors')
    found = read_state_dict(tmp_path / 'a.safetensors')
    assert all(found[name].equal(value) for name, value in STATE.items())
    (tmp_path / 'b.safetensors').write_bytes(b'junk')
    with pytest.raises(ValueError, match=r'b\.safetensors is no safetensors file'):
        read_state_dict(tmp_path / 'b.safetensors')
    network = nn.Sequential()
    network.add_module('a', nn.Linear(3, 2))
    load_checkpoint(network, str(tmp_path / 'a.safetensors'), strict=True)
    assert network.a.weight.equal(STATE['a.weight'])


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_values_that_are_not_finite_are_refused(tmp_path, value, dtype):
    weight = STATE['a.weight'].to(dtype).clone()
    weight[1, 2] = value
    torch.save(STATE | {'a.weight': weight}, tmp_path / 'a.pth')
    with pytest.raises(
        ValueError, match=r'a\.pth holds values that are not finite .*in a\.weight:'
    ):
        read_state_dict(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([1], r'holds a list and no state dict'),
        ({}, r'no state dict of a network: it is empty'),
        ({'epoch': 3}, r'no state dict of a network: no tensors are epoch'),
    ],
)
def test_a_file_of_something_else(tmp_path, content, message):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=message):
        read_state_dict(tmp_path / 'a.pth')


@pytest.mark.parametrize('content', [b'', b'junk', b'PK\x03\x04 cut off', b'\x80\x02}q\x00.'])
def test_a_damaged_file(tmp_path, content):
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(ValueError, match=r'a\.pth (is no file of weights|holds no state dict)'):
        read_state_dict(tmp_path / 'a.pth')


@pytest.mark.parametrize(
    'content',
    [
        {'model': STATE},
        {'model_state_dict': STATE, 'epoch': 3},
        {'ema': STATE, 'updates': 7},
        {'model': {f'module.{name}': value for name, value in STATE.items()}},
        {'state_dict': {f'model.{name}': value for name, value in STATE.items()}},
        {f'module.model.{name}': value for name, value in STATE.items()},
    ],
)
def test_weights_are_found_wherever_a_trainer_puts_them(tmp_path, content):
    torch.save(content, tmp_path / 'a.pth')
    found = read_state_dict(tmp_path / 'a.pth')
    assert all(found[name].equal(value) for name, value in STATE.items())
    network = nn.Sequential()
    network.add_module('a', nn.Linear(3, 2))
    load_checkpoint(network, str(tmp_path / 'a.pth'), strict=True)
    assert network.a.weight.equal(STATE['a.weight'])


def test_safetensors_are_known_by_their_content(tmp_path):
    save_file(STATE, tmp_path / 'a.pth')
    assert read_state_dict(tmp_path / 'a.pth').keys() == STATE.keys()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'it is empty'),
        (b'version https://git-lfs.github.com/spec/v1', '`git lfs pull` fetches the file'),
        (b' <!DOCTYPE html><html>', 'it is a web page: load the file itself'),
        (b'\x1f\x8b\x08', 'it is a compressed archive: unpack it'),
        (b'PK\x03\x04 half', 'or a damaged one$'),
    ],
)
def test_what_a_file_is_instead_is_said(tmp_path, content, message):
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(ValueError, match=rf'a\.pth is no file of weights.*{message}'):
        read_checkpoint(tmp_path / 'a.pth')


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no file of weights .*a\.pth'):
        read_checkpoint(tmp_path / 'a.pth')
    with pytest.raises(IsADirectoryError, match='is a folder: give the file of weights in it'):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize('container', ['state_dict', 'model', 'net', None])
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_a_state_dict_in_a_container_or_of_a_parallel_model(tmp_path, container, prefix):
    state = {f'{prefix}{name}': value for name, value in STATE.items()}
    torch.save(state if container is None else {container: state}, tmp_path / 'a.pth')
    found = read_state_dict(tmp_path / 'a.pth')
    assert found.keys() == STATE.keys()
    assert all(found[name].equal(value) for name, value in STATE.items())


def test_a_module_of_that_name_among_others_keeps_it(tmp_path):
    state = {'module.a': torch.ones(1), 'b': torch.ones(1)}
    torch.save(state, tmp_path / 'a.pth')
    assert read_state_dict(tmp_path / 'a.pth').keys() == state.keys()


@pytest.mark.parametrize(('number', 'more'), [(3, ''), (5, ' and 2 more')])
def test_of_many_names_three_are_said(tmp_path, number, more):
    state = {name: torch.tensor([float('nan')]) for name in 'abcde'[:number]}
    torch.save(state | {'x': torch.ones(1)}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=rf'infinite\) in a, b, c{more}: its training'):
        read_state_dict(tmp_path / 'a.pth')
    torch.save(dict.fromkeys('abcde'[:number], 3), tmp_path / 'b.pth')
    with pytest.raises(ValueError, match=r'no tensors are a, b, c$'):
        read_state_dict(tmp_path / 'b.pth')


def test_whole_numbers_are_always_finite(tmp_path):
    torch.save(STATE | {'steps': torch.tensor(3)}, tmp_path / 'a.pth')
    assert read_state_dict(tmp_path / 'a.pth')['steps'] == 3
