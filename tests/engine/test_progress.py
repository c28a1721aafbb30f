from contextlib import contextmanager

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmwsss.engine import ProgressHook, progress
from mmwsss.terminal import Bar
from mmwsss.terminal.bars import listening


class Model(BaseModel):
    """Has the loss 2, 2, ... in training, and predicts what it sees."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, inputs, mode='tensor'):
        return {'loss': 0 * self.weight.sum() + 2} if mode == 'loss' else list(inputs)

    def collect(self, batch):
        pass


class Count(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        return {'number': len(results)}


class MovingBar(Bar):
    """Notes every move."""

    def __init__(self, total, unit, initial):
        super().__init__(total, unit, initial, None)
        self.moves = []

    def move(self, done, phase='', note=''):
        super().move(done, phase, note)
        self.moves.append((done, phase, note))


class Recorder:
    def __init__(self):
        self.bars, self.open = {}, 0

    @contextmanager
    def __call__(self, what, total, unit, initial):
        self.open += 1
        self.bars[what] = MovingBar(total, unit, initial)
        yield self.bars[what]
        self.open -= 1


def loader(number, batch_size):
    data = [{'inputs': torch.ones(1)} for _ in range(number)]
    return DataLoader(data, batch_size=batch_size, sampler=DefaultSampler(data))


def runner_of(folder, train_cfg, **options):
    runner = Runner(
        Model(),
        str(folder),
        train_dataloader=loader(6, 2),
        train_cfg=train_cfg,
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_scope='mmseg',
        log_level='WARNING',
        experiment_name=folder.name,
        **options,
    )
    runner.register_hook(ProgressHook())
    return runner


def test_a_training_moves_by_iterations_and_says_epoch_and_loss(tmp_path):
    recorder = Recorder()
    with listening(recorder):
        runner_of(tmp_path, {'by_epoch': True, 'max_epochs': 2}).train()
    bar = recorder.bars['train']
    assert (bar.total, bar.unit, bar.initial, recorder.open) == (6, 'iter', 0, 0)
    first, second = 'epoch 1/2', 'epoch 2/2'
    epochs = [(1, first), (2, first), (3, first), (3, first)]
    epochs += [(4, second), (5, second), (6, second), (6, second)]
    assert bar.moves == [(done, phase, 'loss 2') for done, phase in epochs]


def test_a_training_that_goes_on_begins_where_it_was(tmp_path):
    runner_of(tmp_path / 'first', {'by_epoch': True, 'max_epochs': 1}).train()
    again = runner_of(
        tmp_path / 'again',
        {'by_epoch': True, 'max_epochs': 2},
        load_from=str(tmp_path / 'first' / 'epoch_1.pth'),
        resume=True,
    )
    recorder = Recorder()
    with listening(recorder):
        again.train()
    bar = recorder.bars['train']
    assert (bar.total, bar.initial) == (6, 3)
    assert [done for done, _, _ in bar.moves] == [4, 5, 6, 6]


@pytest.mark.parametrize(
    ('train_cfg', 'moves'),
    [
        ({'by_epoch': False, 'max_iters': 2}, [(1, '', 'loss 2'), (2, '', 'loss 2')]),
        ({'type': 'mmwsss.CollectLoop'}, []),
    ],
)
def test_loops_without_epochs_or_iterations(tmp_path, monkeypatch, train_cfg, moves):
    monkeypatch.setattr('mmwsss.engine.bank_filling.cam_segmentor', lambda runner: runner.model)
    recorder = Recorder()
    with listening(recorder):
        runner_of(tmp_path, train_cfg).train()
    bar = recorder.bars['train']
    assert bar.moves[: len(moves)] == moves
    assert bar.done == bar.total
    if not moves:
        assert recorder.bars['collect'].moves == [(1, '', ''), (2, '', ''), (3, '', '')]


def test_a_test_moves_by_images(tmp_path):
    runner = Runner(
        Model(),
        str(tmp_path),
        test_dataloader=loader(5, 2),
        test_cfg={},
        test_evaluator=Count(),
        default_scope='mmseg',
        log_level='WARNING',
        experiment_name=tmp_path.name,
    )
    runner.register_hook(ProgressHook())
    recorder = Recorder()
    with listening(recorder):
        assert runner.test() == {'number': 5}
    bar = recorder.bars['test']
    assert (bar.total, bar.unit, recorder.open) == (5, 'image', 0)
    assert [done for done, _, _ in bar.moves] == [2, 4, 5]


def test_images_of_the_other_processes_count_up_to_the_total(monkeypatch):
    monkeypatch.setattr(progress, 'get_world_size', lambda: 2)
    hook = ProgressHook()
    hook._bar = MovingBar(5, 'image', 0)
    for outputs in ([1], [1, 2]):
        hook.after_test_iter(None, 0, outputs=outputs)
    assert [done for done, _, _ in hook._bar.moves] == [2, 5]
