"""Stages in two processes (gloo): the same seeds as in one, and one sentence when they fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmwsss.seeds import load_seed
from mmwsss.toy_scenes import write_toy_scenes

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ['--cfg-options', 'total_batch_size=4', 'train_cfg.max_epochs=1']


@pytest.fixture
def folder(tmp_path):
    write_toy_scenes(tmp_path / 'data/toy_scenes', 6, 0, side_range=(64, 80))
    return tmp_path


def run_mmwsss(folder, *words):
    command = [sys.executable, '-m', 'mmwsss', *map(str, words)]
    env = os.environ | {'PYTHONPATH': str(REPOSITORY), 'MMWSSS_DATA': 'data'}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_seeds_of_two_processes_are_those_of_one(folder):
    done = run_mmwsss(folder, 'run', 'irn_toy', '--gpus', '2', '--until', 'seeds', *SMALL)
    assert done.returncode == 0, done.stderr
    together = folder / 'work_dirs/irn_toy/seeds/seeds'
    (checkpoint,) = (folder / 'work_dirs/irn_toy/cam').glob('*.pth')
    done = run_mmwsss(folder, 'seeds', 'irn_toy', '--out-dir', 'alone', checkpoint)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (folder / 'alone').glob('*.npz'))
    assert len(names) == 6
    for name in names:
        assert (load_seed(together / name).cam == load_seed(folder / 'alone' / name).cam).all()


def test_a_stage_that_fails_in_two_processes_ends_with_their_sentence(folder):
    beyond = ['total_batch_size=2', 'model.cam_head.loss_weight=1e39']
    done = run_mmwsss(folder, 'run', 'irn_toy', '--gpus', '2', '--until', 'cam', *SMALL, *beyond)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith('FloatingPointError: ')
    assert 'Traceback' not in done.stderr
