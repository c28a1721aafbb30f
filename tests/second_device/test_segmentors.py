"""Segmentors, IRNet and backbones: on another device as on the CPU."""

import copy

import numpy as np
import pytest
import torch
from clip_models import SMALL, TEXT
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from second_device import refusing_to_wait
from torch import nn

from mmwsss.evaluation import WalkWriter
from mmwsss.models.affinity import EdgeTTAModel
from mmwsss.models.clip_pretrainer import CLIPPretrainer
from mmwsss.models.segmentors import CRFSegTTAModel, OneStageSegmentor, SegmentorSeedTTAModel
from mmwsss.registry import MODELS
from mmwsss.seeds.files import Seed, save_seed

NUM, SIZE = 3, (32, 48)
NORMALIZE = {'mean': [120.0] * 3, 'std': [60.0] * 3}
PLAIN = {'type': 'SegDataPreProcessor', **NORMALIZE, 'pad_val': 0, 'seg_pad_val': 255, 'size': SIZE}
BALANCED = {'type': 'mmwsss.BalancedCrossEntropyLoss'}
RESNET = {
    'depth': 50,
    'stem_channels': 4,
    'base_channels': 4,
    'strides': (1, 2, 1, 1),
    'dilations': (1, 1, 2, 4),
}
DEEPLAB = {
    'type': 'EncoderDecoder',
    'data_preprocessor': PLAIN,
    'backbone': {'type': 'mmwsss.ResNetCeilPool', **RESNET, 'out_indices': (3,)},
    'decode_head': {
        'type': 'mmwsss.DeepLabV2Head',
        'in_channels': 128,
        'in_index': 0,
        'num_classes': NUM + 1,
        'dropout_ratio': 0,
        'align_corners': False,
        'loss_decode': BALANCED,
    },
    'test_cfg': {'mode': 'whole'},
}
DECODER = {
    'type': 'EncoderDecoder',
    'data_preprocessor': {**PLAIN, 'type': 'mmwsss.CAMDataPreProcessor'},
    'backbone': {
        'type': 'mmwsss.FrozenCLIP',
        'model_name': SMALL,
        'pretrained': None,
        'out_indices': (1, 3),
    },
    'decode_head': {
        'type': 'mmwsss.FrozenCLIPDecoder',
        'in_channels': [64, 64],
        'num_classes': NUM + 1,
        'embed_dims': 8,
        'channels': 4,
        'num_layers': 1,
        'num_heads': 2,
        'dropout_ratio': 0.0,  # other devices draw other numbers
        'align_corners': False,
        'loss_decode': BALANCED,
        'rsc': {'type': 'mmwsss.RSCLoss'},
    },
    'test_cfg': {'mode': 'whole'},
}
ONE_STAGE = {
    'type': 'mmwsss.OneStageSegmentor',
    'data_preprocessor': {**PLAIN, 'type': 'mmwsss.CAMDataPreProcessor'},
    'backbone': {
        **DECODER['backbone'],
        'type': 'mmwsss.OneStageCLIP',
        'out_indices': (0, 2),
        'num_attention_blocks': 3,
        'num_refining_blocks': 3,
    },
    'cam_head': {
        'type': 'mmwsss.OneStageCLIPHead',
        'num_classes': NUM,
        'embed_dims': 16,
        'text': {'names': TEXT['names'][:NUM], 'background': TEXT['background']},
    },
    'decode_head': {**DECODER['decode_head'], 'classifier': 'linear', 'rsc': None},
    'affinity_loss': {'type': 'mmwsss.PairAffinityLoss'},
    'masks': {'iterations': 2},
}
IRNET = {
    'type': 'mmwsss.IRNet',
    'backbone': {'type': 'mmwsss.ResNetWithStem', **RESNET, 'strides': (1, 2, 2, 1)},
    'in_channels': (4, 16, 32, 64, 128),
    'radius': 4,
    'pad_to': 64,
    'data_preprocessor': {**PLAIN, 'type': 'mmwsss.CAMDataPreProcessor'},
}
MODELS_OF_MASKS = {
    'deeplabv2': DEEPLAB,
    'vpl_decoder': DECODER,
    'one_stage': ONE_STAGE,
    'irnet': IRNET,
}
BACKBONES = {
    'ResNet38': {'type': 'mmwsss.ResNet38'},
    'EfficientNetLite0': {'type': 'mmwsss.EfficientNetLite0', 'feature_cache': 'cache'},
    'hybrid ViT': {
        'type': 'mmpretrain.VisionTransformer',
        'arch': {'embed_dims': 8, 'num_layers': 1, 'num_heads': 2, 'feedforward_channels': 8},
        'img_size': 64,
        'patch_size': 16,
        'out_type': 'featmap',
        'patch_cfg': {'conv_type': 'mmwsss.EfficientNetLite0Patches'},
    },
}


def build(name):
    if name in ('vpl_decoder', 'one_stage'):
        pytest.importorskip('open_clip')
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(copy.deepcopy(MODELS_OF_MASKS[name])))
    for part, value in model.state_dict().items():
        if name == 'irnet' and value.is_floating_point() and value.dim() == 1:
            value.uniform_(0.5, 1.5)
            if part.endswith(('bias', 'running_mean', 'mean_shift')):
                value.sub_(1)
    if name == 'vpl_decoder':
        model.decode_head.set_prototypes(torch.randn(NUM + 2, 8))
    if name == 'one_stage':
        model.cam_head.text.set_vectors(torch.randn(NUM + 2, 16))
        model.refining.fill_(True)
    return model


def batch(flip=None, path='{}.jpg'):
    """What a data loader gives: images and samples on the CPU."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (2, 3, *SIZE), generator=generator, dtype=torch.uint8)
    samples = []
    for index, label in enumerate([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]):
        meta = {'ori_shape': SIZE, 'img_shape': SIZE, 'img_path': path.format(index)}
        meta.update(img_id=str(index), flip=flip is not None, flip_direction=flip)
        sample = SegDataSample(metainfo=meta)
        sample.gt_label = LabelData(multi_hot=torch.tensor(label))
        mask = torch.arange(SIZE[0] * SIZE[1]).view(1, *SIZE) // 100 % 5
        sample.gt_sem_seg = PixelData(data=torch.where(mask < 4, mask, 255))
        samples.append(sample)
    return {'inputs': list(images), 'data_samples': samples}


def views(path='{}.jpg'):
    both = [batch(path=path), batch('horizontal', path)]
    return {name: [view[name] for view in both] for name in both[0]}


def train(model):
    model.train()
    for module in model.modules():  # of the same images on both devices, statistics of few cells
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    data = batch()
    if isinstance(model, OneStageSegmentor):  # which makes its masks
        for sample in data['data_samples']:
            del sample.gt_sem_seg
    losses = model.train_step(data, OptimWrapper(torch.optim.SGD(learning, lr=0.01)))
    return {name: value.cpu() for name, value in {**losses, **model.state_dict()}.items()}


@pytest.mark.parametrize('name', MODELS_OF_MASKS)
def test_a_training_step_is_that_of_the_cpu(name, device):
    model = build(name)
    elsewhere = copy.deepcopy(model).to(device)
    torch.testing.assert_close(train(elsewhere), train(model), rtol=1e-4, atol=1e-5)


def test_a_training_step_and_the_boundaries_of_irnet_do_not_wait(device):
    model = build('irnet').to(device).train()
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    with refusing_to_wait(device):
        model.train_step(batch(), optimizer)
        with torch.no_grad():
            EdgeTTAModel(model.eval()).test_step(views())


@torch.no_grad()
@pytest.mark.parametrize('name', ['deeplabv2', 'vpl_decoder', 'one_stage'])
def test_masks_and_seeds_of_a_segmentor_are_those_of_the_cpu(name, device, tmp_path):
    path = f'{tmp_path}/{{}}.png'
    for index in range(2):
        pixels = np.random.default_rng(index).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path.format(index))
    found = []
    for where in ('cpu', device):
        model = build(name).eval().to(where)
        masks = [
            sample.pred_sem_seg.data
            for crf in (None, 'clip_es')
            for sample in CRFSegTTAModel(model, crf=crf).test_step(views(path))
        ]
        assert {mask.device.type for mask in masks} == {where}
        seeds = [sample.pred_seed for sample in SegmentorSeedTTAModel(model).test_step(views(path))]
        found.append(([mask.cpu() for mask in masks], [seed.cam for seed in seeds]))
    for masks in zip(found[0][0], found[1][0], strict=True):
        assert (masks[0] == masks[1]).float().mean() > 0.99
    torch.testing.assert_close(found[0][1], found[1][1], rtol=0, atol=2e-3)  # of float16


@pytest.mark.parametrize(('source', 'full_size'), [('cam', False), ('pacam', True)])
def test_a_walk_on_the_boundaries_of_irnet_is_that_of_the_cpu(source, full_size, device, tmp_path):
    random = np.random.default_rng(0)
    cam, pacam = random.random((2, 2, 8, 12), dtype=np.float32)
    background = random.random((8, 12), dtype=np.float32)
    for index in range(2):
        seed = Seed([0, 2], cam, SIZE, pacam=pacam, pacam_background=background)
        save_seed(tmp_path / f'{index}.npz', seed)
    walks = []
    for where in ('cpu', device):
        samples = EdgeTTAModel(build('irnet').eval().to(where)).test_step(views())
        assert samples[0].pred_edge.device.type == where
        writer = WalkWriter(tmp_path, tmp_path / where, source=source, full_size=full_size)
        dicts = [sample.to_dict() for sample in samples]
        writer.process(None, dicts)
        walks.append([sample['pred_seed'] for sample in dicts])
    for expected, found in zip(*walks, strict=True):
        np.testing.assert_allclose(found.cam, expected.cam, atol=2e-3)


def test_the_mean_displacement_of_irnet_is_that_of_the_cpu(device):
    means = []
    for where in ('cpu', device):
        model = build('irnet').eval().to(where)
        model.measure_mean_shift([batch(), batch()])
        means.append(model.displacement_branch.mean_shift.cpu())
    torch.testing.assert_close(means[1], means[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('name', BACKBONES)
def test_features_of_a_backbone_are_those_of_the_cpu(name, device, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip('efficientnet_lite_pytorch')
    pytest.importorskip('mmpretrain.models')
    torch.manual_seed(0)
    backbone = MODELS.build(copy.deepcopy(BACKBONES[name]))
    backbone.eval()  # mmpretrain's returns None
    images = torch.randn(1, 3, *((64, 64) if 'ViT' in name else (16, 24)))
    with torch.no_grad():
        expected = backbone(images)
        backbone.to(device)
        found = [backbone(images.to(device)) for _ in range(2)][1]  # of what a cache keeps, too
    torch.testing.assert_close([one.cpu() for one in found], list(expected), rtol=1e-3, atol=1e-4)


def test_a_clip_of_toy_size_learns_as_on_the_cpu(device):
    pytest.importorskip('open_clip')
    vision = {'image_size': 32, 'patch_size': 16, 'width': 24, 'head_width': 12, 'layers': 2}
    text = {'context_length': 12, 'width': 8, 'heads': 1, 'layers': 1}
    parts = {'vision_cfg': {**vision, 'pool_type': 'avg'}, 'text_cfg': text}
    losses = []
    for where in ('cpu', device):
        torch.manual_seed(0)
        architecture = {'embed_dim': 8, 'quick_gelu': True, **parts}
        model = CLIPPretrainer(architecture, ['cat', 'dog', 'cow'], ['sky'], ['a {}.']).to(where)
        images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)).to(where)
        samples = [sample.to(where) for sample in batch()['data_samples']]
        found = model(images, samples, mode='loss')
        sum(found.values()).backward()
        with torch.autocast(where, dtype=torch.bfloat16):
            half = model(images, samples, mode='loss')
        torch.testing.assert_close(half, found, rtol=0.05, atol=0.05, check_dtype=False)
        losses.append({name: value.detach().cpu() for name, value in found.items()})
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-4, atol=1e-5)
