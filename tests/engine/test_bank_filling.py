from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmwsss.engine.bank_filling import fill_bank, plain_model
from mmwsss.models.prototypes import SupportBank
from mmwsss.registry import LOOPS


class Host(BaseModel):
    """The bank collects the numbers of the batches."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.prototype_head = nn.Module()
        self.prototype_head.bank = SupportBank(1, 1, length=10, num_prototypes=2)
        self.prototype_head.update_context_prototypes = self.prototype_head.bank.update_context
        self.modes = []

    def collect(self, batch):
        self.modes.append(self.training)
        self.prototype_head.bank.enqueue(batch.view(-1, 1), torch.zeros(len(batch)).long())

    def forward(self, *args, **kwargs):
        raise AssertionError('nothing is trained')


def loader():
    return DataLoader(torch.tensor([1.0, 2.0, 8.0, 9.0]), batch_size=2)


@pytest.mark.parametrize('training', [True, False])
def test_one_pass_in_evaluation_mode(training):
    host = Host().train(training)
    fill_bank(host, loader())
    assert host.prototype_head.bank.entries[0, :4, 0].tolist() == [1, 2, 8, 9]
    assert host.modes == [False, False]
    assert host.training == training


def test_the_model_behind_its_wrapper(monkeypatch):
    host = Host()
    assert plain_model(SimpleNamespace(model=host)) is host
    wrapper = SimpleNamespace(module=host)
    monkeypatch.setattr('mmwsss.engine.bank_filling.is_model_wrapper', lambda m: m is wrapper)
    assert plain_model(SimpleNamespace(model=wrapper)) is host


def test_a_model_without_a_prototype_head_is_refused():
    with pytest.raises(ValueError, match='cpal_head'):
        plain_model(SimpleNamespace(model=nn.Linear(1, 1)))


def test_the_loop_fills_clusters_and_saves_under_the_right_number(tmp_path):
    host = Host()
    runner = Runner(
        host,
        str(tmp_path),
        train_dataloader=loader(),
        train_cfg={'type': 'mmwsss.BankFillLoop', 'seed': 3, 'max_epochs': 2},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 1.0}},
        default_hooks={'logger': None},
        default_scope='mmseg',
        experiment_name=tmp_path.name,
    )
    assert LOOPS.get('mmwsss.BankFillLoop') is type(runner.train_loop)
    runner.train()
    assert (runner.epoch, runner.iter) == (2, 4)
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['epoch_1.pth', 'epoch_2.pth']
    state = torch.load(tmp_path / 'epoch_1.pth')
    assert state['meta']['epoch'] == 1
    weights = state['state_dict']
    assert sorted(weights['prototype_head.bank.context'].flatten().tolist()) == [1.5, 8.5]
    assert weights['weight'].item() == 0
    assert host.prototype_head.bank.count.tolist() == [8]
