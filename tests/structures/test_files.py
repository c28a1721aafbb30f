import os
from pathlib import Path

import pytest

from mmwsss.structures import atomic_path, flush_folder, remove_temporary


@pytest.fixture
def events(monkeypatch):
    """What is flushed and renamed, by name, in order."""
    found = []
    names = {}
    real_open, real_replace = os.open, Path.replace

    def open_file(path, *arguments, **options):
        descriptor = real_open(path, *arguments, **options)
        names[descriptor] = Path(path).name
        return descriptor

    def replace(path, target):
        found.append(('rename', Path(target).name))
        return real_replace(path, target)

    monkeypatch.setattr(os, 'open', open_file)
    monkeypatch.setattr(os, 'fsync', lambda number: found.append(('flush', names[number])))
    monkeypatch.setattr(Path, 'replace', replace)
    return found


def test_a_durable_file_is_on_the_disk_before_it_has_its_name(events, tmp_path):
    with atomic_path(tmp_path / 'a.json', durable=True) as temporary:
        temporary.write_text('1')
        name = temporary.name
    assert events == [('flush', name), ('rename', 'a.json'), ('flush', tmp_path.name)]
    events.clear()
    with atomic_path(tmp_path / 'b.json') as temporary:
        temporary.write_text('1')
    assert events == [('rename', 'b.json')]


def test_a_folder_is_flushed_with_all_in_it(events, tmp_path):
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'sub' / 'a').touch()
    flush_folder(tmp_path)
    assert {name for _, name in events} == {tmp_path.name, 'sub', 'a'}


def test_what_killed_writers_left_is_removed_and_what_living_ones_write_is_not(tmp_path):
    dead = tmp_path / 'sub' / f'.a.{2**22 + 1}.tmp.png'  # no Linux has so large a number
    alive = tmp_path / f'.a.{os.getpid()}.tmp.png'
    others = [tmp_path / '.hidden', tmp_path / 'a.1.tmp.png', tmp_path / '.a.tmp']
    dead.parent.mkdir()
    for path in (dead, alive, *others):
        path.touch()
    remove_temporary(tmp_path)
    assert not dead.exists()
    assert all(path.exists() for path in (alive, *others))
