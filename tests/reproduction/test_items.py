"""Every table and figure is declared, with the paper's numbers, and can be walked at toy scale."""

import copy
import functools
import json
import re
from pathlib import Path

import pytest
import yaml

from mmwsss.commands.reproduce import SCALES as SCALES_OF_THE_COMMAND
from mmwsss.models.prototypes.prototype_aware_cam_settings import PrototypeAwareCAMSettings
from mmwsss.pipeline import EvaluateMasks, EvaluateSeeds, Test
from mmwsss.pipeline import config as reading
from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.grid import read_grid
from mmwsss.reproduction import runs as running
from mmwsss.reproduction.figures import KINDS, position
from mmwsss.reproduction.items import SCALES, find_item, items_of, papers
from mmwsss.reproduction.listing import list_items
from mmwsss.reproduction.runs import plan
from mmwsss.shipped import find_config

ROOT = Path(__file__).resolve().parents[2]
# what each paper has, counted by hand
PAPERS = {
    'cpal': [
        'figure1',
        'figure2',
        'figure3',
        'figure4a',
        'figure4b',
        'figure5a',
        'figure5b',
        'figure5c',
        *(f'table{n}' for n in range(1, 6)),
    ],
    'cpf_cte': [*(f'figure{n}' for n in range(1, 8)), *(f'table{n}' for n in range(1, 6))],
    'vpl': [
        'figure1a',
        'figure1b',
        'figure2',
        'figure3',
        'figure4',
        *(f'table{n}' for n in range(1, 8)),
    ],
}
ITEMS = [item for paper in papers() for item in items_of(paper).values()]


@pytest.fixture(scope='module', autouse=True)
def read_once():
    """Let every config be read once: a table has its config a dozen times."""
    with pytest.MonkeyPatch.context() as patch:
        read = functools.cache(reading.Config.fromfile)
        patch.setattr(
            reading.Config, 'fromfile', staticmethod(lambda path: copy.deepcopy(read(path)))
        )

        @functools.cache
        def load(name, changes):
            return load_config(name, json.loads(changes))

        patch.setattr(
            running,
            'load_config',
            lambda name, changes=None: copy.deepcopy(load(name, json.dumps(changes or {}))),
        )
        yield


def named(item):
    return f'{item.paper} {item.name}'


def test_every_table_and_figure_is_listed():
    assert set(papers()) == set(PAPERS)
    listed = list_items()
    for paper, names in PAPERS.items():
        own = [name for name in items_of(paper) if re.match(r'(table|figure)\d', name)]
        assert sorted(own) == sorted(names)
        assert all(f'{paper} {name} ' in listed for name in items_of(paper))
    assert list_items('vpl').count('\nvpl ') == len(items_of('vpl')) - 1
    for scale, (data, needs) in SCALES.items():
        assert data in listed and needs in listed and scale in SCALES_OF_THE_COMMAND
    assert len(SCALES) == len(SCALES_OF_THE_COMMAND)


@pytest.mark.parametrize('item', ITEMS, ids=named)
def test_a_declaration_is_whole(item):
    assert item.kind in ('table', 'diagram', *KINDS)
    assert (ROOT / item.page).is_file()
    assert bool(item.split) == any(row.published for row in item.rows.values()) or item.kind in (
        'alignment',
        'contrast',
        'classes',
    )
    assert all(len(row.published) in (0, len(item.columns)) for row in item.rows.values())
    if item.kind == 'diagram':
        assert item.note and not item.rows
        return
    assert 'toy' in item.scales or named(item) == 'cpal optimiser'
    for row in item.rows.values():
        assert set(row.configs) <= set(SCALES)
        assert all(find_config(name) for name in row.configs.values())
        assert set(row.given.values()) <= set(item.rows)
    if item.kind == 'curve':
        assert item.axis and len({position(label) for label in item.rows}) > 3


@pytest.mark.parametrize('item', ITEMS, ids=named)
def test_the_page_of_the_method_has_the_command(item):
    row = (
        f'| {item.shows} | `mmwsss reproduce {item.paper} {item.name}` | {", ".join(item.scales)} |'
    )
    drawing = f'| {item.shows} | a drawing: nothing is measured |  |'
    assert (row if item.scales else drawing) in (ROOT / item.page).read_text(encoding='utf-8')


@pytest.mark.parametrize('item', [item for item in ITEMS if item.rows], ids=named)
def test_every_row_can_be_walked(item, tmp_path):
    """Its config is loaded with its changes, and has the stages and figures that are named."""
    scale = 'toy' if 'toy' in item.scales else item.scales[0]
    runs = plan(item, scale, tmp_path)
    assert list(runs) == item.runnable(scale)
    for run in runs.values():
        config = run.config
        stages = build_stages(config)
        assert run.until in stages
        known = {'gap'} if (config.model.get('cam_head') or {}).get('prototypes') else set()
        for stage in list(stages.values())[: list(stages).index(run.until) + 1]:
            if isinstance(stage, EvaluateSeeds):
                known |= {
                    f'{stage.title}: {s}'
                    for s in stages[stage.seeds].seed_sources(
                        running.finished_run(config, tmp_path / 'none').workspace
                    )
                }
            elif isinstance(stage, EvaluateMasks | Test):
                known.add(stage.title)
        wanted = set(run.row.measured.get(scale, {}).values())
        of_a_plug_in = {'seeds: pacam', 'seeds: sum', 'argmax, no CRF'}
        assert wanted - known <= of_a_plug_in, run.label  # a host alone


def test_equal_rows_of_several_items_are_one_run(tmp_path):
    def root(name, label, paper='cpal', scale='voc'):
        return plan(find_item(paper, name), scale, tmp_path)[label].root

    whole = root('table1', 'V')
    assert whole == root('table2', 'both, K = 20') == root('table3', 'dot')
    assert whole == root('table4', 'IRN + CPAL') == root('figure4a', 'tau = 0.1')
    assert root('figure4a', 'tau = 0.1', scale='toy') != root('table1', 'V', scale='toy')
    text = root('table3', 'I, text prototypes', 'vpl')
    assert text == root('table4', 'text, ensemble', 'vpl') == root('table5', 'text', 'vpl')
    # a further test works in the folder of the run
    decoder = root('table3', 'V, + RSC', 'vpl')
    assert decoder == root('table2', 'CLIP-ES + VPL', 'vpl') == root('figure4', 'with RSC', 'vpl')
    # the patches at inference are seen by one network
    assert (
        len(
            {
                run.given['cam'].root
                for label, run in plan(find_item('cpf_cte', 'figure5'), 'voc', tmp_path).items()
                if run.given
            }
        )
        == 1
    )


def test_a_decoder_is_tested_with_and_without_the_crf(tmp_path):
    run = plan(find_item('vpl', 'table3'), 'voc', tmp_path, ['V, + RSC'])['V, + RSC']
    workspace = running.finished_run(run.config, run.root).workspace
    plain, whole = (workspace.stages[name]._config(workspace) for name in ('plain_test', 'test'))
    assert plain.tta_model.pop('crf', 'absent') is None
    assert plain.tta_model == whole.tta_model and 'crf' not in whole.tta_model


def test_the_rows_of_cpals_table_1_are_the_shipped_ablation():
    grid = read_grid(ROOT / 'configs/cpal/grids/table1.py')
    for row, path in {
        'II': 'row2_vanilla',
        'III': 'row3_proto_aware',
        'IV': 'row4_align',
        'V': 'row5_self',
    }.items():
        ours = load_config(ROOT / 'configs/cpal/irn_cpal_voc.py', grid[row])
        assert ours.model == load_config(ROOT / f'configs/cpal/ablation/{path}.py').model
    host = find_item('cpal', 'table1').rows['I'].configs['voc']
    assert (
        load_config(host).model
        == load_config(ROOT / 'configs/cpal/ablation/row1_baseline.py').model
    )


def test_labels_with_numbers_say_what_the_config_has():
    """A row that is called K = 10 has ten neighbours, and so on."""
    names = {
        'K': 'num_neighbors',
        'tau': 'tau',
        'length': 'length',
        'k': 'top_k',
        'tau_I': 'tau_image',
        'Phi': 'phi',
        'T_w': 'iterations',
        'temperature': 'temperature',
    }
    checked = 0
    for item in ITEMS:
        for label, row in item.rows.items():
            found = re.search(r'(\w+) = ([\d.]+)$', label)
            if not found or not row.configs:
                continue
            changes = read_grid(find_config(row.grid, 'grid'))[row.row]
            option = names[found[1]]
            values = [value for key, value in changes.items() if key.endswith(f'.{option}')]
            default = getattr(PrototypeAwareCAMSettings, option, None)
            assert (values or [default]) == [float(found[2])], f'{named(item)}, {label}'
            checked += 1
    assert checked > 30


def test_published_numbers_are_those_of_the_model_index():
    """`Published` of a config is what a row with this config has."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    models = [m for path in index for m in yaml.safe_load((ROOT / path).read_text())['Models']]
    published = {}
    for item in ITEMS:
        for row in item.rows.values():
            for config in row.configs.values():
                published.setdefault(f'configs/{config}.py', set()).update(row.published)
    compared = 0
    for model in models:
        numbers = {v for entry in model.get('Published', []) for v in entry['Metrics'].values()}
        if numbers and model['Config'] in published:
            assert numbers <= published[model['Config']], model['Name']
            compared += 1
    assert compared > 10


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: find_item('cpal', 'table9'), "cpal has no item 'table9': did you mean 'table"),
        (lambda: items_of('sipe'), "there is no paper 'sipe'; the papers are cpal, cpf_cte, vpl"),
        (lambda: plan(find_item('vpl', 'table1'), 'voc_photos'), 'cannot be run at .voc_photos.'),
        (lambda: plan(find_item('cpal', 'figure2'), 'toy'), 'none: it is a drawing'),
        (lambda: plan(find_item('cpal', 'table3'), 'toy', rows=['l3']), "has no row 'l3' to run"),
    ],
)
def test_what_is_not_there_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
