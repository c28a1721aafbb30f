import re

import pytest
from mmengine.config import Config

from mmwsss.pipeline.batch import (
    check_batches,
    early_end_of_rate,
    launched_processes,
    launched_rank,
    let_workers_go,
    set_joint_batch,
    share_batch,
    share_images,
    training_processes,
)


def config_of(total=None, batch_size=None, **more):
    loader = {} if batch_size is None else {'batch_size': batch_size}
    content = {'train_dataloader': loader, **more}
    return Config(content if total is None else {'total_batch_size': total, **content})


@pytest.mark.parametrize(('processes', 'each'), [(1, 12), (4, 3), (12, 1)])
def test_the_batch_is_shared(processes, each):
    config = config_of(12)
    share_batch(config, processes)
    assert config.train_dataloader.batch_size == each


def test_a_stated_batch_must_fit():
    config = config_of(12, batch_size=6)
    share_batch(config, 2)
    assert config.train_dataloader.batch_size == 6
    with pytest.raises(ValueError, match=r'batch_size=6 in 1 process\(es\) is not the batch of 12'):
        share_batch(config, 1)


def test_a_batch_that_cannot_be_shared_names_the_numbers_that_can():
    with pytest.raises(ValueError, match=r'a batch of 6 .* by 4 processes: use one of \[1, 2'):
        share_batch(config_of(6), 4)


def test_without_a_joint_batch_each_process_has_its_own():
    config = config_of(batch_size=1)
    share_batch(config, 7)
    assert config.train_dataloader.batch_size == 1


def test_a_rate_that_is_scaled_takes_any_batch():
    config = config_of(16, batch_size=3, auto_scale_lr={'enable': True})
    share_batch(config, 8)
    assert config.train_dataloader.batch_size == 3
    assert config.auto_scale_lr.base_batch_size == 16


def test_a_rate_that_is_scaled_needs_no_stated_batch():
    config = config_of(10, auto_scale_lr={'enable': True})
    share_batch(config, 8)
    assert config.train_dataloader.batch_size == 1
    assert training_processes(config, 8) == 8


@pytest.mark.parametrize(('total', 'gpus', 'used'), [(16, 8, 8), (10, 8, 5), (6, 8, 6), (1, 8, 1)])
def test_as_many_gpus_as_can_share(total, gpus, used):
    assert training_processes(config_of(total), gpus) == used


def test_all_gpus_where_no_joint_batch_is_said():
    assert training_processes(config_of(), 8) == 8


def test_the_number_of_processes_is_the_launchers(monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '4')
    assert launched_processes('pytorch') == 4
    assert launched_processes('none') == 1


TWO = {'optim_wrapper': {'accumulative_counts': 2}}


def test_batches_that_are_added_up_are_parts_of_the_joint_batch():
    config = config_of(12, **TWO)
    share_batch(config, 3)
    assert config.train_dataloader.batch_size == 2
    assert training_processes(config_of(10, **TWO), 8) == 5
    assert training_processes(config_of(6, **TWO), 8) == 3
    stated = config_of(12, batch_size=6, **TWO)
    share_batch(stated, 1)
    assert stated.train_dataloader.batch_size == 6
    with pytest.raises(ValueError, match=r'batch_size=6 in 2 .*, of which 2 are added up, is not'):
        share_batch(stated, 2)


@pytest.mark.parametrize(
    ('total', 'message'),
    [
        (7, r'a batch of 7 .* is no sum of 2 equal ones \(optim_wrapper\.accumulative_counts\)'),
        (6, r'of which 2 are added up, cannot be shared by 2 processes: use one of \[1, 3\]'),
    ],
)
def test_parts_must_be_equal(total, message):
    config = config_of(total, **TWO)
    assert training_processes(config, 1) == 1
    with pytest.raises(ValueError, match=message):
        share_batch(config, 2)


def test_the_rate_is_scaled_by_what_a_step_sees():
    """mmengine divides the batches of all processes by the base, and counts no added ones."""
    config = config_of(16, auto_scale_lr={'enable': True}, **TWO)
    share_batch(config, 2)
    assert config.train_dataloader.batch_size == 4
    assert config.auto_scale_lr.base_batch_size == 8


def test_the_rank_is_the_launchers(monkeypatch):
    monkeypatch.setenv('SLURM_PROCID', '3')
    assert (launched_rank('slurm'), launched_rank('none')) == (3, 0)


@pytest.mark.parametrize(
    ('images', 'processes', 'options', 'fits'),
    [
        (16, 1, {}, True),
        (15, 1, {}, False),
        (15, 1, {'drop_last': False}, True),
        (15, 1, {'sampler': {'type': 'InfiniteSampler'}}, True),
        (32, 2, {}, True),
        (31, 2, {}, False),
    ],
)
def test_a_training_has_a_batch(images, processes, options, fits):
    config = config_of(16 * processes)
    config.train_dataloader.update({'drop_last': True, **options})
    share_batch(config, processes)
    if fits:
        check_batches(config, images, processes, 'cam')
        return
    message = rf"'cam': {images} images make no batch of {16 * processes}, .*total_batch_size to"
    with pytest.raises(ValueError, match=message):
        check_batches(config, images, processes, 'cam')


def test_a_rate_that_ends_before_the_training_is_noted():
    def noted(end, **more):
        schedulers = [{'type': 'LinearLR', 'end': 2}, {'type': 'PolyLR', 'end': end, **more}]
        config = config_of(2, train_cfg={'max_epochs': 9}, param_scheduler=schedulers)
        return early_end_of_rate(config, 'cam')

    message = (
        "'cam' trains for 9 epochs, but its rate has come to its end after 5, .*scheduler.1.end"
    )
    assert re.search(message, noted(5))
    assert noted(9) is noted(5, by_epoch=False) is None


def test_a_loader_without_processes_keeps_none():
    config = config_of(2, test_dataloader={'num_workers': 2, 'persistent_workers': True})
    config.train_dataloader = {'num_workers': 0, 'persistent_workers': True, 'prefetch_factor': 2}
    let_workers_go(config)
    assert config.train_dataloader == {'num_workers': 0}
    assert config.test_dataloader == {'num_workers': 2, 'persistent_workers': True}


@pytest.mark.parametrize(
    ('launcher', 'number', 'rank'),
    [
        ('pytorch', 'WORLD_SIZE', 'RANK'),
        ('slurm', 'SLURM_NTASKS', 'SLURM_PROCID'),
        ('mpi', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK'),
    ],
)
def test_every_launcher_tells_its_processes(monkeypatch, launcher, number, rank):
    monkeypatch.setenv(number, '6')
    monkeypatch.setenv(rank, '5')
    assert (launched_processes(launcher), launched_rank(launcher)) == (6, 5)


def test_an_epoch_of_several_processes_has_the_batches_of_one():
    sampler = {'type': 'DefaultSampler', 'shuffle': True, 'round_up': True}
    for processes, drop_last, expected in (
        (3, True, {'type': 'mmwsss.WholeBatchSampler', 'shuffle': True, 'joint_batch': 12}),
        (3, False, sampler),
        (1, True, sampler),
    ):
        config = config_of(12)
        config.train_dataloader = {'drop_last': drop_last, 'sampler': dict(sampler)}
        share_batch(config, processes)
        share_images(config, processes)
        assert config.train_dataloader.sampler == expected


def test_a_recipe_has_the_joint_batch():
    config = config_of(12)
    share_batch(config, 4)
    set_joint_batch(config)
    assert config.train_dataloader.batch_size == 12
    scaled = config_of(12, batch_size=3, auto_scale_lr={'enable': True})
    set_joint_batch(scaled)
    assert scaled.train_dataloader.batch_size == 3
