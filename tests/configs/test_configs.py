"""Every shipped config is loaded, its options are checked, its model is built and run small."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope

from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import build_stages
from mmwsss.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts
)


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_a_shipped_config_works(path):
    config = load_config(ROOT / path)
    init_default_scope('mmseg')
    model = MODELS.build(config.model).eval()
    with torch.no_grad():
        output = model(torch.rand(1, 3, 64, 64), mode='tensor')
    classes = model.cam_head.num_classes if 'cam_head' in config.model else model.out_channels
    assert output.shape[1] == classes
    MODELS.build({**config.tta_model, 'module': model})
    if config.get('pipeline'):
        stages = build_stages(config)
        for stage in stages.values():
            if getattr(stage, 'config', None):
                assert (ROOT / stage.config).is_file()


def test_a_plugin_changes_nothing_of_its_host():
    host, plugin = (
        load_config(ROOT / 'configs' / name).to_dict()
        for name in ('irn/irn_voc.py', 'cpal/irn_cpal_voc.py')
    )
    assert plugin['model'].pop('prototype_head')
    added = plugin['custom_hooks'][len(host['custom_hooks']) :]
    assert [hook['type'] for hook in added] == ['mmwsss.ContextPrototypeHook']
    plugin['custom_hooks'] = host['custom_hooks']
    assert plugin.pop('cpal_head')
    assert plugin.pop('cpal_hooks')
    assert plugin == host
