"""The stages of every shipped config, as they were when configs wrote them out in lists.

`resolved_stages.json` was recorded then: type, name and every option of each stage, in order. A
change that is meant is made there too, where a reader of the change sees it.
"""

import inspect
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from mmengine.config import Config

from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.stages import RefineSeeds
from mmwsss.pipeline.stages.checks import check_own_background
from mmwsss.pipeline.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
RECORDED = json.loads(Path(__file__).with_name('resolved_stages.json').read_text(encoding='utf-8'))


def resolve(stage):
    names = set(inspect.signature(type(stage)).parameters) - {'name', 'settings'}
    votes = getattr(stage, 'refiner', 'segments') == 'segments'
    if not votes:  # then what segments would do is not said
        names -= {'segments', 'segment_dir'}
    options = {name: getattr(stage, name) for name in names}
    if votes and hasattr(stage, 'settings'):
        options |= asdict(stage.settings)
    content = {'name': stage.name, 'type': type(stage).__name__, **options}
    return json.loads(json.dumps(content, default=str))


@pytest.mark.parametrize('name', RECORDED)
def test_the_stages_are_the_recorded_ones(name, monkeypatch):
    monkeypatch.setenv('MMWSSS_DATA', 'data')
    config = load_config(ROOT / 'configs' / name)
    stages = build_stages(config)
    assert [resolve(stage) for stage in stages.values()] == RECORDED[name]
    workspace = Workspace(config, Path('unused'), stages)
    for stage in stages.values():
        if isinstance(stage, RefineSeeds) and stage.bg_threshold is stage.bg_power is None:
            check_own_background(name, 'bg_threshold', stage.source, stage.seeds, workspace)


def test_every_config_with_stages_is_recorded():
    paths = [path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts]
    shipped = {path.relative_to(ROOT / 'configs').as_posix() for path in paths}
    with_stages = {
        name
        for name in shipped
        if '/grids/' not in name and Config.fromfile(ROOT / 'configs' / name).get('stages')
    }
    assert with_stages == set(RECORDED)
