from dataclasses import replace

import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

from mmwsss.model_converters import (
    LAYOUTS,
    Layout,
    convert_checkpoint,
    convert_state_dict,
)
from mmwsss.models.weights import read_state_dict
from mmwsss.registry import MODELS

LAYOUT = Layout(
    'a small network',
    'small.py',
    (
        (r'(?:first|copies\.0)\.(.+)', r'layers.0.\1'),
        (r'norm(\d)\.(.+)', lambda match: f'layers.{int(match[1]) + 1}.{match[2]}'),
    ),
    constants=r'table\d+',
)


@MODELS.register_module(force=True)
class SmallNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))


def released(**changes):
    state = {'table12': torch.zeros(4, dtype=torch.long)}
    for prefix, layer in (('first', nn.Conv2d(2, 3, 1)), ('norm0', nn.BatchNorm2d(3))):
        state |= {f'{prefix}.{name}': value for name, value in layer.state_dict().items()}
    state |= {'copies.0.weight': state['first.weight'], 'copies.0.bias': state['first.bias']}
    return state | changes


def convert(state):
    return convert_state_dict(state, LAYOUT, SmallNetwork().state_dict())


def test_every_tensor_finds_its_place():
    state = released()
    converted = convert(state)
    assert converted['layers.0.weight'].equal(state['first.weight'])
    assert converted['layers.1.running_var'].equal(state['norm0.running_var'])
    SmallNetwork().load_state_dict(converted, strict=True)


@pytest.mark.parametrize('kept', ['first', 'copies'])
def test_one_name_of_a_tensor_is_enough(kept):
    dropped = {'first': 'copies', 'copies': 'first'}[kept]
    state = {key: value for key, value in released().items() if not key.startswith(dropped)}
    assert convert(state).keys() == SmallNetwork().state_dict().keys()


def test_old_files_lack_the_counters():
    state = released()
    del state['norm0.num_batches_tracked']
    assert convert(state)['layers.1.num_batches_tracked'] == 0


def test_a_half_precision_file_becomes_float():
    state = {k: v.half() if v.is_floating_point() else v for k, v in released().items()}
    converted = convert(state)
    assert converted['layers.0.weight'].dtype == torch.float32
    assert converted['layers.0.weight'].equal(state['first.weight'].float())


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'second.weight': torch.zeros(1)}, r'unknown names: second\.weight$'),
        ({'norm1.weight': torch.zeros(3)}, r'unknown names: norm1\.weight$'),
        ({'layers.0.weight': torch.zeros(3, 2, 1, 1)}, r'unknown names: layers\.0\.weight$'),
        ({'my.table12': torch.zeros(1)}, r'unknown names: my\.table12$'),
        ({'copies.0.bias': torch.ones(3)}, r'differ: copies\.0\.bias and first\.bias$'),
        ({'norm0.bias': torch.ones(4)}, r'other shapes: norm0\.bias \(4,\), ours \(3,\)$'),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        convert(released(**changes))


def test_a_rule_is_for_whole_names():
    layout = LAYOUTS['irn_cam']
    assert layout.rename('classifier.weight') == 'cam_head.classifier.weight'
    assert layout.rename('classifier.weight_g') is None
    assert layout.rename('my.classifier.weight') is None
    assert LAYOUTS['irnet'].rename('mean_shift.running_mean2') is None


def test_what_is_missing_is_named():
    state = released()
    del state['norm0.running_mean']
    with pytest.raises(ValueError, match=r'nothing to fill our: layers\.1\.running_mean$'):
        convert(state)


def test_all_problems_are_in_one_message():
    state = released(second=torch.zeros(1))
    del state['norm0.bias']
    with pytest.raises(ValueError, match=r'unknown names: second; nothing.*layers\.1\.bias'):
        convert(state)
    with pytest.raises(ValueError, match=r'other9 and 5 more'):
        convert(released(**{f'other{index}': torch.zeros(1) for index in range(15)}))


@pytest.mark.parametrize('container', [None, 'state_dict', 'model'])
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_containers_and_the_prefix_of_parallel_models(tmp_path, container, prefix):
    state = {prefix + key: value for key, value in released().items()}
    torch.save({container: state, 'epoch': 3} if container else state, tmp_path / 'a.pth')
    assert read_state_dict(tmp_path / 'a.pth').keys() == released().keys()


def test_the_prefix_is_taken_off_all_names_or_none(tmp_path):
    torch.save({'module.a': torch.zeros(1), 'b': torch.zeros(1)}, tmp_path / 'a.pth')
    assert read_state_dict(tmp_path / 'a.pth').keys() == {'module.a', 'b'}


class Evil:
    def __reduce__(self):
        return print, ('code ran',)


@pytest.mark.parametrize('content', [{'a': Evil()}, {'a': 3}, [torch.zeros(1)], {}])
def test_a_file_of_something_else_is_refused(tmp_path, capsys, content):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth'):
        read_state_dict(tmp_path / 'a.pth')
    assert 'code ran' not in capsys.readouterr().out


def test_a_damaged_or_missing_file_is_named(tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'PK\x03\x04 cut off')
    with pytest.raises(ValueError, match=r'a\.pth is no file of weights'):
        read_state_dict(tmp_path / 'a.pth')
    with pytest.raises(FileNotFoundError, match=r'b\.pth'):
        read_state_dict(tmp_path / 'b.pth')


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'small.py'
    path.write_text("model = dict(type='mmwsss.SmallNetwork')\n")
    return path


def test_a_file_becomes_a_checkpoint_of_mmengine(tmp_path, config):
    source, target = tmp_path / 'a.pth', tmp_path / 'out' / 'b.pth'
    torch.save(released(), source)
    assert convert_checkpoint(LAYOUT, source, target, config) == 7
    model = SmallNetwork()
    checkpoint = load_checkpoint(model, str(target), strict=True)
    assert checkpoint['meta']['converted_from'] == 'a small network'
    assert torch.load(target, weights_only=True)['state_dict'].keys() == model.state_dict().keys()


def test_an_error_says_which_file_is_not_what_and_writes_nothing(tmp_path, config):
    torch.save(released(second=torch.zeros(1)), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth is not a small network for .*small\.py: unknown'):
        convert_checkpoint(LAYOUT, tmp_path / 'a.pth', tmp_path / 'b.pth', config)
    assert not (tmp_path / 'b.pth').exists()
    missing = replace(LAYOUT, config='configs/none.py')
    with pytest.raises(FileNotFoundError, match=r'configs/none\.py'):
        convert_checkpoint(missing, tmp_path / 'a.pth', tmp_path / 'b.pth')
