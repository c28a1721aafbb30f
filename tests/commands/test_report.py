"""`mmwsss report`: what of a run is shown, and what is left out is said."""

import pytest

from mmwsss.commands.main import main
from mmwsss.pipeline import run
from mmwsss.pipeline.workspace import DONE, write_record


@pytest.fixture
def run_dir(tmp_path):
    """A run of two stages, none of which was made."""
    (tmp_path / 'mine.py').write_text(
        "stages = dict(\n    cam=dict(type='Train'),\n"
        "    seeds=dict(type='GenerateSeeds', model='cam'),\n)\n"
    )
    return tmp_path


@pytest.fixture(autouse=True)
def todays_key(monkeypatch):
    monkeypatch.setattr(run, 'stage_key', lambda stage, workspace: 'today')


def leave_records(run_dir, **keys):
    """Leave the records of stages as if they had been made, by today's recipe or by another."""
    for name, key in keys.items():
        (run_dir / name).mkdir()
        record = {'key': key, 'figures': {}, 'seconds': 1.0, 'type': 'Train'}
        write_record(run_dir / name / DONE, record)


def test_a_run_of_which_nothing_is_done_is_refused(run_dir, capsys):
    assert main(['report', str(run_dir)]) != 0
    assert f'no stage of {run_dir} is done: `mmwsss run` makes them' in capsys.readouterr().err
    assert not (run_dir / 'report.html').exists()


def test_a_page_never_replaces_another_because_files_have_changed(run_dir, capsys):
    leave_records(run_dir, cam='of other images', seeds='today')
    (run_dir / 'report.html').write_text('the page of the run')
    assert main(['report', str(run_dir)]) != 0
    assert f'cam, seeds of {run_dir} fit neither the config nor' in capsys.readouterr().err
    assert (run_dir / 'report.html').read_text() == 'the page of the run'


def test_what_a_page_leaves_out_is_said(run_dir, capsys):
    leave_records(run_dir, cam='today', seeds='of another recipe')
    assert main(['report', str(run_dir)]) == 0
    said = ''.join(capsys.readouterr())
    assert f'note: seeds of {run_dir} fit neither the config nor' in said
    assert (run_dir / 'report.html').is_file()
