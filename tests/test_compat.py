import importlib
import importlib.util
import pickle
import pkgutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.utils.dl_utils.misc import mmcv_full_available
from torch import distributed

from mmwsss import compat, registry  # noqa: F401  the registry applies the cures


def test_mmengine_looks_for_the_operators_of_mmcv(monkeypatch):
    monkeypatch.delattr(pkgutil, 'find_loader', raising=False)  # as in Python 3.14
    compat.restore_find_loader()
    assert pkgutil.find_loader('mmcv._no_such_extension') is None
    assert pkgutil.find_loader('mmcv') is importlib.util.find_spec('mmcv').loader
    mmcv_full_available()


def test_torchvision_can_be_imported():
    torchvision = importlib.import_module('torchvision')
    assert torchvision.__spec__ is not None
    importlib.import_module('torchvision.transforms')


def test_a_torchvision_that_works_is_left_alone():
    """It is in `sys.modules` by now: the cure has nothing to do."""
    before, module = list(compat._torchvision_schemas), sys.modules['torchvision']
    compat.declare_torchvision_schemas()
    assert compat._torchvision_schemas == before
    assert sys.modules['torchvision'] is module


def test_a_torchvision_without_operators_gets_its_schemas(monkeypatch):
    calls, defined = [], []

    def import_module(name):
        calls.append(name)
        if len(calls) == 1:
            raise RuntimeError('operator torchvision::nms does not exist')

    library = SimpleNamespace(define=defined.append)
    monkeypatch.setattr(compat.importlib, 'import_module', import_module)
    monkeypatch.setattr(torch.library, 'Library', lambda *names: library)
    monkeypatch.setattr(compat, '_torchvision_schemas', [])
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'torchvision.half_loaded', SimpleNamespace())
    monkeypatch.setattr(compat.importlib.util, 'find_spec', lambda name: object())
    compat.declare_torchvision_schemas()
    assert calls == ['torchvision', 'torchvision']
    assert [schema.split('(')[0] for schema in defined] == ['nms', 'qnms']
    assert compat._torchvision_schemas == [library]  # or it would be taken away again
    assert 'torchvision.half_loaded' not in sys.modules


def test_another_error_of_torchvision_is_not_hidden(monkeypatch):
    def import_module(name):
        raise RuntimeError('something else')

    monkeypatch.setattr(compat.importlib, 'import_module', import_module)
    with pytest.raises(RuntimeError, match='something else'):
        compat.declare_torchvision_schemas()


def test_mmcv_ops_can_be_imported_and_leave_no_stand_in():
    ops = importlib.import_module('mmcv.ops')
    assert hasattr(ops, 'point_sample')
    stand_in = sys.modules.get('mmcv._ext')
    assert stand_in is None or stand_in.__spec__ is not None
    importlib.util.find_spec('mmcv._ext')  # raises if a module without a spec was left


def test_a_missing_operator_says_what_to_install():
    with pytest.raises(RuntimeError, match=r'mmcv\.ops\.nms needs the compiled mmcv'):
        compat._missing_operator('nms')(1, 2)
    with pytest.raises(AttributeError):
        compat._missing_operator('__path__')


def test_a_checkpoint_of_mmengine_is_read_safely(tmp_path):
    buffer = HistoryBuffer([1.0, 2.5], [1, 1])
    content = {
        'message_hub': {'log_scalars': {'train/loss': buffer}},
        'array': np.arange(3, dtype=np.int64),
        'scalar': np.float64(2.0),
        'tensor': torch.ones(2),
    }
    torch.save(content, tmp_path / 'a.pth')
    loaded = torch.load(tmp_path / 'a.pth', weights_only=True)
    assert loaded['message_hub']['log_scalars']['train/loss'].mean() == buffer.mean()
    assert loaded['array'].tolist() == [0, 1, 2]
    assert loaded['scalar'] == 2.0


class Harmful:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    'harm',
    [
        pytest.param(Harmful(print, 'code of a stranger'), id='call'),
        pytest.param(
            Harmful(getattr, torch.Tensor, 'register_hook'), id='getattr of a trusted class'
        ),
        pytest.param(Harmful(getattr, HistoryBuffer, '__init__'), id='private attribute'),
        pytest.param(Harmful(eval, '1 + 1'), id='eval'),
    ],
)
def test_everything_else_in_a_pickle_stays_refused(tmp_path, harm):
    torch.save({'x': harm}, tmp_path / 'a.pth')
    with pytest.raises((pickle.UnpicklingError, AttributeError)):
        torch.load(tmp_path / 'a.pth', weights_only=True)


@pytest.mark.parametrize('name', ['torch', 'mmengine', 'mmcv', 'mmseg'])
def test_a_missing_requirement_says_how_to_install_it(monkeypatch, name):
    real = importlib.util.find_spec
    monkeypatch.setattr(compat, '_applied', False)
    monkeypatch.setattr(
        compat.importlib.util, 'find_spec', lambda n, *a: None if n == name else real(n, *a)
    )
    with pytest.raises(ImportError, match=f'^{name} cannot be imported.*pip install -r'):
        compat.apply()


def test_the_cures_are_applied_once(monkeypatch):
    done = []
    cures = ('declare_torchvision_schemas', 'import_mmcv_ops', 'allow_mmengine_checkpoints')
    for cure in cures:
        monkeypatch.setattr(compat, cure, lambda cure=cure: done.append(cure))
    monkeypatch.setattr(compat, '_applied', False)
    compat.apply()
    compat.apply()
    assert done == list(cures)


@pytest.fixture
def groups(monkeypatch):
    """Records process groups instead of opening them."""
    opened = []
    monkeypatch.setattr(distributed, 'is_initialized', lambda: bool(opened))
    monkeypatch.setattr(distributed, 'init_process_group', opened.append)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    return opened


def test_processes_without_a_gpu_use_gloo_and_a_wrapper_without_devices(groups):
    config = ConfigDict(launcher='pytorch')
    compat.prepare_cpu_processes(config)
    compat.prepare_cpu_processes(config)
    assert groups == ['gloo']
    assert config.model_wrapper_cfg.type == 'MMDistributedDataParallel'
    assert config.model_wrapper_cfg.device_ids is None
    assert config.model_wrapper_cfg.broadcast_buffers is False


@pytest.mark.parametrize(('launcher', 'gpu'), [('none', False), ('pytorch', True), (None, False)])
def test_one_process_or_a_gpu_needs_nothing(groups, monkeypatch, launcher, gpu):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    config = ConfigDict() if launcher is None else ConfigDict(launcher=launcher)
    compat.prepare_cpu_processes(config)
    assert groups == []
    assert 'model_wrapper_cfg' not in config


def test_the_text_of_a_config_is_formatted_once(monkeypatch):
    from mmengine.config import Config
    from yapf.yapflib import yapf_api

    calls = []
    format_code = yapf_api.FormatCode
    monkeypatch.setattr(
        'mmengine.config.config.FormatCode',
        lambda *args, **kwargs: calls.append(1) or format_code(*args, **kwargs),
    )
    compat.format_configs_once()
    config = Config({'model': {'type': 'X', 'depth': 50}})
    first = config.pretty_text
    assert config.pretty_text == first
    assert len(calls) == 1
    config.model.depth = 101
    assert 'depth=101' in config.pretty_text
    assert len(calls) == 2


def test_a_process_group_is_left(tmp_path):
    compat.leave_process_group()  # there is none
    store = distributed.FileStore(str(tmp_path / 'store'), 1)
    distributed.init_process_group('gloo', store=store, rank=0, world_size=1)
    compat.leave_process_group()
    assert not distributed.is_initialized()
