from pathlib import Path

import pytest

from mmwsss import shipped
from mmwsss.pipeline.config import load_config
from mmwsss.shipped import find_config, shipped_configs, shipped_root

REPOSITORY = Path(__file__).resolve().parents[1]
WANTED = REPOSITORY / 'configs/cpal/irn_cpal_voc.py'


@pytest.mark.parametrize(
    'name',
    [
        'irn_cpal_voc',
        'irn_cpal_voc.py',
        'cpal/irn_cpal_voc',
        'cpal/irn_cpal_voc.py',
        'configs/cpal/irn_cpal_voc.py',
        './configs/cpal/irn_cpal_voc.py',
        Path('configs/cpal/irn_cpal_voc'),
        WANTED,
    ],
)
def test_a_shipped_config_is_found_from_any_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == WANTED
    assert load_config(name).filename == str(WANTED)


def test_a_file_goes_before_a_shipped_config_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('irn_cpal_voc.py').write_text('')
    assert find_config('irn_cpal_voc.py') == Path('irn_cpal_voc.py')
    assert find_config('irn_cpal_voc') == WANTED


def test_an_unknown_name_is_refused_with_those_that_are_near(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'no config irn_cpal_vox; did you mean irn_cpal_voc'
    ):
        find_config('irn_cpal_vox')
    for name in (tmp_path / 'irn_cpal_voc.py', 'amn/irn_cpal_voc.py', '_base_/default_runtime.py'):
        with pytest.raises(FileNotFoundError, match=r'there is no config .*`mmwsss configs`'):
            find_config(name)


def test_a_name_of_several_configs_is_refused_with_their_paths(tmp_path, monkeypatch):
    for folder in ('_base_', 'a', 'b'):
        (tmp_path / 'configs' / folder).mkdir(parents=True)
        (tmp_path / 'configs' / folder / 'same.py').write_text('')
    monkeypatch.setattr(shipped, 'shipped_root', lambda: tmp_path)
    with pytest.raises(
        ValueError, match=r'2 shipped configs are called same: a/same\.py, b/same\.py'
    ):
        find_config('same')
    with pytest.raises(FileNotFoundError, match='there is no grid other;'):
        find_config('other', 'grid')
    assert find_config('b/same') == tmp_path / 'configs/b/same.py'


def test_an_installed_package_has_its_own(tmp_path, monkeypatch):
    assert shipped_root() == REPOSITORY
    (tmp_path / 'mmwsss/.mim/configs/_base_').mkdir(parents=True)
    monkeypatch.setattr(shipped, '_PACKAGE', tmp_path / 'mmwsss')
    assert shipped_root() == tmp_path / 'mmwsss/.mim'
    monkeypatch.setattr(shipped, '_PACKAGE', tmp_path / 'nowhere/mmwsss')
    with pytest.raises(FileNotFoundError, match='has no configs beside it'):
        shipped_root()


def test_every_shipped_config_says_what_it_is():
    from mmwsss.commands.configs import first_comment

    paths = shipped_configs()
    assert len(paths) > 60
    silent = [path for path in paths if not first_comment(path)]
    assert not silent, f'begin these with a comment: {silent}'
