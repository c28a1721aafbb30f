"""Of every shipped config: a training that begins with another one's backbone has its layers."""

import json
from pathlib import Path

import pytest

from mmwsss.pipeline.backbones import foreign_layers
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import open_workspace
from mmwsss.pipeline.stages import Train

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NAMES = json.loads(Path(__file__).with_name('resolved_stages.json').read_text(encoding='utf-8'))


@pytest.mark.parametrize('name', NAMES)
def test_a_training_that_begins_with_another_backbone_has_its_layers(name, tmp_path):
    workspace = open_workspace(load_config(CONFIGS / name), tmp_path)
    for stage in workspace.stages.values():
        if isinstance(stage, Train) and stage.backbone:
            own = stage.network_config(workspace).model.backbone
            source = workspace.network_config(stage.backbone).model.backbone
            assert not foreign_layers(own, source), stage.name
