import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from torch.utils.data import DataLoader

from mmwsss.engine import ContextPrototypeHook, EpochSeedHook, NonFiniteLossHook, hooks
from mmwsss.models.prototypes import BasePrototypeHead
from mmwsss.models.segmentors import CAMSegmentor
from mmwsss.registry import HOOKS


class Plugin(BasePrototypeHead):
    """Records what it is asked to do."""

    def __init__(self, done):
        super().__init__(num_classes=1)
        self.done = done

    def loss(self, output, image_label):
        raise AssertionError('nothing is trained')

    predict = loss

    def forget(self):
        self.done.append(('forget',))

    def update_context_prototypes(self, seed):
        self.done.append(('cluster', seed))


class Model(CAMSegmentor):
    """A segmentor of a plug-in alone, which records what it is asked to do."""

    def __init__(self):
        BaseModel.__init__(self)
        self.done = []
        self.prototype_head = Plugin(self.done)

    def collect(self, batch):
        self.done.append(('collect', batch, self.training))


def make_runner(loop=EpochBasedTrainLoop, model=None, epoch=0, iteration=0):
    return SimpleNamespace(
        model=model or Model(),
        train_loop=loop.__new__(loop),
        train_dataloader=DataLoader(['first', 'second'], batch_size=None),
        epoch=epoch,
        max_epochs=3,
        iter=iteration,
    )


def clusterings(hook, epochs, iterations=3):
    runner = make_runner()
    hook.before_train(runner)
    when = []
    for runner.epoch in range(epochs):
        hook.before_train_epoch(runner)
        when += [('epoch', runner.epoch)] * len(runner.model.done)
        runner.model.done.clear()
        for batch in range(iterations):
            hook.after_train_iter(runner, batch)
            when += [('iteration', runner.iter)] * len(runner.model.done)
            runner.model.done.clear()
            runner.iter += 1
    return when


def test_clustering_is_once_at_the_start_of_each_epoch_after_the_warm_up():
    hook = HOOKS.build({'type': 'mmwsss.ContextPrototypeHook'})
    assert clusterings(hook, 3) == [('epoch', 1), ('epoch', 2)]
    assert clusterings(ContextPrototypeHook(warmup_epochs=2), 4) == [('epoch', 2), ('epoch', 3)]
    assert clusterings(ContextPrototypeHook(warmup_epochs=0), 1) == [('epoch', 0)]


def test_an_interval_counts_iterations_instead():
    # the 4th and the 8th of nine iterations, counted from 0
    assert clusterings(ContextPrototypeHook(interval=4), 3) == [('iteration', 3), ('iteration', 7)]


def test_each_clustering_has_a_seed_of_its_own():
    seeds = []
    for seed, epoch in ((0, 1), (0, 2), (5, 1)):
        runner = make_runner(epoch=epoch)
        ContextPrototypeHook(seed=seed).before_train_epoch(runner)
        ((_, used),) = runner.model.done
        seeds.append(used)
    # a class n adds n to it: 80 classes of COCO must not meet the next epoch's seeds
    assert min(abs(a - b) for i, a in enumerate(seeds) for b in seeds[:i]) >= 5
    assert abs(seeds[0] - seeds[1]) >= 81
    again = make_runner(epoch=2)
    ContextPrototypeHook(seed=0).before_train_epoch(again)
    assert again.model.done == [('cluster', seeds[1])]


def test_a_refill_follows_the_last_epoch_alone():
    hook, runner = ContextPrototypeHook(refill=True), make_runner()
    for runner.epoch in range(3):
        hook.after_train_epoch(runner)
        if runner.epoch < 2:
            assert runner.model.done == []
    collected = [('collect', 'first', False), ('collect', 'second', False)]
    assert runner.model.done == [('forget',), *collected, ('cluster', 3000)]
    ContextPrototypeHook().after_train_epoch(runner)
    assert len(runner.model.done) == 4


def test_prefill_makes_one_pass_and_needs_no_warm_up():
    hook, runner = ContextPrototypeHook(prefill=True), make_runner()
    runner.model.train()
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    assert [entry[:2] for entry in runner.model.done] == [
        ('collect', 'first'),
        ('collect', 'second'),
        ('cluster', 0),
    ]
    assert not any(training for *_, training in runner.model.done[:2])
    assert runner.model.training


def test_a_resumed_run_is_not_filled_again():
    runner = make_runner(iteration=20)
    ContextPrototypeHook(prefill=True).before_train(runner)
    assert runner.model.done == []


def test_an_iteration_based_loop_needs_an_interval():
    with pytest.raises(ValueError, match=r'IterBasedTrainLoop has only one.*interval'):
        ContextPrototypeHook().before_train(make_runner(IterBasedTrainLoop))
    ContextPrototypeHook(interval=10).before_train(make_runner(IterBasedTrainLoop))


def test_a_host_without_a_prototype_head_is_told_what_to_add():
    model = Model()
    model.prototype_head = None
    with pytest.raises(ValueError, match=r'prototype_head=_base_\.cpal_head'):
        ContextPrototypeHook().before_train(make_runner(model=model))


def draws():
    return random.random(), np.random.rand(), torch.rand(1).item()


def seeded_draws(seed, epoch):
    dataset = SimpleNamespace(epochs=[])
    dataset.set_epoch = dataset.epochs.append
    runner = SimpleNamespace(epoch=epoch, train_dataloader=SimpleNamespace(dataset=dataset))
    EpochSeedHook(seed).before_train_epoch(runner)
    assert dataset.epochs == [epoch]
    return draws()


def test_an_epochs_randomness_depends_on_seed_epoch_and_rank_alone(monkeypatch):
    first = seeded_draws(0, 3)
    draws()
    assert seeded_draws(0, 3) == first
    others = [seeded_draws(1, 3), seeded_draws(0, 4), seeded_draws(3, 0)]
    monkeypatch.setattr(hooks, 'get_rank', lambda: 1)
    others.append(seeded_draws(0, 3))
    for kind in range(3):
        assert len({result[kind] for result in [first, *others]}) == 5


def test_a_data_set_without_epochs_is_left_alone():
    runner = SimpleNamespace(epoch=0, train_dataloader=SimpleNamespace(dataset=object()))
    EpochSeedHook().before_train_epoch(runner)


def test_the_seed_hook_comes_before_others():
    assert EpochSeedHook.priority == 'VERY_HIGH'


BATCH = {'data_samples': [SimpleNamespace(img_path='a.jpg'), SimpleNamespace(img_path='b.jpg')]}


@pytest.mark.parametrize('value', [float('nan'), float('inf'), torch.tensor(float('nan'))])
def test_a_loss_that_is_not_finite_names_the_images(value):
    runner = make_runner(epoch=1)
    outputs = {'loss': value, 'loss_cls': 0.5, 'grad_norm': torch.tensor(1.0)}
    with pytest.raises(FloatingPointError) as error:
        NonFiniteLossHook().after_train_iter(runner, 4, BATCH, outputs)
    message = str(error.value)
    assert 'loss is not finite in epoch 2, iteration 5' in message
    assert 'a.jpg' in message
    assert 'b.jpg' in message
    assert 'loss_cls' not in message


def test_finite_losses_pass():
    for outputs in ({'loss': 1.0, 'loss_cls': torch.zeros(())}, None):
        NonFiniteLossHook().after_train_iter(make_runner(), 0, BATCH, outputs)
