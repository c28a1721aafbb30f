"""A training that was cut off and resumed equals one in a single go, and reads no mask."""

import json
import sys

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image
from torch import nn

from mmwsss.registry import MODELS

IDS = ['a', 'b', 'c', 'd', 'e', 'f']
LABELS = [['cat'], ['dog'], ['cat', 'dog'], ['cat'], ['dog'], ['cat', 'dog']]
EPOCHS = 4


@MODELS.register_module(force=True)
class SmallBackbone(nn.Module):
    """Two strided convolutions; dropout draws from torch's generator in every step."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 6, 3, stride=2, padding=1)

    def forward(self, inputs):
        first = nn.functional.dropout(self.first(inputs).relu(), 0.2, self.training)
        return first, self.second(first).relu()


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Six noise images in VOC's layout, with a folder of masks that nobody may open."""
    root = tmp_path_factory.mktemp('voc')
    generator = np.random.default_rng(0)
    for folder in ('JPEGImages', 'SegmentationClass'):
        (root / folder).mkdir()
    for image_id in IDS:
        pixels = generator.integers(0, 256, (20, 28, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / 'JPEGImages' / f'{image_id}.jpg')
        Image.fromarray(pixels[..., 0] % 3).save(root / 'SegmentationClass' / f'{image_id}.png')
    (root / 'train.txt').write_text('\n'.join(IDS))
    (root / 'labels.json').write_text(json.dumps(dict(zip(IDS, LABELS, strict=True))))
    return root


def config_of(root, work_dir, hooks=(), **options):
    wrapped = {
        'type': 'BaseSegDataset',
        'data_root': str(root),
        'ann_file': 'train.txt',
        'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClass'},
        'metainfo': {'classes': ('background', 'cat', 'dog')},
    }
    pipeline = [
        {'type': 'mmwsss.LoadImage'},
        {'type': 'RandomFlip', 'prob': 0.5},
        {'type': 'mmwsss.RandomPadCrop', 'crop_size': (24, 24)},
        {'type': 'mmwsss.PackImageLabelInputs'},
    ]
    return {
        'model': {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': {'type': 'mmwsss.SmallBackbone'},
            'cam_head': {'type': 'mmwsss.LinearCAMHead', 'in_channels': 6, 'num_classes': 2},
            'prototype_head': {
                'type': 'mmwsss.PrototypeAwareCAMHead',
                'num_classes': 2,
                'projection': {
                    'type': 'mmwsss.SideProjection',
                    'in_channels': (4, 6),
                    'out_channels': (3, 5),
                    'grid_stage': 1,
                },
                'bank': {'length': 7, 'num_prototypes': 3},
                'num_neighbors': 2,
                'center': True,
            },
            'data_preprocessor': {
                'type': 'mmwsss.CAMDataPreProcessor',
                'mean': [127.0] * 3,
                'std': [128.0] * 3,
                'size_divisor': 1,
            },
        },
        'train_dataloader': {
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'DefaultSampler', 'shuffle': True},
            'dataset': {
                'type': 'mmwsss.ImageLabelDataset',
                'dataset': wrapped,
                'label_file': str(root / 'labels.json'),
                'pipeline': pipeline,
            },
        },
        'train_cfg': {'type': 'EpochBasedTrainLoop', 'max_epochs': EPOCHS},
        'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.05, 'momentum': 0.9}},
        'param_scheduler': [
            {'type': 'PolyLR', 'power': 0.9, 'end': EPOCHS, 'convert_to_iter_based': True}
        ],
        'custom_hooks': [
            {'type': 'mmwsss.EpochSeedHook', 'seed': 0},
            {'type': 'mmwsss.NonFiniteLossHook'},
            {'type': 'mmwsss.ContextPrototypeHook', 'warmup_epochs': 1},
            *hooks,
        ],
        'default_hooks': {
            'checkpoint': {'type': 'CheckpointHook', 'interval': 1},
            'logger': None,
        },
        'default_scope': 'mmseg',
        'randomness': {'seed': 0},
        'work_dir': str(work_dir),
        'experiment_name': f'{work_dir.name}_{len(hooks)}_{options.get("resume", False)}',
        'log_level': 'ERROR',
        **options,
    }


class CutOff(Exception):
    """The power fails."""


def cut_off_in_epoch_3(runner):
    """Stop in the middle of the third epoch, when two are saved."""
    real = runner.model.train_step

    def train_step(*args, **kwargs):
        if runner.iter == 7:  # three iterations per epoch
            raise CutOff
        return real(*args, **kwargs)

    runner.model.train_step = train_step


@pytest.fixture(scope='module')
def trainings(root, tmp_path_factory):
    """Final checkpoints of a run in one go and of one cut off and resumed, and files opened."""
    opened, recording = [], [True]
    sys.addaudithook(
        lambda event, args: opened.append(str(args[0])) if recording and event == 'open' else None
    )
    whole = tmp_path_factory.mktemp('whole')
    Runner.from_cfg(config_of(root, whole)).train()
    recording.clear()

    parts = tmp_path_factory.mktemp('parts')
    runner = Runner.from_cfg(config_of(root, parts))
    cut_off_in_epoch_3(runner)
    with pytest.raises(CutOff):
        runner.train()
    assert (parts / 'epoch_2.pth').is_file()
    assert not (parts / 'epoch_3.pth').is_file()
    torch.manual_seed(123)  # a new process would not have the old one's generators either
    np.random.seed(123)
    Runner.from_cfg(config_of(root, parts, resume=True)).train()
    return {
        'whole': [torch.load(whole / f'epoch_{epoch + 1}.pth') for epoch in range(EPOCHS)],
        'resumed': torch.load(parts / f'epoch_{EPOCHS}.pth'),
        'opened': opened,
    }


def tensors(value, name=''):
    """All tensors in a nested state, by path."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(item, f'{name}.{key}')
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from tensors(item, f'{name}.{index}')


@pytest.mark.parametrize('part', ['state_dict', 'optimizer'])
def test_a_resumed_training_equals_one_in_a_single_go_to_the_bit(trainings, part):
    whole = dict(tensors(trainings['whole'][-1][part]))
    resumed = dict(tensors(trainings['resumed'][part]))
    assert whole.keys() == resumed.keys()
    assert len(whole) >= 6
    for name, value in whole.items():
        assert value.equal(resumed[name]), name


def test_the_training_has_what_the_test_is_about(trainings):
    """A bank that went round, prototypes, running means, and weights that moved."""
    first, last = (trainings['whole'][epoch]['state_dict'] for epoch in (1, -1))
    prefix = 'prototype_head.'
    assert last[prefix + 'bank.count'].tolist() == [7, 7]
    assert last[prefix + 'bank.context_count'].tolist() == [3, 3]
    assert last[prefix + 'feature_mean.updates'].all()
    for name in (
        'backbone.first.weight',
        'cam_head.classifier.weight',
        prefix + 'projection.sides.0.weight',
        prefix + 'bank.entries',
        prefix + 'bank.context',
        prefix + 'instance_mean.mean',
        prefix + 'feature_mean.mean',
    ):
        assert not first[name].equal(last[name]), name


def test_the_warm_up_epoch_leaves_no_context(trainings):
    first, second = (trainings['whole'][epoch]['state_dict'] for epoch in (0, 1))
    assert first['prototype_head.bank.context_count'].tolist() == [0, 0]
    assert second['prototype_head.bank.context_count'].tolist() == [3, 3]


def test_training_from_image_labels_opens_no_mask(trainings, root):
    opened = trainings['opened']
    assert any(str(root / 'JPEGImages') in path for path in opened)
    assert not [path for path in opened if 'SegmentationClass' in path]


def test_a_host_with_the_hook_and_no_prototype_head_is_told(root, tmp_path):
    config = config_of(root, tmp_path)
    config['model']['prototype_head'] = None
    with pytest.raises(ValueError, match='cpal_head'):
        Runner.from_cfg(config).train()


def test_an_iteration_based_loop_without_an_interval_is_refused(root, tmp_path):
    config = config_of(root, tmp_path)
    config['train_cfg'] = {'type': 'IterBasedTrainLoop', 'max_iters': 4, 'val_interval': 4}
    config['param_scheduler'] = None
    config['train_dataloader']['sampler'] = {'type': 'InfiniteSampler', 'shuffle': True}
    config['default_hooks']['checkpoint'] = None
    with pytest.raises(ValueError, match='interval'):
        Runner.from_cfg(config).train()
    config['custom_hooks'][2]['interval'] = 2
    config['experiment_name'] += '_interval'
    runner = Runner.from_cfg(config)
    runner.train()
    assert runner.model.prototype_head.bank.context_count.any()


def test_a_loss_that_is_not_finite_names_the_images(root, tmp_path):
    config = config_of(root, tmp_path)
    runner = Runner.from_cfg(config)
    runner.model.cam_head.classifier.weight.data.fill_(float('nan'))
    with pytest.raises(FloatingPointError, match=r'loss_cls.*JPEGImages/[a-f]\.jpg'):
        runner.train()
