"""Every host and plug-in as small as it can be, two images for it, and its training's end."""

import copy

import small_networks  # noqa: F401 (registers TwoStages)
import torch
from clip_models import SMALL, TEXT
from mmengine.registry import DefaultScope
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsss.registry import MODELS

NUM, CHANNELS = 4, 6
SIZE = (32, 48)
LABELS = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 1]])
CONV = {'type': 'mmwsss.TwoStages'}
VIT = {
    'type': 'mmwsss.ClassTokenViT',
    'num_classes': NUM,
    'arch': {'embed_dims': 8, 'num_layers': 3, 'num_heads': 2, 'feedforward_channels': 16},
    'img_size': 32,
}
CLIP = {
    'type': 'mmwsss.CLIPESBackbone',
    'model_name': SMALL,
    'pretrained': None,
    'num_attention_blocks': 3,
}
SIDES = {'type': 'mmwsss.SideProjection', 'in_channels': (4, 6), 'out_channels': (3, 5)}
CPF_CTE = {'type': 'mmwsss.ClassTokenHead', 'in_channels': CHANNELS, 'token_channels': 4}
CONTEXT = {'type': 'mmwsss.CFBiLSTM', 'hidden_channels': 3}
HOSTS = {  # backbone, CAM head, channels of the last stage
    'irn': (CONV, {'type': 'mmwsss.LinearCAMHead', 'in_channels': CHANNELS}, CHANNELS),
    'amn': (
        CONV,
        {
            'type': 'mmwsss.AMNHead',
            'in_channels': CHANNELS,
            'dilations': (1, 2),
            'dropout_ratio': 0.0,  # other devices draw other numbers
        },
        CHANNELS,
    ),
    'sipe': (
        CONV,
        {
            'type': 'mmwsss.SIPEHead',
            'in_channels': CHANNELS,
            'projection': SIDES | {'grid_stage': 1},
        },
        CHANNELS,
    ),
    'mctformer': (VIT, {'type': 'mmwsss.MCTformerHead', 'in_channels': 8}, 8),
    'clip_es': (CLIP, {'type': 'mmwsss.CLIPESHead', 'embed_dims': 16, 'text': TEXT}, 16),
    'clip_es_adapter': (
        CLIP,
        {'type': 'mmwsss.CLIPESAdapterHead', 'embed_dims': 16, 'text': TEXT},
        16,
    ),
    'clip_es_vpl': (
        CLIP,
        {
            'type': 'mmwsss.CLIPESHead',
            'embed_dims': 16,
            'text': TEXT,
            'prototypes': {
                'type': 'mmwsss.VisionPrototypes',
                'num_classes': NUM,
                'num_background': 2,
                'embed_dims': 16,
                'solver': 'gradient',  # L-BFGS makes another path of other rounding
                'iterations': 20,
            },
        },
        16,
    ),
    'cpf_cte': (CONV, CPF_CTE | {'context': CONTEXT}, CHANNELS),
    'cpf_cte_hard': (
        CONV,
        CPF_CTE
        | {'attachment': 'hard', 'activation': 'softmax_fg', 'pooling': 'max'}
        | {'context': CONTEXT | {'direction': 'snake'}, 'project_back': True},
        CHANNELS,
    ),
    'cpf_cte_per_class': (
        CONV,
        CPF_CTE
        | {'attachment': 'per_class', 'activation': 'sigmoid', 'pooling': 'avg'}
        | {'context': CONTEXT | {'direction': 'hv_sum'}},
        CHANNELS,
    ),
}
PLUG_INS = {
    'cpal': {},
    'cpal with a background': {
        'instances': 'ownership',
        'background': 'prototype',
        'background_from': 'bank',
        'positiveness': 'cosine',
        'standardize': True,
    },
    'cpal to the letter': {
        'weighting': 'literal',
        'statistic': 'batch',
        'apply_to': 'both',
        'center': True,
        'num_neighbors': None,
        'positiveness': 'l2',
    },
}
PAIRS = [(host, None) for host in HOSTS]
PAIRS += [(host, 'cpal') for host in HOSTS if not host.startswith(('cpf_cte_', 'clip_es_vpl'))]
PAIRS += [('irn', plug_in) for plug_in in PLUG_INS if plug_in != 'cpal']
NAMES = [f'{host} and {plug_in}' if plug_in else host for host, plug_in in PAIRS]


def build(host, plug_in):
    """Return the network, for training, with random weights."""
    torch.manual_seed(0)
    backbone, head, channels = HOSTS[host]
    config = {
        'type': 'mmwsss.CAMSegmentor',
        'backbone': backbone,
        'cam_head': {**head, 'num_classes': NUM},
        'data_preprocessor': {
            'type': 'mmwsss.CAMDataPreProcessor',
            'mean': [120.0] * 3,
            'std': [60.0] * 3,
            'size_divisor': 1,
        },
    }
    if plug_in:
        config['prototype_head'] = {
            'type': 'mmwsss.PrototypeAwareCAMHead',
            'num_classes': NUM,
            'projection': {'type': 'mmwsss.IdentityProjection', 'in_channels': channels},
            'bank': {'length': 5, 'num_prototypes': 2},
            'tau': 0.0,
            **PLUG_INS[plug_in],
        }
        if host != 'mctformer' and not host.startswith('clip'):
            sides = SIDES | {'grid_stage': 0}  # another grid than that of the CAMs
            config['prototype_head']['projection'] = sides
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(copy.deepcopy(config))
    if host.startswith('clip'):
        model.cam_head.text.set_vectors(torch.randn(6, 16))
        for parameter in model.backbone.parameters():
            parameter.data.mul_(2)  # or all patches attend to all alike, and maps are flat
    return model


def batch(size=SIZE, flip=None):
    """What a data loader gives: images and samples on the CPU."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (2, 3, *size), generator=generator, dtype=torch.uint8)
    samples = []
    for index, label in enumerate(LABELS):
        meta = {'ori_shape': SIZE, 'img_shape': size, 'img_path': f'{index}.jpg'}
        sample = SegDataSample(metainfo={**meta, 'flip': flip is not None, 'flip_direction': flip})
        sample.gt_label = LabelData(multi_hot=label.float())
        mask = torch.arange(SIZE[0] * SIZE[1]).view(1, *SIZE) % 7
        sample.gt_sem_seg = PixelData(data=torch.where(mask < 5, mask, 255))
        samples.append(sample)
    return {'inputs': list(images), 'data_samples': samples}


def prepare(model):
    """Fill the bank and cluster it, or fit VPL's prototypes."""
    model.train()
    model.collect(batch())
    if model.prototype_head is not None:
        model.prototype_head.update_context_prototypes(seed=0)
    if getattr(model.cam_head, 'prototypes', None) is not None:
        model.cam_head.prototypes.fit()
