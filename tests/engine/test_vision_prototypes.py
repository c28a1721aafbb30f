import json
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.hooks import CheckpointHook
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner import EpochBasedTrainLoop, Runner, get_priority
from torch import nn
from torch.utils.data import DataLoader

from mmwsss.engine import CollectLoop, VisionPrototypeHook
from mmwsss.engine import vision_prototypes as module
from mmwsss.models.prototypes import VisionPrototypes
from mmwsss.models.segmentors import CAMSegmentor
from mmwsss.registry import HOOKS

TEXT = F.normalize(torch.randn(4, 5, generator=torch.Generator().manual_seed(0)), dim=1)


class Model(CAMSegmentor):
    """The batches are features of images that show both classes, everywhere."""

    def __init__(self):
        BaseModel.__init__(self)
        self.weight = nn.Parameter(torch.zeros(1))
        self.cam_head = nn.Module()
        self.cam_head.prototypes = VisionPrototypes(2, 2, 5, solver='gradient', iterations=7)
        self.cam_head.prototypes.set_text(TEXT)

    def collect(self, batch):
        label = torch.ones(len(batch), 2)
        cam = torch.ones(len(batch), 2, *batch.shape[-2:])
        self.cam_head.prototypes.collect(F.normalize(batch, dim=1), cam, label)

    def forward(self, *args, **kwargs):
        raise AssertionError('nothing is trained')


def test_a_collecting_run_saves_fitted_prototypes_and_the_curve(tmp_path):
    data = torch.randn(6, 5, 2, 3, generator=torch.Generator().manual_seed(1))
    runner = Runner(
        Model(),
        str(tmp_path),
        train_dataloader=DataLoader(data, batch_size=2),
        train_cfg={'type': 'mmwsss.CollectLoop'},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_hooks={'checkpoint': {'type': 'CheckpointHook', 'interval': 1}},
        custom_hooks=[{'type': 'mmwsss.VisionPrototypeHook'}],
        default_scope='mmseg',
        experiment_name=tmp_path.name,
        log_level='INFO',
    )
    assert type(runner.train_loop) is CollectLoop
    runner.train()
    assert (runner.epoch, runner.iter) == (1, 3)
    state = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)['state_dict']
    assert state['cam_head.prototypes.fitted']
    assert not torch.allclose(state['cam_head.prototypes.vectors'], TEXT, atol=1e-3)
    torch.testing.assert_close(state['cam_head.prototypes.text'], TEXT)
    written = json.loads((tmp_path / 'kl_curve.json').read_text())
    assert written['kl'] == runner.model.cam_head.prototypes.curve and len(written['kl']) == 8
    assert written['rows'] == 12 and written['kl_end'] == written['kl'][-1]
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'vision prototypes: kl_start ' in log and f'gap_after {written["gap_after"]:.4g}' in log


def test_only_the_main_process_writes(tmp_path, monkeypatch):
    model = Model()
    model.collect(torch.rand(1, 5, 2, 2))
    logger = SimpleNamespace(info=lambda text: None)
    runner = SimpleNamespace(model=model, work_dir=str(tmp_path), logger=logger)
    monkeypatch.setattr(module, 'is_main_process', lambda: False)
    VisionPrototypeHook().after_train_epoch(runner)
    assert model.cam_head.prototypes.fitted and not list(tmp_path.iterdir())


def make_runner(model, loop=CollectLoop):
    return SimpleNamespace(model=model, train_loop=loop.__new__(loop))


def test_the_model_is_taken_out_of_its_wrapper():
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = Model()
    HOOKS.build({'type': 'mmwsss.VisionPrototypeHook'}).before_train(make_runner(wrapper))


def test_what_is_missing_is_said_before_the_run():
    for model in (nn.Module(), Model()):
        if isinstance(model, Model):
            model.cam_head.prototypes = None
        with pytest.raises(ValueError, match=r'mmwsss\.VisionPrototypes'):
            VisionPrototypeHook().before_train(make_runner(model))
    with pytest.raises(ValueError, match=r'EpochBasedTrainLoop collects.*mmwsss\.CollectLoop'):
        VisionPrototypeHook().before_train(make_runner(Model(), EpochBasedTrainLoop))


def test_it_runs_before_the_checkpoint_is_written():
    assert get_priority(VisionPrototypeHook.priority) < get_priority(CheckpointHook.priority)
