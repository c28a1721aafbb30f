from pathlib import Path

import pytest

from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.grid import format_grid, read_grid
from mmwsss.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
GRIDS = sorted(path.relative_to(ROOT) for path in (ROOT / 'configs').glob('cpal/grids/*.py'))


@pytest.mark.parametrize('path', GRIDS, ids=str)
def test_every_row_of_a_shipped_grid_changes_a_head_that_can_be_built(path):
    plain = load_config(ROOT / 'configs/quickstart/irn_cpal_toy.py')
    heads = []
    for changes in read_grid(ROOT / path).values():
        config = load_config(ROOT / 'configs/quickstart/irn_cpal_toy.py', changes)
        MODELS.build(config.model.prototype_head)
        heads.append(config.model.prototype_head.to_dict())
        config.model.prototype_head = plain.model.prototype_head
        assert config.to_dict() == plain.to_dict()  # nothing else is touched
    assert all(head not in heads[:index] for index, head in enumerate(heads))


@pytest.mark.parametrize(
    'path', sorted((ROOT / 'configs/vpl/grids').glob('*.py')), ids=lambda path: path.stem
)
def test_every_row_of_a_grid_of_vpl_makes_another_config(path):
    pytest.importorskip('open_clip')
    configs = []
    for changes in read_grid(path).values():
        config = load_config(ROOT / 'configs/vpl/clip_es_vpl_voc.py', changes)
        MODELS.build(config.model.cam_head)
        stages = build_stages(config)
        options = stages['decoder'].options or {}
        known = ('model.decode_head.rsc', 'optim_wrapper.optimizer')
        assert all(key.startswith(known) for key in options)
        contrast = load_config(ROOT / stages['decoder'].config, options).model.decode_head.rsc
        assert contrast is None or MODELS.build(contrast)
        configs.append(config.to_dict())
    assert all(config not in configs[:index] for index, config in enumerate(configs))


def test_an_unknown_option_is_refused_before_anything_runs(tmp_path):
    (tmp_path / 'grid.py').write_text("grid = {'a': {'model.prototype_head.tua': 0.1}}")
    (changes,) = read_grid(tmp_path / 'grid.py').values()
    with pytest.raises(ValueError, match="did you mean 'tau'"):
        load_config(ROOT / 'configs/quickstart/irn_cpal_toy.py', changes)


def test_a_missing_or_empty_grid_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no grid'):
        read_grid(tmp_path / 'grid.py')
    (tmp_path / 'grid.py').write_text('rows = {}')
    with pytest.raises(ValueError, match='has no `grid`'):
        read_grid(tmp_path / 'grid.py')


def test_the_table_has_a_dash_where_nothing_was_run():
    lines = format_grid({'a': {'seeds: cam': 45.123}, 'b': {'seeds: sum': 46.0}}).splitlines()
    assert [cell.strip() for cell in lines[2].split('|')[1:-1]] == ['a', '45.12', '-']
    assert [cell.strip() for cell in lines[3].split('|')[1:-1]] == ['b', '-', '46.00']
