import json
from pathlib import Path

import pytest
from mmengine.config import Config

from mmwsss.pipeline.execution import execute, stage_key
from mmwsss.pipeline.stages.base import Stage
from mmwsss.pipeline.workspace import DONE, STARTED, Workspace


class Count(Stage):
    """Writes one file a number; `cut` interrupts it after as many."""

    takes = ('source',)

    def __init__(self, name, numbers=3, source=None, cut=None):
        super().__init__(name)
        self.numbers, self.source, self.cut = numbers, source, cut
        self.written = 0

    def recipe(self, workspace):
        return {'numbers': self.numbers}

    def run(self, workspace, resume):
        folder = workspace.folder(self.name)
        for number in range(self.numbers):
            path = folder / f'{number}.txt'
            if resume and path.exists():
                continue
            if self.cut == number:
                raise KeyboardInterrupt
            path.write_text(str(number))
            self.written += 1
        return {'files': len(list(folder.glob('*.txt')))}


@pytest.fixture
def workspace(tmp_path):
    return Workspace(Config({}), tmp_path / 'run')


def test_a_finished_stage_is_skipped(workspace):
    first = execute(Count('a'), workspace)
    again = Count('a')
    assert execute(again, workspace) == first
    assert again.written == 0
    assert first['figures'] == {'files': 3}


def test_a_changed_recipe_starts_over(workspace):
    execute(Count('a', numbers=5), workspace)
    changed = Count('a', numbers=2)
    execute(changed, workspace)
    assert changed.written == 2
    assert not (workspace.folder('a') / '4.txt').exists()


def test_the_work_of_another_config_of_the_same_name_is_not_emptied(tmp_path):
    def workspace_of(folder):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / 'x.py').write_text('')
        return Workspace(Config.fromfile(tmp_path / folder / 'x.py'), tmp_path / 'run')

    execute(Count('a', numbers=5), workspace_of('one'))
    with pytest.raises(FileExistsError, match=r'work of .*one/x\.py, .*as .*two/x\.py: rename'):
        execute(Count('a', numbers=2), workspace_of('two'))
    assert (tmp_path / 'run/a/4.txt').exists()
    (tmp_path / 'one/x.py').unlink()  # it was moved
    execute(Count('a', numbers=2), workspace_of('two'))
    assert not (tmp_path / 'run/a/4.txt').exists()


def test_a_stage_cut_off_goes_on_and_is_not_done_before(workspace):
    with pytest.raises(KeyboardInterrupt):
        execute(Count('a', cut=2), workspace)
    assert not (workspace.folder('a') / DONE).exists()
    rest = Count('a')
    execute(rest, workspace)
    assert rest.written == 1
    assert (workspace.folder('a') / DONE).exists()


def test_a_cut_off_stage_with_another_recipe_starts_over(workspace):
    with pytest.raises(KeyboardInterrupt):
        execute(Count('a', numbers=4, cut=2), workspace)
    other = Count('a', numbers=3)
    execute(other, workspace)
    assert other.written == 3


def test_a_changed_input_changes_the_stages_after_it(workspace):
    execute(Count('a', numbers=1), workspace)
    execute(Count('b', source='a'), workspace)
    key = stage_key(Count('b', source='a'), workspace)
    execute(Count('a', numbers=2), workspace)
    assert stage_key(Count('b', source='a'), workspace) != key


def test_a_missing_input_names_the_stage_to_run(workspace):
    with pytest.raises(FileNotFoundError, match='--until a` first'):
        execute(Count('b', source='a'), workspace)
    assert not workspace.folder('b').exists()


def test_foreign_files_are_not_deleted(workspace):
    folder = workspace.folder('a')
    folder.mkdir(parents=True)
    (folder / 'thesis.tex').write_text('mine')
    with pytest.raises(FileExistsError, match='choose another --work-dir'):
        execute(Count('a'), workspace)
    assert (folder / 'thesis.tex').read_text() == 'mine'


@pytest.mark.parametrize('damage', ['', '{"key": ', '[1]'])
def test_a_damaged_record_is_as_none(workspace, damage):
    execute(Count('a'), workspace)
    (workspace.folder('a') / DONE).write_text(damage)
    again = Count('a')
    execute(again, workspace)
    assert json.loads((workspace.folder('a') / DONE).read_text())['figures'] == {'files': 3}
    assert again.written == 0  # STARTED says that the files are of the same recipe
    assert (workspace.folder('a') / STARTED).exists()


@pytest.mark.parametrize('cut_at', [0, 1, 2])
def test_a_clean_up_that_is_cut_off_leaves_no_stage_that_looks_done(workspace, monkeypatch, cut_at):
    execute(Count('a'), workspace)
    folder = workspace.folder('a')
    unlink, calls = Path.unlink, []

    def cut(path, **options):
        if len(calls) == cut_at:
            raise KeyboardInterrupt
        calls.append(path)
        unlink(path, **options)

    monkeypatch.setattr(Path, 'unlink', cut)
    with pytest.raises(KeyboardInterrupt):
        execute(Count('a', numbers=5), workspace)
    monkeypatch.undo()
    assert (folder / STARTED).exists()
    assert cut_at == 0 or not (folder / DONE).exists()
    again = Count('a')
    execute(again, workspace)
    assert sorted(path.name for path in folder.glob('*.txt')) == ['0.txt', '1.txt', '2.txt']
