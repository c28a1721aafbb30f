"""Networks and images so small that a whole run takes seconds, and the configs of such a run."""

import copy
import json

import numpy as np
import small_networks  # noqa: F401  (registers the backbone)
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

from mmwsss.registry import MODELS
from mmwsss.seeds import IGNORE_INDEX, save_mask

IDS = 'abcdefg'  # of 7 images 1 batch of 4 is left over; two samplers of 4 would make it whole
CLASSES = ('background', 'cat', 'dog')
LABELS = [['cat'], ['dog'], ['cat', 'dog'], ['cat'], ['dog'], ['cat', 'dog'], ['cat']]
LOADER = {'num_workers': 0, 'sampler': {'type': 'DefaultSampler', 'shuffle': False}}
TRAIN_LOADER = {'num_workers': 0, 'sampler': {'type': 'DefaultSampler', 'shuffle': True}}
BACKBONE = {'type': 'mmwsss.TwoStages'}
LOAD, PACK = {'type': 'mmwsss.LoadImage'}, {'type': 'mmwsss.PackImageLabelInputs'}
MASK = {'type': 'LoadAnnotations'}
CROP = [{'type': 'RandomFlip', 'prob': 0.5}, {'type': 'mmwsss.RandomPadCrop', 'crop_size': 24}]
VIEWS = [LOAD, {'type': 'mmwsss.MultiScaleFlip', 'scales': (1.0, 1.5)}]
COLORS = {'mean': [127.0] * 3, 'std': [60.0] * 3}
CAM_COLORS = {'type': 'mmwsss.CAMDataPreProcessor', 'size_divisor': 1, **COLORS}
CAM = {
    'type': 'mmwsss.CAMSegmentor',
    'data_preprocessor': CAM_COLORS,
    'backbone': BACKBONE,
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
        'bank': {'length': 9, 'num_prototypes': 3},
        'num_neighbors': 2,
        'center': True,
    },
}
IRNET = {
    'type': 'mmwsss.IRNet',
    'data_preprocessor': CAM_COLORS,
    'backbone': BACKBONE,
    'in_channels': (6,) * 5,
    'in_indices': (1,) * 5,
    'strides': (4,) * 5,
    'radius': 3,
    'pad_to': 32,
}
SEGMENTOR = {
    'type': 'EncoderDecoder',
    'data_preprocessor': {'type': 'SegDataPreProcessor', 'size': (24, 24), **COLORS},
    'backbone': BACKBONE,
    'decode_head': {
        'type': 'mmwsss.DeepLabV2Head',
        'in_channels': 6,
        'in_index': 1,
        'num_classes': 3,
        'dropout_ratio': 0,
        'align_corners': False,
        'loss_decode': {'type': 'mmwsss.BalancedCrossEntropyLoss'},
    },
    'train_cfg': {},
    'test_cfg': {'mode': 'whole'},
}
CLIP = {
    'embed_dim': 8,
    'quick_gelu': True,
    'vision_cfg': {'image_size': 28, 'patch_size': 14, 'width': 16, 'head_width': 8, 'layers': 3},
    'text_cfg': {'context_length': 77, 'vocab_size': 49408, 'width': 8, 'heads': 1, 'layers': 1},
}
DECODER = {  # VPL's
    'type': 'EncoderDecoder',
    'data_preprocessor': {
        'type': 'mmwsss.CAMDataPreProcessor',
        'size': (28, 28),
        'seg_pad_val': IGNORE_INDEX,
        **COLORS,
    },
    'backbone': {
        'type': 'mmwsss.FrozenCLIP',
        'model_name': CLIP,
        'pretrained': None,
        'out_indices': (0, 1),
    },
    'decode_head': {
        'type': 'mmwsss.FrozenCLIPDecoder',
        'in_channels': [16, 16],
        'channels': 8,
        'embed_dims': 8,
        'num_heads': 2,
        'num_classes': 3,
        'dropout_ratio': 0,
        'prototypes': {'checkpoint': 'prototypes.pth'},
        'align_corners': False,
        'loss_decode': {'type': 'mmwsss.BalancedCrossEntropyLoss'},
        'rsc': {'type': 'mmwsss.RSCLoss'},
    },
    'train_cfg': {},
    'test_cfg': {'mode': 'whole'},
}
NETWORKS = {'cam': CAM, 'irnet': IRNET, 'segmentor': SEGMENTOR, 'decoder': DECODER}
GIVEN = ('cam', 'irnet', 'segmentor')


def write_images(root):
    generator = np.random.default_rng(0)
    (root / 'JPEGImages').mkdir()
    for index, image_id in enumerate(IDS):
        size = (20 + index, 28 - index)
        pixels = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / 'JPEGImages' / f'{image_id}.png')
        mask = generator.integers(0, 3, size, dtype=np.uint8)
        mask[:3] = IGNORE_INDEX
        save_mask(root / 'SegmentationClass' / f'{image_id}.png', mask)
    (root / 'train.txt').write_text('\n'.join(IDS))
    (root / 'labels.json').write_text(json.dumps(dict(zip(IDS, LABELS, strict=True))))


def save_networks(root):
    """Save networks whose weights are as drawn; those of the seeds have vivid maps."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    for name in GIVEN:
        model = MODELS.build(copy.deepcopy(NETWORKS[name]))
        for parameter in model.parameters():
            parameter.data.add_(0.2 * torch.randn_like(parameter))
        torch.save({'state_dict': model.state_dict()}, root / f'{name}.pth')


def config_of(root, name, pipeline, wrapper='mmwsss.ImageLabelDataset', **more):
    """Return the config of a network of `NETWORKS`, trained on a joint batch of 4."""
    wrapped = {
        'type': 'BaseSegDataset',
        'data_root': str(root),
        'ann_file': 'train.txt',
        'img_suffix': '.png',
        'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClass'},
        'metainfo': {'classes': CLASSES},
    }
    labels = {'label_file': str(root / 'labels.json')}
    labelled = {'type': 'mmwsss.ImageLabelDataset', 'dataset': wrapped, **labels}
    learnt = {'type': wrapper, 'dataset': wrapped, 'pipeline': pipeline}
    if wrapper == 'mmwsss.ImageLabelDataset':
        learnt.update(labels)
    if MASK in pipeline:
        learnt['mask_dir'] = str(root / 'SegmentationClass')
    content = {
        'model': NETWORKS[name],
        'total_batch_size': 4,
        'train_dataloader': {**TRAIN_LOADER, 'drop_last': True, 'dataset': learnt},
        'seed_dataloader': {
            **LOADER,
            'batch_size': 1,
            'dataset': {**labelled, 'pipeline': VIEWS, 'test_mode': True},
        },
        'train_cfg': {'type': 'EpochBasedTrainLoop', 'max_epochs': 3},
        'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.05, 'momentum': 0.9}},
        'custom_hooks': [{'type': 'mmwsss.EpochSeedHook', 'seed': 0}],
        'default_hooks': {'sampler_seed': {'type': 'DistSamplerSeedHook'}, 'logger': None},
        'tta_model': {'type': 'mmwsss.CAMTTAModel'},
        'default_scope': 'mmseg',
        'custom_imports': {'imports': ['small_networks'], 'allow_failed_imports': False},
        'randomness': {'seed': 0},
        'env_cfg': {'dist_cfg': {'backend': 'gloo'}},
        'log_level': 'ERROR',
        **more,
    }
    return Config(copy.deepcopy(content))


def write_run(root):
    """Write images, and the configs of a run through every kind of stage; return its config.

    The run goes the way of `configs/_base_/stages/walk.py`, from image labels to a test.
    """
    write_images(root)
    irnet = config_of(root, 'irnet', [LOAD, MASK, *CROP, PACK])
    irnet.custom_hooks.append({'type': 'mmwsss.DisplacementMeanHook'})
    irnet.tta_model = {'type': 'mmwsss.EdgeTTAModel'}
    irnet.tta_pipeline = [LOAD, {'type': 'mmwsss.MultiScaleFlip'}]
    irnet.dump(str(root / 'irnet.py'))
    crop = [{'type': 'RandomFlip', 'prob': 0.5}, {'type': 'RandomCrop', 'crop_size': (16, 16)}]
    pipeline = [LOAD, MASK, *crop, {'type': 'PackSegInputs'}]
    segmentor = config_of(root, 'segmentor', pipeline, 'mmwsss.PseudoMaskDataset')
    segmentor.merge_from_dict(segmentor_test(segmentor))
    segmentor.dump(str(root / 'segmentor.py'))
    cam = config_of(root, 'cam', [LOAD, *CROP, PACK])
    cam.custom_hooks.append({'type': 'mmwsss.ContextPrototypeHook', 'warmup_epochs': 1})
    seeds = {'type': 'GenerateSeeds', 'model': 'cam'}
    segmentation = {'type': 'Train', 'masks': 'masks', 'config': str(root / 'segmentor.py')}
    cam.stages = {
        'cam': {'type': 'Train'},
        'seeds': seeds,
        'seed_scores': {'type': 'EvaluateSeeds', 'seeds': 'seeds'},
        'ir_labels': {'type': 'MakeIRLabels', 'seeds': 'seeds', 'crf_backend': 'torch'},
        'irnet': {'type': 'Train', 'masks': 'ir_labels', 'config': str(root / 'irnet.py')},
        'walk': {'type': 'WalkSeeds', 'seeds': 'seeds', 'model': 'irnet', 'steps': 4, 'radius': 3},
        'masks': {'type': 'RefineSeeds', 'seeds': 'walk', 'crf': None},
        'mask_scores': {'type': 'EvaluateMasks', 'masks': 'masks'},
        'segmentor': segmentation,
        'test': {'type': 'Test', 'model': 'segmentor', 'tta': False},
    }
    cam.judged_on = {
        'ground_truth': str(root / 'SegmentationClass'),
        'ids': str(root / 'train.txt'),
    }
    path = root / 'tiny.py'
    cam.dump(str(path))
    return path


def segmentor_test(config):
    """Return what a segmentor's config says of its test."""
    dataset = copy.deepcopy(config.train_dataloader.dataset.dataset.to_dict())
    pipeline = [LOAD, MASK, {'type': 'PackSegInputs'}]
    return {
        'test_dataloader': {
            **LOADER,
            'batch_size': 1,
            'dataset': {**dataset, 'pipeline': pipeline, 'test_mode': True},
        },
        'test_evaluator': {'type': 'IoUMetric', 'iou_metrics': ['mIoU']},
        'test_cfg': {'type': 'TestLoop'},
    }
