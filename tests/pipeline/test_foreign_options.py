"""Options that mmengine, mmseg and torch would take in silence."""

import re

import pytest
from mmengine.config import Config

from mmwsss.errors import SeveralFaults
from mmwsss.pipeline.building import refuse_unread
from mmwsss.pipeline.config import load_config, merge_options
from mmwsss.pipeline.foreign_options import refuse_odd_values

CROP = 'train_dataloader.dataset.pipeline.0'


def refuse(place, value):
    config = Config({})
    for part in reversed(place.split('.')[1:]):
        value = [value] if part == '0' else {part: value}
    config[place.split('.')[0]] = value
    refuse_odd_values(config)


@pytest.mark.parametrize(
    ('place', 'value', 'must'),
    [
        ('total_batch_size', 0, 'be at least 1, or be None'),
        ('train_dataloader.batch_size', -2, 'be at least 1, or be None'),
        ('seed_dataloader.num_workers', -1, 'be at least 0'),
        ('test_dataloader.num_workers', 'many', 'be a whole number'),
        ('train_dataloader.prefetch_factor', 0, 'be at least 1, or be None'),
        ('train_cfg.max_epochs', 1.5, 'be a whole number'),
        ('train_cfg.val_interval', 0, 'be at least 1'),
        ('optim_wrapper.accumulative_counts', 0, 'be at least 1'),
        ('optim_wrapper.clip_grad.max_norm', -1, 'be above 0'),
        ('optim_wrapper.clip_grad.max_norm', 0.0, 'be above 0'),
        ('optim_wrapper.optimizer.lr', -0.1, 'lie in [0, 100], or be None'),
        ('optim_wrapper.optimizer.lr', 1e6, 'lie in [0, 100], or be None'),
        ('optim_wrapper.optimizer.lr', '1e-3x', 'be a number, or be None'),
        ('optim_wrapper.optimizer.lr', float('nan'), 'lie in [0, 100], or be None'),
        ('optim_wrapper.optimizer.momentum', 1.0, 'lie in [0, 1)'),
        ('optim_wrapper.optimizer.weight_decay', -1e-4, 'be at least 0'),
        ('optim_wrapper.optimizer.weight_decay', float('inf'), 'be at least 0 and finite'),
        ('optim_wrapper.paramwise_cfg.custom_keys.head.lr_mult', -1, 'be at least 0'),
        ('param_scheduler.0.end', 0, 'be at least 1'),
        ('param_scheduler.power', 0, 'be above 0'),
        ('default_hooks.checkpoint.interval', 0, 'be at least 1, or be -1'),
        ('default_hooks.logger.interval', -1, 'be at least 1'),
        ('env_cfg.mp_cfg.opencv_num_threads', -3, 'be at least 0'),
        ('env_cfg.cudnn_benchmark', 'maybe', 'be True or False'),
        ('randomness.seed', -1, 'lie in [0, 4294967295], or be None'),
        ('model.decode_head.dropout_ratio', 1.5, 'lie in [0, 1]'),
        ('model.cam_head.loss_weight', -1, 'be at least 0'),
        ('model.test_cfg.stride', (0, 4), 'be at least 1'),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_its_place(place, value, must):
    with pytest.raises(ValueError) as caught:
        refuse(place, value)
    assert re.sub(r'\.0(?= is)', '', str(caught.value)).startswith(re.sub(r'\.0$', '', place)[:15])
    assert str(caught.value).endswith(f'; it must {must}') and 'is ' in str(caught.value)


@pytest.mark.parametrize(
    ('step', 'message'),
    [
        ({'type': 'RandomCrop', 'crop_size': (0, 5)}, f'{CROP}.crop_size.0 is 0; it must be at'),
        ({'type': 'RandomCrop', 'crop_size': 0}, f'{CROP}.crop_size is 0; it must be at least 1'),
        (
            {'type': 'RandomResize', 'scale': (9, 9), 'ratio_range': (2.0, 0.5)},
            f'{CROP}.ratio_range is (2.0, 0.5); its first number is the lower one',
        ),
        ({'type': 'RandomFlip', 'prob': 7}, f'{CROP}.prob is 7; it must lie in [0, 1]'),
        ({'type': 'Resize', 'scale': (0, 3)}, f'{CROP}.scale.0 is 0; it must be at least 1'),
    ],
)
def test_transforms_are_looked_at_wherever_they_stand(step, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        refuse(CROP, step)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'crop_size': 0}, 'crop_size is 0; it must be at least 1'),
        ({'ratio_range': (1.5, 0.8)}, r'ratio_range is \(1\.5, 0\.8\); its first number is the'),
        ({'ratio_range': (0, 1)}, r'ratio_range\.0 is 0; it must be above 0'),
        ({'ratio_range': 1.0}, r'ratio_range is 1\.0; it must be a list'),
        ({'ratio_range': (1.0,)}, r'ratio_range is .*; it must have 2 entries'),
        ({'flip_prob': 2}, r'flip_prob is 2; it must lie in \[0, 1\]'),
    ],
)
def test_views_of_a_training(options, message):
    with pytest.raises(ValueError, match=message):
        load_config(
            'irn_own', {f'train_dataloader.dataset.pipeline.1.{k}': v for k, v in options.items()}
        )


@pytest.mark.parametrize('option', ['scales', 'long_sides'])
def test_views_of_a_prediction(option):
    options = {'scales': (), 'long_sides': (), option: (1, 0)}
    with pytest.raises(ValueError, match=rf'pipeline\[1\]\.{option}\.1 is 0'):
        load_config(
            'irn_own', {f'seed_dataloader.dataset.pipeline.1.{k}': v for k, v in options.items()}
        )


def test_all_odd_values_are_said_at_once_each_with_its_place():
    config = load_config('irn_own')
    config.merge_from_dict({'train_cfg.max_epochs': 0, 'total_batch_size': -1})
    config.param_scheduler[0].update(begin=5, end=3)
    with pytest.raises(SeveralFaults) as caught:
        refuse_odd_values(config, 'stages.irnet.options')
    assert sorted(caught.value.sentences) == [
        'stages.irnet.options.param_scheduler.0.end is 3; it must be above its begin, 5',
        'stages.irnet.options.total_batch_size is -1; it must be at least 1, or be None',
        'stages.irnet.options.train_cfg.max_epochs is 0; it must be at least 1',
    ]


@pytest.mark.parametrize(
    'name', ['irn_cpal_own', 'deeplabv2_r101_voc', 'vpl_decoder_coco', 'amn_toy']
)
def test_shipped_configs_have_no_odd_value(name):
    refuse_odd_values(load_config(name))


@pytest.mark.parametrize(
    ('option', 'near'),
    [
        ('default_hooks.logger.intervall', 'interval'),
        ('env_cfg.mp_cfg.start_method', 'mp_start_method'),
        ('env_cfg.cudnn_benchmrk', 'cudnn_benchmark'),
        ('randomness.sed', 'seed'),
        ('optim_wrapper.clip_grad.max_nrm', 'max_norm'),
        ('optim_wrapper.acumulative_counts', 'accumulative_counts'),
        ('model.data_preprocessor.padsize', 'size'),
    ],
)
def test_misspelt_options_that_nothing_reads_are_named(option, near):
    config = load_config('deeplabv2_toy')
    with pytest.raises(ValueError, match=rf'{option.split(".")[-1]!r} .*did you mean {near!r}'):
        merge_options(config, {option: 3})


def test_a_misspelt_option_of_a_transform_is_named():
    config = load_config('deeplabv2_toy')
    steps = config.train_dataloader.dataset.pipeline
    place = next(i for i, step in enumerate(steps) if step.type == 'RandomFlip')
    with pytest.raises(
        ValueError, match=r"option 'probb' of .*\(RandomFlip\).*did you mean 'prob'"
    ):
        merge_options(config, {f'train_dataloader.dataset.pipeline.{place}.probb': 1})


def test_a_change_that_no_stage_reads_is_refused():
    changes = {'test_dataloader.num_workers': 2}
    with pytest.raises(ValueError, match=r"'test_dataloader\.num_workers' changes nothing: no st"):
        refuse_unread(load_config('irn_own', changes), changes)
    refuse_unread(load_config('one_stage_toy', changes), changes)
    refuse_unread(load_config('irn_own'), {'seed_dataloader.num_workers': 2})
