"""Runs on a few toy scenes, in a pipe and in a terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from terminals import moves, on_screen, run_in_terminal

from mmwsss.toy_scenes import write_toy_scenes

REPOSITORY = Path(__file__).resolve().parents[2]
VARIABLES = {'MMWSSS_DATA': 'data', 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPOSITORY)}
SHORT = ['--cfg-options', 'train_cfg.max_epochs=1', 'total_batch_size=2']
NOISE = ('Using env variable', 'Config:', 'skipped since its requires_grad=False')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Where all the runs are, beside six scenes."""
    folder = tmp_path_factory.mktemp('runs')
    write_toy_scenes(folder / 'data' / 'toy_scenes', 6, 2, side_range=(64, 72))
    return folder


def mmwsss(folder, *words):
    """Run a command in pipes; return code, lines of output, lines of errors."""
    done = subprocess.run(
        [sys.executable, '-m', 'mmwsss', *words, *SHORT],
        cwd=folder,
        env={**os.environ, **VARIABLES},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def run(folder, until, name, *words):
    words = ['run', 'irn_toy', '--until', until, '--work-dir', name, *words]
    return mmwsss(folder, *words)


def figures(folder, name):
    return json.loads((folder / name / 'irn_toy' / 'seed_scores' / 'done.json').read_text())[
        'figures'
    ]


@pytest.fixture(scope='module')
def quiet(folder):
    return run(folder, 'seed_scores', 'quiet')


def test_a_run_has_two_lines_per_stage_and_its_table(quiet):
    code, out, err = quiet
    assert (code, err) == (0, [])
    assert out[0] == 'irn_toy, in quiet/irn_toy'
    starts, ends, rest = out[1:7:2], out[2:7:2], out[7:]
    assert [line.split() for line in starts] == [
        [name, 'starts'] for name in ('cam', 'seeds', 'seed_scores')
    ]
    results = ['epoch_1.pth, loss ', '6 seeds', 'cam ']
    for line, name, result in zip(ends, ('cam', 'seeds', 'seed_scores'), results, strict=True):
        assert line.startswith(f'{name} ')
        assert f' s  {result}' in line
    assert [line[:1] for line in rest] == ['+', '|', '+', '|', '+', 'p']
    assert not any('\r' in line or '\x1b' in line for line in out)


def test_config_and_warnings_are_in_the_log_of_the_stage(folder, quiet):
    log = (folder / 'quiet' / 'irn_toy' / 'cam' / 'log.txt').read_text()
    for words in NOISE:
        assert words in log
    assert '\x1b' not in log  # no colours
    seeds = (folder / 'quiet' / 'irn_toy' / 'seeds' / 'log.txt').read_text()
    assert 'Load checkpoint from' in seeds


def test_verbose_brings_it_back_and_changes_no_figure(folder, quiet):
    code, out, _ = run(folder, 'seed_scores', 'verbose', '--verbose')
    assert code == 0
    text = '\n'.join(out)
    for words in NOISE:
        assert words in text
    assert not list((folder / 'verbose').rglob('log.txt'))
    assert figures(folder, 'verbose') == figures(folder, 'quiet')


def test_a_terminal_shows_epoch_rate_time_left_and_loss(folder):
    words = ['run', 'irn_toy', '--until', 'cam', '--work-dir', 'terminal', *SHORT]
    here = Path.cwd()
    os.chdir(folder)
    try:
        code, sent = run_in_terminal([sys.executable, '-m', 'mmwsss', *words], **VARIABLES)
    finally:
        os.chdir(here)
    assert code == 0
    shown = on_screen(sent)
    assert shown[0] == 'irn_toy, in terminal/irn_toy'
    assert shown[1].startswith('cam ')
    assert 'epoch_1.pth, loss ' in shown[1]
    assert shown[2].startswith('+')
    last = moves(sent)[-1]
    assert last.startswith('cam          100%  3/3  ')
    for words in ('iter', 's left  loss '):
        assert words in last


def test_processes_write_to_the_log_and_the_sentence_comes_last(folder):
    options = ['--gpus', '2', '--cfg-options', 'model.cam_head.loss_weight=1e39']
    code, out, err = run(folder, 'cam', 'processes', *options)
    assert code == 1
    assert [line.split()[-1] for line in out[1:]] == ['starts', 'failed']
    path = Path('processes', 'irn_toy', 'cam', 'log.txt')
    assert len(err) == 2
    assert err[0] == f'the whole log: {path}'
    assert err[1].startswith('FloatingPointError: loss')
    log = (folder / path).read_text()
    assert 'Distributed training: True' in log
    assert 'GPU number: 2' in log
    assert 'Traceback (most recent call last):' in log


@pytest.mark.parametrize('gpus', ['1', '2'])
def test_a_single_command_is_as_quiet(folder, gpus):
    words = ['train', 'irn_toy', '--work-dir', 'single', '--gpus', gpus]
    code, out, err = mmwsss(folder, *words)
    assert (code, err) == (0, [])
    assert out[0].split() == ['train', 'starts']
    assert ' s  single/epoch_1.pth, loss ' in out[1]
    assert len(out) == 2
    log = (folder / 'single' / 'log.txt').read_text()
    assert 'Config:' in log
    assert f'GPU number: {gpus}' in log
