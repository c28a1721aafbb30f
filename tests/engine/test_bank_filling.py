from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils.data import DataLoader

from mmwsss.engine import bank_filling
from mmwsss.engine.bank_filling import BankFillLoop, CollectLoop, fill_bank
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


class Labelled(Host):
    """Keeps what it is handed."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def collect(self, batch):
        self.batches.append(batch)


def labelled_batch(*numbers):
    samples = []
    for number in numbers:
        sample = SegDataSample(gt_label=LabelData(multi_hot=torch.tensor([1.0, number])))
        sample.valid_mask = PixelData(data=torch.ones(1, 4, 6, dtype=torch.uint8))
        samples.append(sample)
    return {'inputs': [torch.zeros(3, 4, 6) for _ in numbers], 'data_samples': samples}


@pytest.mark.parametrize(('rank', 'own'), [(0, 3), (1, 2)])
def test_images_that_a_sampler_repeats_are_collected_as_empty_ones(monkeypatch, rank, own):
    """Five images for two processes: what a process has beyond its own is a repetition."""
    monkeypatch.setattr(bank_filling, 'get_world_size', lambda: 2)
    monkeypatch.setattr(bank_filling, 'get_rank', lambda: rank)
    host, batches = Labelled(), [labelled_batch(1, 1), labelled_batch(1, 1)]
    loader = SimpleNamespace(dataset=range(5))
    monkeypatch.setattr(bank_filling, 'track', lambda *unused: batches)
    fill_bank(host, loader)
    samples = [sample for batch in host.batches for sample in batch['data_samples']]
    for place, sample in enumerate(samples):
        assert sample.gt_label.multi_hot.tolist() == ([1, 1] if place < own else [0, 0])
        assert sample.valid_mask.data.shape == (1, 4, 6)
        assert sample.valid_mask.data.dtype == torch.uint8
        assert bool(sample.valid_mask.data.all()) == (place < own)
        assert bool(sample.valid_mask.data.any()) == (place < own)


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


def test_a_loop_that_is_told_nothing_makes_one_pass_with_the_seed_0(tmp_path, monkeypatch):
    host, seeds = Host(), []
    monkeypatch.setattr(host.prototype_head, 'update_context_prototypes', seeds.append)
    calls = []
    hook = SimpleNamespace(call_hook=lambda name, **unused: calls.append(name))
    for kind in (CollectLoop, BankFillLoop):
        loop = kind(SimpleNamespace(model=host, call_hook=hook.call_hook, logger=None), loader())
        assert loop.max_epochs == 1
        loop.run_epoch()
        assert (loop._epoch, loop._iter) == (1, 2)
    assert seeds == [0]
    assert calls == ['before_train_epoch', 'after_train_epoch'] * 2
