"""A frozen part learns from its epoch on: alone, resumed, and in two processes."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from torch import distributed, nn
from torch.multiprocessing import start_processes
from torch.nn.parallel import DistributedDataParallel

from mmwsss.engine import UnfreezeHook
from mmwsss.registry import HOOKS

MODULES = ('backbone.1', 'backbone.2')


def make_model(freeze=False):
    """All but the head is frozen; of a hook that freezes, the first layer alone."""
    torch.manual_seed(0)
    model = nn.Module()
    model.backbone = nn.Sequential(*(nn.Linear(3, 3) for _ in range(3)))
    model.head = nn.Linear(3, 2)
    (model.backbone[0] if freeze else model.backbone).requires_grad_(False)
    model.forward = lambda inputs: model.head(model.backbone(inputs))
    return model


def make_runner(model, epoch=0):
    runner = SimpleNamespace(model=model, epoch=epoch, cfg=Config(), distributed=False)
    runner.wrap_model = lambda cfg, plain: DistributedDataParallel(plain)
    return runner


def learning(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


HEAD = {'head.weight', 'head.bias'}
ALL = HEAD | {f'{module}.{kind}' for module in MODULES for kind in ('weight', 'bias')}


@pytest.mark.parametrize('freeze', [False, True])
def test_it_unfreezes_its_modules_and_no_others_in_its_epoch(freeze):
    config = {'epoch': 2, 'modules': list(MODULES), 'freeze': freeze}
    hook = HOOKS.build({'type': 'mmwsss.UnfreezeHook', **config})
    runner = make_runner(make_model(freeze))
    model = runner.model
    hook.before_train(runner)
    seen = []
    for runner.epoch in range(4):
        hook.before_train_epoch(runner)
        seen.append(learning(model))
    assert seen == [HEAD, HEAD, ALL, ALL]
    assert runner.model is model


@pytest.mark.parametrize('freeze', [False, True])
def test_a_resumed_run_unfreezes_at_once(freeze):
    runner, hook = make_runner(make_model(freeze), epoch=5), UnfreezeHook(2, MODULES, freeze)
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    assert learning(runner.model) == ALL


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"'backbone\.9', which the model does not have"):
        UnfreezeHook(2, ['backbone.9']).before_train(make_runner(make_model()))


def train(runner, part, freeze):
    """Three epochs of one step each on one part of a batch of four."""
    hook = UnfreezeHook(1, MODULES, freeze)
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(4, 3, generator=generator)
    plain = runner.model.module if hasattr(runner.model, 'module') else runner.model
    wrapper = OptimWrapper(torch.optim.Adam(plain.parameters(), 0.1))
    hook.before_train(runner)
    for runner.epoch in range(3):
        hook.before_train_epoch(runner)
        wrapper.update_params(runner.model(inputs[part]).square().mean())
    return {name: value.detach().clone() for name, value in plain.named_parameters()}


def work(rank, folder, freeze):
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=2
    )
    runner = make_runner(DistributedDataParallel(make_model(freeze)))
    torch.save(train(runner, slice(2 * rank, 2 * rank + 2), freeze), f'{folder}/{rank}.pt')
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.mark.parametrize('freeze', [False, True])
def test_two_processes_learn_the_same_as_one(tmp_path, freeze):
    order = [sys.executable, __file__, str(tmp_path), *(['freeze'] if freeze else [])]
    subprocess.run(order, check=True, timeout=300)
    first, second = (torch.load(tmp_path / f'{rank}.pt') for rank in range(2))
    alone = train(make_runner(make_model(freeze)), slice(None), freeze)
    start = make_model().state_dict()
    for name, value in alone.items():
        assert first[name].equal(second[name]), name
        torch.testing.assert_close(first[name], value, atol=1e-4, rtol=1e-4)
        assert value.equal(start[name]) == (name not in ALL), name


if __name__ == '__main__':
    start_processes(work, (sys.argv[1], len(sys.argv) > 2), nprocs=2, start_method='fork')
