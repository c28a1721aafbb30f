"""Published and measured numbers side by side, from runs that are done and not."""

import json
from pathlib import Path

import pytest

from mmwsss.commands.main import main
from mmwsss.pipeline.execution import record_done
from mmwsss.pipeline.run import wanted_stages
from mmwsss.reproduction.items import Item, Row, find_item
from mmwsss.reproduction.reproduce import describe_plan, reproduce
from mmwsss.reproduction.runs import RowRun, State, plan
from mmwsss.reproduction.tables import describe, format_csv, format_markdown, table_of

MEASURED = {'toy': {'mIoU': 'seeds: cam', 'argmax': 'argmax, no CRF'}}
ITEM = Item(
    'cpal',
    'table9',
    'table',
    'what is shown',
    'docs/methods/cpal.md',
    'VOC 2012 val',
    ('mIoU', 'test'),
    {
        'another': Row((1.0, None)),
        'done': Row((2.5, 3.0), {'toy': 'irn'}, measured=MEASURED),
        'half done': Row((), {'toy': 'irn'}, measured=MEASURED),
        'not asked for': Row((4.0, 5.0), {'toy': 'irn'}, measured=MEASURED),
        'of VOC': Row((6.0, 7.0), {'voc': 'irn'}, measured={'voc': {'mIoU': 'x'}}),
        'of VOC, without a number': Row((), {'voc': 'irn'}),
    },
    note='A note.',
)
STATES = {
    'done': State(None, [], {'seeds: cam': 45.678}),
    'half done': State(None, ['plain_scores'], {'seeds: cam': 50.0}),
}


def test_cells_say_what_is_published_measured_not_run_and_not_there():
    head, rows = table_of(ITEM, 'toy', STATES)
    assert head == [
        'row',
        'mIoU (published)',
        'mIoU (measured)',
        'test (published)',
        'argmax (measured)',
    ]
    assert rows == [
        ['another', '1', '', '', ''],
        ['done', '2.5', '45.68', '3', '-'],
        ['half done', '', '50.00', '', 'not run'],
        ['not asked for', '4', 'not run', '5', 'not run'],
        ['of VOC', '6', 'not run', '7', 'not run'],
    ]
    text = format_markdown(describe(ITEM, 'toy', 3, {'x.y': 1}), head, rows)
    assert text.startswith(
        '# cpal table9: what is shown\n\nPublished: VOC 2012 val. Measured: toy '
        'scenes, random seed 3, with x.y=1.\n\nA note.\n\n|'
    )
    assert format_csv(head, rows).splitlines()[2] == 'done,2.5,45.68,3,-'


@pytest.fixture(autouse=True)
def image_lists(tmp_path_factory, monkeypatch):
    """The lists of the toy scenes, which the records of the stages are of; there are no images."""
    data = tmp_path_factory.mktemp('data')
    for name in ('toy_scenes', 'toy_clip/scenes'):
        folder = data / name / 'ImageSets/Segmentation'
        folder.mkdir(parents=True)
        for split in ('train', 'val'):
            (folder / f'{split}.txt').write_text(f'{split}_0\n')
    monkeypatch.setenv('MMWSSS_DATA', str(data))


@pytest.fixture
def started(monkeypatch):
    """Runs that are not run: each is done at once, with the mean IoU that stands in its name."""
    calls = []

    def run(self, gpus, processes):
        calls.append((self.label, gpus, processes))
        workspace = self.state().done.workspace
        mean = 40.0 + len(calls)
        figures = {'sources': {'cam': {'best': {'mIoU': mean}}}, 'masks': {'mIoU': mean + 20}}
        for stage in wanted_stages(workspace, self.until):
            record_done(stage, workspace, figures, 1.0, {})

    monkeypatch.setattr(RowRun, 'run', run)
    return calls


def test_a_table_is_made_of_runs_that_are_done_or_started(tmp_path, started):
    item = find_item('cpal', 'table3')
    runs = plan(item, 'toy', tmp_path, ['l1', 'dot'], {'total_batch_size': 4}, seed=5)
    assert 'to run: cam, seeds, seed_scores' in describe_plan(item, 'toy', runs)
    written = reproduce(item, 'toy', runs, gpus=2, processes=3)
    assert started == [('l1', 2, 3), ('dot', 2, 3)]
    assert written.paths == [tmp_path / 'toy' / f'cpal_table3_seed5.{s}' for s in ('md', 'csv')]
    lines = written.paths[1].read_text().splitlines()
    assert lines[1] == 'l1,59.6,41.00,-,61.00' and lines[2] == 'l2,58.7,not run,not run,not run'
    assert lines[4] == 'dot,62.5,42.00,-,62.00'
    assert written.paths[0].read_text().startswith('# cpal table3')
    assert describe_plan(item, 'toy', runs).count(': done') == 2
    reproduce(item, 'toy', runs)
    assert len(started) == 2  # found done
    other = plan(item, 'toy', tmp_path, ['dot'], seed=5)['dot']
    assert other.root != runs['dot'].root and other.state().pending  # another batch, another run


def test_a_curve_is_drawn_of_its_numbers(tmp_path, started):
    item = find_item('cpal', 'figure4b')
    runs = plan(item, 'toy', tmp_path, ['length = 20', 'length = 80'])
    written = reproduce(item, 'toy', runs)
    assert [path.suffix for path in written.paths] == ['.md', '.csv', '.svg', '.png']
    assert 'length = 1000,62.5,not run' in written.paths[1].read_text()
    assert all(path.stat().st_size > 1000 for path in written.paths[2:])


def test_scikit_learn_is_asked_for_before_anything_runs(tmp_path, started, monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    item = find_item('cpal', 'figure3')
    runs = plan(item, 'toy', tmp_path)
    with pytest.raises(ImportError, match=r'needs scikit-learn: .*requirements/figures\.txt'):
        reproduce(item, 'toy', runs)
    assert not started


def test_a_network_is_taken_from_another_row(tmp_path, monkeypatch):
    runs = plan(find_item('cpf_cte', 'figure5'), 'toy', tmp_path)
    run, base = runs['10 x 10 patches, toy'], runs['15 x 15 patches, toy']
    order = []
    monkeypatch.setattr(
        'mmwsss.reproduction.runs.run_pipeline',
        lambda config, root, gpus, processes, until: order.append(
            (root, until, config.stages.cam.get('checkpoint'))
        ),
    )
    run.run(1, 1)
    assert order[0] == (base.root, 'cam', None)
    assert order[1][:2] == (run.root, 'test')
    assert Path(order[1][2]).parent == base.root / 'cam'


def test_a_run_of_mmwsss_run_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = plan(find_item('cpal', 'table4'), 'toy', 'work_dirs/reproduce', until='cam')['IRN']
    assert run.root == Path('work_dirs/reproduce/runs/irn_toy-seed0')
    Path('work_dirs/irn_toy').mkdir(parents=True)
    assert run.root == Path('work_dirs/reproduce/runs/irn_toy-seed0')  # nothing is done there
    from mmwsss.pipeline.run import finished_run

    other = finished_run(run.config, 'work_dirs/irn_toy').workspace
    record_done(other.stages['cam'], other, {}, 1.0, {})
    assert run.root == Path('work_dirs/irn_toy') and not run.state().pending
    record = json.loads(Path('work_dirs/irn_toy/cam/done.json').read_text())
    Path('work_dirs/irn_toy/cam/done.json').write_text(json.dumps({**record, 'key': 'other'}))
    assert run.root == Path('work_dirs/reproduce/runs/irn_toy-seed0')


def test_the_gap_is_read_from_the_fit(tmp_path):
    run = plan(find_item('vpl', 'table5'), 'toy', tmp_path, ['text'])['text']
    workspace = run.state().done.workspace
    record_done(workspace.stages['vision'], workspace, {}, 1.0, {})
    curve = workspace.folder('vision') / 'kl_curve.json'
    curve.write_text(json.dumps({'gap_before': 0.9, 'gap_after': 0.4}))
    assert run.state().figures == {'gap': 0.4}


def test_the_command_lists_plans_and_refuses(tmp_path, capsys):
    assert main(['reproduce', '--list', 'vpl']) == 0
    assert 'vpl table7' in capsys.readouterr().out
    assert main(['reproduce', 'cpal']) == 2
    assert '--list' in capsys.readouterr().err
    assert main(['reproduce', 'cpal', 'figure2']) == 0
    assert 'Nothing is measured' in capsys.readouterr().out
    assert main(['reproduce', 'cpf_cte', 'figure6', '--until', 'cam']) == 2
    assert '--until' in capsys.readouterr().err
    plan_only = ['reproduce', 'cpal', 'table3', '--scale', 'toy', '--dry-run', '--rows', 'dot']
    assert main([*plan_only, '--work-dir', str(tmp_path)]) == 0
    assert 'dot: ' in capsys.readouterr().out
    assert not list(tmp_path.rglob('*'))
