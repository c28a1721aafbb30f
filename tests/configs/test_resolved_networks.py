"""What every shipped config and grid resolves to: networks, data, schedules, what judges them.

`resolved_networks.json` holds each part once, with the configs that have it: so that a number that
changes in a base changes where a reader of the change sees it, for all configs that inherit it.
A change that is meant is recorded by ``python tests/configs/test_resolved_networks.py``; what a
number comes from says docs/recipes.md.
"""

import json
import os
from pathlib import Path

import pytest
from mmengine.config import Config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RECORD = Path(__file__).with_name('resolved_networks.json')
PARTS = (
    'model',
    'train_dataloader',
    'seed_dataloader',
    'test_dataloader',
    'tta_pipeline',
    'tta_model',
    'total_batch_size',
    'train_cfg',
    'optim_wrapper',
    'param_scheduler',
    'custom_hooks',
    'test_evaluator',
    'judged_on',
    'tested_on',
    'grid',
    'prefix',
)
NAMES = sorted(
    path.relative_to(CONFIGS).as_posix()
    for path in CONFIGS.rglob('*.py')
    if '_base_' not in path.parts
)


def resolve(name):
    """The parts of a config as JSON has them."""
    config = Config.fromfile(CONFIGS / name).to_dict()
    return {part: json.loads(json.dumps(config.get(part), default=str)) for part in PARTS}


def read_record():
    """Name of a config -> its parts."""
    found = {}
    for part, entries in json.loads(RECORD.read_text(encoding='utf-8')).items():
        for entry in entries:
            for name in entry['configs']:
                found.setdefault(name, {})[part] = entry['value']
    return found


def write_record():
    """Record what the configs are now."""
    os.environ['MMWSSS_DATA'] = 'data'
    configs = {name: resolve(name) for name in NAMES}
    lines = []
    for part in PARTS:
        owners = {}
        for name, parts in configs.items():
            owners.setdefault(json.dumps(parts[part]), []).append(name)
        entries = (f'{{"configs": {json.dumps(names)},\n   "value": {value}}}'
                   for value, names in owners.items())  # fmt: skip
        lines.append(f'"{part}": [\n  ' + ',\n  '.join(entries) + '\n]')
    RECORD.write_text('{\n' + ',\n'.join(lines) + '\n}\n', encoding='utf-8')


RECORDED = read_record() if RECORD.is_file() else {}


@pytest.mark.parametrize('name', NAMES)
def test_a_config_is_what_was_recorded(name, monkeypatch):
    monkeypatch.setenv('MMWSSS_DATA', 'data')
    assert resolve(name) == RECORDED.get(name), f'if it is meant: python {__file__}'


def test_every_record_is_of_a_config():
    assert sorted(RECORDED) == NAMES


if __name__ == '__main__':
    write_record()
