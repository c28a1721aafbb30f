"""AMN with CPAL from files to seeds: it learns from ir_labels and opens no ground truth."""

import json
import sys

import numpy as np
import pytest
import small_networks  # noqa: F401 (registers TwoStages)
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from PIL import Image

from mmwsss.pipeline.network import generate_seeds
from mmwsss.registry import HOOKS, MODELS
from mmwsss.seeds import load_seed
from mmwsss.seeds.masks import save_mask

IDS = ['a', 'b', 'c', 'd']
LABELS = [['cat'], ['dog'], ['cat', 'dog'], []]


@HOOKS.register_module(force=True)
class RecordLosses(Hook):
    records = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        losses = {name: float(value) for name, value in outputs.items() if 'loss_' in name}
        self.records.append((runner.epoch, losses))


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Four noise images in VOC's layout, with ir_labels, and ground truth that nobody may open."""
    root = tmp_path_factory.mktemp('voc')
    generator = np.random.default_rng(0)
    (root / 'JPEGImages').mkdir()
    for image_id in IDS:
        pixels = generator.integers(0, 256, (20, 28, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / 'JPEGImages' / f'{image_id}.jpg')
        for folder in ('SegmentationClass', 'ir_labels'):
            mask = generator.choice([0, 1, 2, 255], (20, 28)).astype(np.uint8)
            save_mask(root / folder / f'{image_id}.png', mask)
    (root / 'train.txt').write_text('\n'.join(IDS))
    (root / 'labels.json').write_text(json.dumps(dict(zip(IDS, LABELS, strict=True))))
    return root


def dataset_of(root, pipeline):
    return {
        'type': 'mmwsss.ImageLabelDataset',
        'dataset': {
            'type': 'BaseSegDataset',
            'data_root': str(root),
            'ann_file': 'train.txt',
            'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClass'},
            'metainfo': {'classes': ('background', 'cat', 'dog')},
        },
        'label_file': str(root / 'labels.json'),
        'mask_dir': str(root / 'ir_labels'),
        'pipeline': pipeline,
    }


def config_of(root, work_dir):
    load, annotations = {'type': 'mmwsss.LoadImage'}, {'type': 'LoadAnnotations'}
    pack = {'type': 'mmwsss.PackImageLabelInputs'}
    train_pipeline = [
        load,
        annotations,
        {'type': 'RandomFlip', 'prob': 0.5},
        {'type': 'mmwsss.RandomPadCrop', 'crop_size': (24, 24)},
        pack,
    ]
    sizes = [{'type': 'Resize', 'scale_factor': s, 'keep_ratio': True} for s in (1.0, 0.5)]
    flips = [{'type': 'RandomFlip', 'prob': prob} for prob in (0.0, 1.0)]
    views = {'type': 'TestTimeAug', 'transforms': [sizes, flips, [annotations], [pack]]}
    return Config(
        {
            'model': {
                'type': 'mmwsss.CAMSegmentor',
                'backbone': {'type': 'mmwsss.TwoStages'},
                'cam_head': {
                    'type': 'mmwsss.AMNHead',
                    'in_channels': 6,
                    'num_classes': 2,
                    'dilations': (1, 2),
                },
                'prototype_head': {
                    'type': 'mmwsss.PrototypeAwareCAMHead',
                    'num_classes': 2,
                    'projection': {'type': 'mmwsss.IdentityProjection', 'in_channels': 6},
                    'bank': {'length': 7, 'num_prototypes': 3},
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
                'dataset': dataset_of(root, train_pipeline),
            },
            'seed_dataloader': {
                'batch_size': 1,
                'num_workers': 0,
                'sampler': {'type': 'DefaultSampler', 'shuffle': False},
                'dataset': dataset_of(root, [load, views]),
            },
            'tta_pipeline': [load, views],
            'tta_model': {'type': 'mmwsss.CAMTTAModel'},
            'train_cfg': {'type': 'EpochBasedTrainLoop', 'max_epochs': 2},
            'optim_wrapper': {'optimizer': {'type': 'Adam', 'lr': 1e-3}},
            'param_scheduler': [],
            'custom_hooks': [
                {'type': 'mmwsss.EpochSeedHook', 'seed': 0},
                {'type': 'mmwsss.ContextPrototypeHook', 'warmup_epochs': 1},
                {'type': 'mmwsss.RecordLosses'},
            ],
            'default_hooks': {
                'checkpoint': {'type': 'CheckpointHook', 'interval': 1},
                'logger': None,
            },
            'default_scope': 'mmseg',
            'randomness': {'seed': 0},
            'work_dir': str(work_dir),
            'experiment_name': work_dir.name,
            'log_level': 'ERROR',
        }
    )


@pytest.fixture(scope='module')
def run(root, tmp_path_factory):
    """Losses by epoch, the folder of the seeds, and the files opened."""
    opened, recording = [], [True]
    sys.addaudithook(
        lambda event, args: opened.append(str(args[0])) if recording and event == 'open' else None
    )
    work_dir = tmp_path_factory.mktemp('amn_cpal')
    RecordLosses.records.clear()
    Runner.from_cfg(config_of(root, work_dir)).train()
    config = config_of(root, work_dir)
    config.experiment_name += '_seeds'
    written = generate_seeds(config, work_dir / 'epoch_2.pth', work_dir / 'seeds')
    recording.clear()
    assert written == {'seeds': 4, 'written': 4}
    return {
        'losses': list(RecordLosses.records),
        'seeds': {image_id: load_seed(work_dir / 'seeds' / f'{image_id}.npz') for image_id in IDS},
        'opened': opened,
    }


def test_the_self_supervised_loss_is_there_after_clustering(run):
    assert [epoch for epoch, _ in run['losses']] == [0, 0, 1, 1]
    for epoch, losses in run['losses']:
        assert losses.keys() == {'loss_pixel', 'loss_self'}
        assert losses['loss_pixel'] > 0
        assert (losses['loss_self'] > 0) == (epoch == 1)


def test_seeds_have_both_maps_and_the_background(run):
    for image_id, classes in zip(IDS, ([0], [1], [0, 1], []), strict=True):
        seed = run['seeds'][image_id]
        assert seed.classes.tolist() == classes
        assert seed.cam.shape == seed.pacam.shape == (len(classes), 5, 7)
        assert seed.background.shape == (5, 7)
        assert seed.size == (20, 28)


def test_no_ground_truth_is_opened(run, root):
    opened = run['opened']
    assert any(str(root / 'ir_labels') in path for path in opened)
    assert not [path for path in opened if 'SegmentationClass' in path]


def test_padding_is_ignored_in_the_label_whoever_padded(root, tmp_path):
    """The crop pads 20 rows to 24; images of two sizes in a batch are padded by the batch."""
    init_default_scope('mmseg')
    config = config_of(root, tmp_path)
    dataset = Runner.build_dataloader(config.train_dataloader).dataset
    sample = dataset[0]['data_samples']
    assert (sample.gt_sem_seg.data[sample.valid_mask.data == 0] == 255).all()
    assert (sample.valid_mask.data == 0).sum() == 4 * 24
    preprocessor = MODELS.build(config.model.data_preprocessor)
    small = dataset[1]
    small['inputs'] = small['inputs'][:, :12]
    for name in ('valid_mask', 'gt_sem_seg'):
        field = small['data_samples'].get(name)
        small['data_samples'].set_data({name: type(field)(data=field.data[:, :12])})
    batch = preprocessor(pseudo_collate([dataset[0], small]), training=True)
    mask = batch['data_samples'][1].gt_sem_seg.data
    assert mask.shape == (1, 24, 24)
    assert (mask[:, 12:] == 255).all()
    assert (mask[:, :12] != 255).any()


def test_without_mask_dir_the_cure_is_named(root, tmp_path):
    config = config_of(root, tmp_path)
    del config.train_dataloader.dataset['mask_dir']
    config.train_dataloader.dataset.pipeline.pop(1)
    with pytest.raises(ValueError, match=r'[a-d]\.jpg carries no mask to learn from: set mask_dir'):
        Runner.from_cfg(config).train()
    config.seed_dataloader.dataset.mask_dir = str(tmp_path / 'nowhere')
    torch.save({'state_dict': {}}, tmp_path / 'empty.pth')
    message = r'4 of 4 pseudo-mask files are missing, the first is .*a\.png.*--until ir_labels'
    with pytest.raises(FileNotFoundError, match=message):
        generate_seeds(config, tmp_path / 'empty.pth', tmp_path / 'seeds')
