"""The decoder's affinity refines from its epoch on, also after a resume."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmwsss.engine import AffinityRefinementHook
from mmwsss.models.segmentors import OneStageSegmentor
from mmwsss.registry import HOOKS


class Stub(OneStageSegmentor):
    def __init__(self, affinity_loss):
        nn.Module.__init__(self)
        self.affinity_loss = affinity_loss
        self.register_buffer('refining', torch.zeros((), dtype=torch.bool))


def run(hook, epochs, affinity_loss=True):
    runner = SimpleNamespace(model=Stub(affinity_loss), epoch=epochs[0])
    hook.before_train(runner)
    seen = []
    for runner.epoch in epochs:
        hook.before_train_epoch(runner)
        seen.append(bool(runner.model.refining))
    return seen


def test_it_begins_in_its_epoch():
    hook = HOOKS.build({'type': 'mmwsss.AffinityRefinementHook', 'epoch': 2})
    assert run(hook, range(4)) == [False, False, True, True]


def test_a_resumed_run_begins_at_once():
    assert run(AffinityRefinementHook(2), [5]) == [True]


def test_it_needs_an_affinity_that_learns():
    with pytest.raises(ValueError, match=r'add model\.affinity_loss'):
        run(AffinityRefinementHook(0), [0], affinity_loss=None)
    with pytest.raises(ValueError, match=r'is for a mmwsss\.OneStageSegmentor'):
        AffinityRefinementHook(0).before_train(SimpleNamespace(model=nn.Linear(1, 1)))
