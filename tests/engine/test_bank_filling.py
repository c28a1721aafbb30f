from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmwsss.engine.bank_filling import BankFillLoop, fill_bank
from mmwsss.models.prototypes import BasePrototypeHead, SupportBank
from mmwsss.models.segmentors import CAMSegmentor
from mmwsss.registry import LOOPS


class Plugin(BasePrototypeHead):
    def __init__(self):
        super().__init__(num_classes=1)
        self.bank = SupportBank(1, 1, length=10, num_prototypes=2)

    def loss(self, output, image_label):
        raise AssertionError('nothing is trained')

    predict = loss

    def update_context_prototypes(self, seed):
        self.bank.update_context(seed)


class Host(CAMSegmentor):
    """The bank collects the numbers of the batches."""

    def __init__(self):
        BaseModel.__init__(self)
        self.weight = nn.Parameter(torch.zeros(1))
        self.prototype_head = Plugin()
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


def test_the_loop_needs_a_prototype_head_and_says_so_before_the_pass():
    host = Host()
    host.prototype_head = None
    loop = BankFillLoop.__new__(BankFillLoop)
    loop._runner = SimpleNamespace(model=host)
    with pytest.raises(ValueError, match='cpal_head'):
        loop.run_epoch()
    assert host.modes == []


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
