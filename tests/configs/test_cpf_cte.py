"""The schedule, the views and the grids of CPF-CTE's configs."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope

from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.grid import read_grid
from mmwsss.registry import HOOKS, MODELS

ROOT = Path(__file__).resolve().parents[2]
VOC = ROOT / 'configs/cpf_cte/cpf_cte_voc.py'
GRIDS = sorted((ROOT / 'configs/cpf_cte/grids').glob('*.py'))


def learning_blocks(model):
    """First parts of the names of the backbone's parameters that learn."""
    names = (name for name, p in model.backbone.named_parameters() if p.requires_grad)
    return {'.'.join(name.split('.')[: 1 + name.startswith('layers')]) for name in names}


def test_the_two_stages_of_the_schedule():
    config = load_config(VOC)
    init_default_scope('mmseg')
    model = MODELS.build(config.model)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    assert type(wrapper.optimizer).__name__ == 'Adam'
    managed = {id(p) for group in wrapper.optimizer.param_groups for p in group['params']}
    assert managed == {id(p) for p in model.parameters()}  # those of later epochs as well
    (scheduler,) = config.param_scheduler
    scheduler = PARAM_SCHEDULERS.build(scheduler, default_args={'optimizer': wrapper})
    hook = HOOKS.build(config.custom_hooks[-1])
    runner, rates, blocks = SimpleNamespace(model=model, cfg=config), [], []
    hook.before_train(runner)
    for runner.epoch in range(4):
        hook.before_train_epoch(runner)
        rates.append(wrapper.get_lr()['lr'][0])
        blocks.append(learning_blocks(model))
        wrapper.step()
        scheduler.step()
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4])
    last_five = {'layers.7', 'layers.8', 'layers.9', 'layers.10', 'layers.11', 'ln1'}
    assert blocks == [set(), set(), last_five, last_five]
    assert all(p.requires_grad for p in model.cam_head.parameters())
    assert config.train_cfg.max_epochs == 50
    assert config.total_batch_size == 16


def test_the_views():
    config = load_config(VOC)
    _, resize, *_ = config.train_dataloader.dataset.pipeline
    assert (resize['scale'], resize['keep_ratio']) == ((384, 384), False)
    views = config.seed_dataloader.dataset.pipeline[-1]
    assert (views['size'], views['flip']) == ((960, 960), False)
    preprocessor = config.model.data_preprocessor
    assert preprocessor.mean == preprocessor.std == [127.5] * 3


@pytest.mark.parametrize('path', GRIDS, ids=lambda path: path.stem)
@pytest.mark.parametrize('config', [VOC, ROOT / 'configs/quickstart/cpf_cte_toy.py'])
def test_every_row_of_a_grid_can_be_built(path, config):
    rows = read_grid(path)
    heads = set()
    for changes in rows.values():
        changed = load_config(config, changes)
        head = MODELS.build(changed.model.cam_head)
        heads.add(repr(changed.model.cam_head))
        channels = changed.model.cam_head.in_channels
        label = torch.ones(1, head.num_classes)
        head((torch.randn(1, channels, 2, 3),), torch.ones(1, 1, 8, 12), label)
        scale = changed.tta_pipeline[1].size
        assert changed.seed_dataloader.dataset.pipeline[1].size == scale
        heads.add(scale)
    assert len(heads) == len(rows) + 1  # every row differs: in its head, or in its scale
