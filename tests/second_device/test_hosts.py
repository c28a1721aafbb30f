"""Hosts and plug-ins from images to losses and seeds: on another device as on the CPU."""

import copy

import pytest
import torch
from clip_models import SMALL, TEXT
from mmengine.optim import OptimWrapper
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.registry import MODELS

NUM, CHANNELS = 4, 6
SIZE = (32, 48)
LABELS = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 1]])
CONV = {'type': 'mmwsss.OfTwoStages'}
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


@MODELS.register_module(force=True)
class OfTwoStages(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, CHANNELS, 3, stride=2, padding=1)

    def forward(self, inputs):
        first = self.first(inputs).relu()
        return first, self.second(first).relu()


def build(host, plug_in):
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


def learning(model):
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def train(model):
    """Take a step; what it has learnt."""
    prepare(model)
    losses = {}
    if model.cam_head.loss.__qualname__ != 'CLIPESHead.loss':  # which has none
        optimizer = torch.optim.SGD(learning(model), lr=0.1)
        losses = model.train_step(batch(), OptimWrapper(optimizer))
    return {name: value.cpu() for name, value in {**losses, **model.state_dict()}.items()}


@torch.no_grad()
def seeds(model):
    views = [batch(), batch((16, 32), 'horizontal')]
    merged = CAMTTAModel(model.eval()).test_step(
        {name: [view[name] for view in views] for name in views[0]}
    )
    return [
        {name: value for name, value in vars(sample.pred_seed).items() if value is not None}
        for sample in merged
    ]


@pytest.mark.parametrize(('host', 'plug_in'), PAIRS, ids=NAMES)
def test_a_training_step_and_a_seed_are_those_of_the_cpu(host, plug_in, device):
    if host.startswith('clip'):
        pytest.importorskip('open_clip')
    model = build(host, plug_in)
    elsewhere = copy.deepcopy(model).to(device)
    for part, value in elsewhere.state_dict().items():
        assert value.device.type == device, part
    torch.testing.assert_close(train(elsewhere), train(model), rtol=1e-4, atol=1e-5)
    for found, expected in zip(seeds(elsewhere), seeds(model), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)  # of float16


@pytest.mark.parametrize(('host', 'plug_in'), PAIRS, ids=NAMES)
def test_losses_and_seeds_under_bfloat16_are_close(host, plug_in, device):
    if host.startswith('clip'):
        pytest.importorskip('open_clip')
    model = build(host, plug_in).to(device)
    prepare(model)
    exact = seeds(model)
    model.train()
    data = model.data_preprocessor(batch(), training=True)
    expected = model(**data, mode='loss')
    with torch.autocast(device, dtype=torch.bfloat16):
        losses = model(**data, mode='loss')
        rough = seeds(model)
    if losses and learning(model):
        sum(losses.values()).backward()
    torch.testing.assert_close(losses, expected, rtol=0.1, atol=0.02)
    for parameter in model.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()
    # CLIP-ES takes gradients, boxes over a threshold, and stretches what is left
    limit = 0.1 if host.startswith('clip') else 0.05
    for found, one in zip(rough, exact, strict=True):
        assert abs(found['cam'] - one['cam']).mean() < limit
