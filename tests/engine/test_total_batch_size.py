from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmwsss.engine import TotalBatchSizeHook


def runner_of(batch_size, **config):
    loader = SimpleNamespace(batch_size=batch_size)
    return SimpleNamespace(cfg=Config(config), train_dataloader=loader)


def test_another_joint_batch_is_refused():
    with pytest.raises(ValueError, match=r'batches of 1 make 1 images, but total_batch_size is 10'):
        TotalBatchSizeHook().before_train(runner_of(1, total_batch_size=10))


@pytest.mark.parametrize(
    'config',
    [{}, {'total_batch_size': 4}, {'total_batch_size': 9, 'auto_scale_lr': {'enable': True}}],
)
def test_what_fits_is_taken(config):
    TotalBatchSizeHook().before_train(runner_of(4, **config))


def test_processes_count(monkeypatch):
    monkeypatch.setattr('mmwsss.engine.total_batch_size.get_world_size', lambda: 3)
    TotalBatchSizeHook().before_train(runner_of(4, total_batch_size=12))
    with pytest.raises(ValueError, match=r'3 process\(es\) with batches of 4 make 12 images'):
        TotalBatchSizeHook().before_train(runner_of(4, total_batch_size=4))


def test_batches_that_are_added_up_count():
    two = {'optim_wrapper': {'accumulative_counts': 2}}
    TotalBatchSizeHook().before_train(runner_of(4, total_batch_size=8, **two))
    with pytest.raises(ValueError, match=r'of 4, 2 of which are added up, make 8 images'):
        TotalBatchSizeHook().before_train(runner_of(4, total_batch_size=4, **two))


def test_a_rate_that_is_not_scaled_needs_the_joint_batch():
    config = {'total_batch_size': 9, 'auto_scale_lr': {'enable': False, 'base_batch_size': 9}}
    with pytest.raises(ValueError, match='but total_batch_size is 9'):
        TotalBatchSizeHook().before_train(runner_of(4, **config))
