"""Archives are read as torch reads them, and none of their code is run."""

import io
import pickle
import zipfile

import pytest
import torch
from torch import nn

from mmwsss.models.weights import read_checkpoint, read_torchscript


class Network(nn.Module):
    """Parameters and buffers of several dtypes and strides, and what is no weight beside them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4))
        self.small = nn.Parameter(torch.randn(3, 4).half().t())
        self.empty = nn.Parameter(torch.zeros(0, 3))
        self.register_buffer('counts', torch.arange(4))
        self.register_buffer('part', torch.arange(12.0).view(3, 4)[1:, 1:3])
        self.mask = torch.full((2,), float('-inf'))  # an attribute, as CLIP's attention mask
        self.names, self.others = [1, 2], [torch.ones(2)]
        self.device, self.options = torch.device('cpu'), {'a': 1}

    def forward(self, x):
        return self.layers(x) + self.mask.sum()


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, name
        assert found[name].equal(value), name


def test_a_scripted_module(tmp_path):
    network = Network()
    torch.jit.script(network).save(str(tmp_path / 'a.pt'))
    same(read_torchscript(tmp_path / 'a.pt'), network.state_dict())


def test_a_traced_module(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Sequential(nn.BatchNorm2d(2))).eval()
    torch.jit.trace(network, torch.rand(1, 3, 2, 2)).save(str(tmp_path / 'a.pt'))
    same(read_torchscript(tmp_path / 'a.pt'), network.state_dict())


class Harmful(nn.Module):
    """Writes a file when TorchScript loads it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    @torch.jit.export
    def __getstate__(self):
        return (self.layer.weight, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]):
        torch.save(state[0], 'written_by_the_archive.pt')
        self.training = state[1]

    def forward(self, x):
        return self.layer(x)


def test_code_of_an_archive_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.jit.script(Harmful()).save('a.pt')
    trace = tmp_path / 'written_by_the_archive.pt'
    with pytest.raises(RuntimeError):
        torch.jit.load('a.pt')
    assert trace.is_file()  # what must not happen
    trace.unlink()
    read_checkpoint('a.pt')
    assert not trace.exists()


@pytest.mark.parametrize('name', ['builtins.eval', 'os.system', 'torch.load', 'torch._C._jit'])
def test_names_that_no_weights_need_are_refused(tmp_path, name):
    module, function = name.rsplit('.', 1)
    pickled = b'\x80\x02c' + f'{module}\n{function}\n'.encode() + b'(X\x04\x00\x00\x001/0 tR.'
    with zipfile.ZipFile(tmp_path / 'a.pt', 'w') as archive:
        archive.writestr('a/data.pkl', pickled)
        archive.writestr('a/constants.pkl', pickle.dumps(()))
    with pytest.raises(ValueError, match=rf'a\.pt is a TorchScript archive that asks for {name},'):
        read_checkpoint(tmp_path / 'a.pt')


def test_a_damaged_archive_is_named(tmp_path):
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Network()), buffer)
    with (
        zipfile.ZipFile(buffer) as whole,
        zipfile.ZipFile(tmp_path / 'a.pt', 'w') as part,
    ):
        for name in whole.namelist():
            if not name.endswith('/data/0'):
                part.writestr(name, whole.read(name))
    with pytest.raises(ValueError, match=r'a\.pt is a damaged TorchScript archive$'):
        read_checkpoint(tmp_path / 'a.pt')
