"""A wheel in an environment of its own, in an empty folder: the quickstart's first stage there."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TORCH_INDEX = os.environ.get('MMWSSS_TORCH_INDEX')  # as in tools/environment.sh
SMALL = ['total_batch_size=4', 'train_cfg.max_epochs=1']


def run(*command, cwd):
    """Run a command that knows nothing of this checkout and of the environment of these tests."""
    hidden = ('PYTHONPATH', 'VIRTUAL_ENV', 'MMWSSS_DATA')
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    """A new environment with the wheel and what it asks for."""
    root = tmp_path_factory.mktemp('installed')
    ignored = shutil.ignore_patterns('.*', 'build', 'data', 'work_dirs', '__pycache__')
    source = shutil.copytree(REPOSITORY, root / 'source', ignore=ignored)
    pip = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation']
    run(*pip, '--wheel-dir', root, source, cwd=root)
    shutil.rmtree(source)
    (wheel,) = root.glob('*.whl')
    venv.create(root / 'venv', with_pip=True)
    install = [root / 'venv/bin/python', '-m', 'pip', 'install']
    pins = (REPOSITORY / 'requirements.txt').read_text(encoding='utf-8').splitlines()
    torch = [line for line in pins if line.startswith(('torch==', 'torchvision=='))]
    run(*install, *(['--index-url', TORCH_INDEX] if TORCH_INDEX else []), *torch, cwd=root)
    run(*install, f'{wheel}[openmmlab,efficientnet]', cwd=root)
    yield root / 'venv'
    shutil.rmtree(root / 'venv')  # gigabytes


def test_the_first_stage_of_the_quickstart_runs_where_nothing_else_is(environment, tmp_path):
    mmwsss = environment / 'bin/mmwsss'
    scenes = ['data/toy_scenes', '--train', '8', '--val', '4', '--sides', '64', '80']
    run(mmwsss, 'toy-scenes', *scenes, cwd=tmp_path)
    run(mmwsss, 'run', 'irn_toy', '--until', 'cam', '--cfg-options', *SMALL, cwd=tmp_path)
    done = json.loads((tmp_path / 'work_dirs/irn_toy/cam/done.json').read_text())
    assert (tmp_path / 'work_dirs/irn_toy/cam' / done['figures']['checkpoint']).is_file()
    assert {path.name for path in tmp_path.iterdir()} == {'data', 'work_dirs'}
    where = run(mmwsss, 'configs', 'irn_toy', cwd=tmp_path).strip()
    assert where.startswith(str(environment))
    run(environment / 'bin/python', '-m', 'pip', 'check', cwd=tmp_path)
