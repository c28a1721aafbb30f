from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.hooks import CheckpointHook
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmwsss.engine import DisplacementMeanHook
from mmwsss.models.affinity import IRNet
from mmwsss.registry import HOOKS


class Model(IRNet):
    """Counts its measurements."""

    def __init__(self):
        BaseModel.__init__(self)
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer('measured', torch.zeros(1))

    def train(self, mode=True):
        return BaseModel.train(self, mode)

    def forward(self, inputs, mode='tensor'):
        return {'loss': (inputs * self.weight).sum()}

    def measure_mean_shift(self, dataloader):
        self.measured += len(dataloader)


def test_the_mean_is_measured_once_at_the_end_and_is_in_the_last_checkpoint(tmp_path):
    data = [{'inputs': torch.ones(1)} for _ in range(6)]
    runner = Runner(
        Model(),
        str(tmp_path),
        train_dataloader=DataLoader(data, batch_size=2, sampler=DefaultSampler(data)),
        train_cfg={'by_epoch': True, 'max_epochs': 3},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_hooks={'checkpoint': {'type': 'CheckpointHook', 'interval': 1}},
        custom_hooks=[{'type': 'mmwsss.DisplacementMeanHook'}],
        default_scope='mmseg',
        log_level='WARNING',
    )
    runner.train()
    measured = [
        torch.load(tmp_path / f'epoch_{epoch}.pth', weights_only=True)['state_dict']['measured']
        for epoch in (1, 2, 3)
    ]
    assert torch.cat(measured).tolist() == [0, 0, 3]


def test_the_model_is_taken_out_of_its_wrapper():
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = Model()
    runner = SimpleNamespace(model=wrapper, epoch=0, max_epochs=1, train_dataloader=[1, 2])
    HOOKS.build({'type': 'mmwsss.DisplacementMeanHook'}).after_train_epoch(runner)
    assert wrapper.module.measured.item() == 2


@pytest.mark.parametrize('hook', [DisplacementMeanHook])
def test_it_runs_before_the_checkpoint_is_written(hook):
    from mmengine.hooks.hook import Hook
    from mmengine.runner import get_priority

    assert get_priority(hook.priority) < get_priority(CheckpointHook.priority)
    assert issubclass(hook, Hook)


def test_another_network_is_refused_before_the_training():
    runner = SimpleNamespace(model=nn.Linear(1, 1))
    with pytest.raises(ValueError, match='for an IRNet, and the model is a Linear'):
        DisplacementMeanHook().before_train(runner)
