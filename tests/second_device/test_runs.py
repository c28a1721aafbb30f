"""Loops and hooks of a Runner on another device, and what processes gather there."""

import pytest
import torch
from clip_models import TEXT, build
from mmengine.runner import Runner
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import distributed, nn
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils.data import DataLoader

from mmwsss.functional.vision_prototypes import pixel_vectors
from mmwsss.models.prototypes import gather_rows
from mmwsss.registry import MODELS

SIZE = (32, 48)
LABELS = [[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 0, 0]]
NORMALIZE = {
    'type': 'mmwsss.CAMDataPreProcessor',
    'mean': [120.0] * 3,
    'std': [60.0] * 3,
    'size_divisor': 1,
}
CPAL = {
    'type': 'mmwsss.CAMSegmentor',
    'data_preprocessor': NORMALIZE,
    'backbone': {'type': 'mmwsss.OneStage'},
    'cam_head': {'type': 'mmwsss.LinearCAMHead', 'in_channels': 6, 'num_classes': 4},
    'prototype_head': {
        'type': 'mmwsss.PrototypeAwareCAMHead',
        'num_classes': 4,
        'projection': {'type': 'mmwsss.ConvProjection', 'in_channels': 6, 'out_channels': 5},
        'bank': {'length': 5, 'num_prototypes': 2},
    },
}
IRNET = {
    'type': 'mmwsss.IRNet',
    'data_preprocessor': NORMALIZE,
    'backbone': {
        'type': 'mmwsss.ResNetWithStem',
        'depth': 50,
        'stem_channels': 4,
        'base_channels': 4,
        'strides': (1, 2, 2, 1),
        'dilations': (1, 1, 1, 1),
    },
    'in_channels': (4, 16, 32, 64, 128),
    'radius': 4,
    'pad_to': 64,
}


@MODELS.register_module(force=True)
class OneStage(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=4, padding=1)

    def forward(self, inputs):
        return (self.conv(inputs).relu(),)


def loader():
    generator = torch.Generator().manual_seed(5)
    data = []
    for index, label in enumerate(LABELS):
        meta = {'ori_shape': SIZE, 'img_shape': SIZE, 'img_path': f'{index}.jpg'}
        sample = SegDataSample(metainfo=meta)
        sample.gt_label = LabelData(multi_hot=torch.tensor(label, dtype=torch.float32))
        mask = torch.arange(SIZE[0] * SIZE[1]).view(1, *SIZE) // 100 % 5
        sample.gt_sem_seg = PixelData(data=torch.where(mask < 4, mask, 255))
        image = torch.randint(256, (3, *SIZE), generator=generator, dtype=torch.uint8)
        data.append({'inputs': [image], 'data_samples': [sample]})
    return DataLoader(data, batch_size=1, collate_fn=lambda batch: batch[0])


@pytest.fixture
def run(device, monkeypatch, tmp_path):
    """Train as mmengine does on a machine with such a device."""
    monkeypatch.setattr('mmengine.runner.runner.get_device', lambda: device)

    def train(model, loop, *hooks):
        runner = Runner(
            model,
            str(tmp_path),
            train_dataloader=loader(),
            train_cfg=loop,
            optim_wrapper={'optimizer': {'type': 'AdamW', 'lr': 0.01}},
            custom_hooks=[
                {'type': 'mmwsss.EpochSeedHook'},
                {'type': 'mmwsss.NonFiniteLossHook'},
                *hooks,
            ],
            default_scope='mmseg',
            experiment_name=tmp_path.name,
            log_level='ERROR',
        )
        trained = runner.train()
        assert {value.device.type for value in trained.state_dict().values()} == {device}
        last = sorted(tmp_path.glob('epoch_*.pth'))[-1]
        saved = torch.load(last, weights_only=False, map_location=None)['state_dict']
        assert {value.device.type for value in saved.values()} == {'cpu'}
        return trained

    return train


def test_a_training_with_context_prototypes(run):
    hook = {'type': 'mmwsss.ContextPrototypeHook', 'prefill': True}
    unfreeze = {
        'type': 'mmwsss.UnfreezeHook',
        'epoch': 1,
        'modules': ['backbone.conv'],
        'freeze': True,
    }
    trained = run(CPAL, {'by_epoch': True, 'max_epochs': 2}, hook, unfreeze)
    assert trained.prototype_head.bank.context_count.sum() > 0


def test_a_bank_is_filled_without_training(run):
    trained = run(CPAL, {'type': 'mmwsss.BankFillLoop'})
    assert trained.prototype_head.bank.context_count.sum() > 0


@pytest.mark.parametrize('options', [{}, {'sample': 'pixel'}, {'solver': 'gradient'}], ids=str)
def test_vision_prototypes_are_fitted(options, run):
    pytest.importorskip('open_clip')
    prototypes = {
        'type': 'mmwsss.VisionPrototypes',
        'num_classes': 4,
        'num_background': 2,
        'embed_dims': 16,
        'phi': 0.5,
        'iterations': 5,
        **options,
    }
    model = build(prototypes=prototypes, vectors=torch.randn(6, 16))
    model.data_preprocessor = MODELS.build(NORMALIZE)
    trained = run(model, {'type': 'mmwsss.CollectLoop'}, {'type': 'mmwsss.VisionPrototypeHook'})
    assert trained.cam_head.prototypes.fitted
    assert len(trained.cam_head.text.names) == len(TEXT['names']) + len(TEXT['background'])


def test_pixels_are_drawn_by_a_generator_of_the_cpu(device):
    features, cam = torch.rand(2, 5, 3, 4), torch.rand(2, 4, 3, 4)
    label = torch.tensor(LABELS[:2])
    drawn = [
        pixel_vectors(*parts, 0.5, 3, torch.Generator().manual_seed(0))
        for parts in ((features, cam, label), [x.to(device) for x in (features, cam, label)])
    ]
    for expected, found in zip(*drawn, strict=True):
        assert found.device.type == device
        assert found.tolist() == expected.tolist()


def test_the_mean_displacement_is_measured(run):
    hook = {'type': 'mmwsss.DisplacementMeanHook'}
    trained = run(IRNET, {'by_epoch': True, 'max_epochs': 1}, hook)
    assert trained.displacement_branch.mean_shift.abs().sum() > 0


@pytest.fixture
def two_processes(device, monkeypatch):
    """A process group in which the other process sends what this one does.

    What it sends stays on the device, as with NCCL.
    """
    monkeypatch.setattr('mmengine.dist.dist.get_comm_device', lambda group: torch.device(device))
    distributed.init_process_group('fake', store=FakeStore(), rank=0, world_size=2)
    yield device
    distributed.destroy_process_group()


def test_rows_of_all_processes_are_on_the_device(two_processes):
    rows, index = torch.rand(3, 2, device=two_processes), torch.arange(3, device=two_processes)
    all_rows, all_index = gather_rows(rows, index, index)
    assert all_rows.device.type == all_index.device.type == two_processes
    assert all_rows.tolist() == [row for row in rows.tolist() for _ in range(2)]
    assert all_index.tolist() == [0, 0, 1, 1, 2, 2]


def test_the_losses_of_a_plug_in_with_two_processes(two_processes):
    literal = {'statistic': 'batch', 'apply_to': 'both', 'center': True}
    model = MODELS.build({**CPAL, 'prototype_head': CPAL['prototype_head'] | literal})
    model.to(two_processes)
    for batch in loader():
        model.collect(batch)
    model.prototype_head.update_context_prototypes(seed=0)
    for batch in loader():
        data = model.data_preprocessor(batch, training=True)
        sum(model(**data, mode='loss').values()).backward()
    assert model.prototype_head.projection.conv.weight.grad.isfinite().all()
