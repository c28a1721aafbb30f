"""Every shipped config is loaded, its options are checked, its model is built and run small."""

from pathlib import Path

import pytest
import torch
from clip_models import SMALL
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample

from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS
from mmwsss.seeds import IRN_THRESHOLDS

ROOT = Path(__file__).resolve().parents[2]
ALL = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / 'configs').rglob('*.py')
    if not {'_base_', 'grids', 'toy_clip.py'} & set(path.parts)  # a CLIP: tests/commands
)
# test_vpl_decoder.py, test_one_stage.py: a CLIP's files are not here
CONFIGS = [path for path in ALL if not path.name.startswith(('vpl_decoder', 'one_stage'))]


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_a_shipped_config_works(path):
    config = load_config(ROOT / path)
    init_default_scope('mmseg')
    of_clip = 'CLIP' in config.model.backbone.type
    if of_clip:  # its weights are not here
        vision = {**SMALL['vision_cfg'], 'patch_size': 16}
        dims = config.model.cam_head.get('embed_dims', 512)
        small = {**SMALL, 'embed_dim': dims, 'vision_cfg': vision}
        config.model.backbone.update(pretrained=None, model_name=small, num_attention_blocks=2)
    model = MODELS.build(config.model).eval()
    if of_clip:
        model.cam_head.text.set_vectors(torch.randn_like(model.cam_head.text.vectors))
    samples = [SegDataSample()]
    if 'cam_head' in config.model:
        multi_hot = torch.ones(model.cam_head.num_classes)
        samples[0].gt_label = LabelData(multi_hot=multi_hot)
    with torch.no_grad():
        output = model(torch.rand(1, 3, 64, 64), samples, mode='tensor')
    if isinstance(output, tuple):  # IRNet: boundaries and displacements
        assert [maps.shape for maps in output] == [(1, 1, 16, 16), (1, 2, 16, 16)]
    else:
        classes = model.cam_head.num_classes if 'cam_head' in config.model else model.out_channels
        assert output.shape[1] == classes
    MODELS.build({**config.tta_model, 'module': model})
    if config.get('stages'):
        for stage in build_stages(config).values():
            if getattr(stage, 'config', None):
                assert (ROOT / stage.config).is_file()


def test_the_defaults_between_seeds_and_masks_are_irns():
    stages = build_stages(load_config(ROOT / 'configs/irn/irn_voc.py'))
    assert stages['crf_masks'].bg_threshold == IRN_THRESHOLDS.seed
    labels = stages['ir_labels']
    preset = (IRN_THRESHOLDS.fg, IRN_THRESHOLDS.bg)
    assert (labels.fg_threshold, labels.bg_threshold) == preset
    assert stages['walk'].settings.power == IRN_THRESHOLDS.power


@pytest.mark.parametrize('path', [path for path in ALL if 'coco' in path.stem], ids=str)
def test_nothing_of_voc_is_left_in_a_config_of_coco(path):
    config = load_config(ROOT / path)
    for name in ('model', 'train_dataloader', 'seed_dataloader', 'test_dataloader', 'stages'):
        assert 'voc' not in repr(config.get(name)).lower(), name
    for part in ('backbone', 'cam_head', 'decode_head', 'prototype_head'):
        wanted = 81 if part == 'decode_head' else 80  # with background, without
        assert config.model.get(part, {}).get('num_classes', wanted) == wanted, part


@pytest.mark.parametrize('name', ['irn', 'amn', 'mctformer'])
def test_a_plugin_changes_nothing_of_its_host(name):
    host, plugin = (
        load_config(ROOT / 'configs' / path).to_dict()
        for path in (f'{name}/{name}_voc.py', f'cpal/{name}_cpal_voc.py')
    )
    assert plugin['model'].pop('prototype_head')
    added = plugin['custom_hooks'][len(host['custom_hooks']) :]
    assert [hook['type'] for hook in added] == ['mmwsss.ContextPrototypeHook']
    plugin['custom_hooks'] = host['custom_hooks']
    assert plugin.pop('cpal_head')
    assert plugin.pop('cpal_hooks')
    assert plugin == host


@pytest.mark.parametrize('path', ['amn/amn_voc.py', 'cpal/amn_cpal_voc.py'])
def test_amn_learns_everything_but_the_stem_at_its_two_rates(path):
    config = load_config(ROOT / 'configs' / path)
    init_default_scope('mmseg')
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model)
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert sorted(frozen) == ['backbone.bn1.bias', 'backbone.bn1.weight', 'backbone.conv1.weight']
    optimizer = build_optim_wrapper(model, config.optim_wrapper).optimizer
    assert type(optimizer).__name__ == 'Adam'
    rates = {id(group['params'][0]): group['lr'] for group in optimizer.param_groups}
    for name, parameter in model.named_parameters():
        expected = 5e-6 if name.startswith('backbone') else 1e-4
        assert name in frozen or rates[id(parameter)] == pytest.approx(expected), name
    assert {group['weight_decay'] for group in optimizer.param_groups} == {1e-4}
