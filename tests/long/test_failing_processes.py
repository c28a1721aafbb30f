"""One of two processes fails: all end with its sentence, and the next run goes on."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_run import IDS, save_networks, write_run

REPOSITORY = Path(__file__).resolve().parents[2]
FAULTS = """
import errno, os, signal
from mmwsss.evaluation import seed_metric

def fail(path, seed):
    if os.environ['FAULT'] == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
    raise OSError(errno.ENOSPC, 'No space left on device')

if os.environ.get('FAULT') and os.environ.get('RANK') == '1':
    seed_metric.save_seed = fail
"""


@pytest.fixture
def run(tmp_path):
    """Make seeds in two processes, with a given network."""
    write_run(tmp_path)
    save_networks(tmp_path)
    (tmp_path / 'faults.py').write_text(FAULTS)
    config = tmp_path / 'tiny.py'
    config.write_text(config.read_text().replace("'small_networks'", "'faults', 'small_networks'"))
    paths = f'{REPOSITORY}:{REPOSITORY}/tests/shared:{tmp_path}'

    def start(fault=''):
        words = ['run', 'tiny.py', '--gpus', '2', '--until', 'seeds']
        given = ['--cfg-options', f'stages.cam.checkpoint={tmp_path}/cam.pth']
        return subprocess.run(
            [sys.executable, '-m', 'mmwsss', *words, *given],
            cwd=tmp_path,
            env={**os.environ, 'PYTHONPATH': paths, 'FAULT': fault},
            capture_output=True,
            text=True,
            timeout=900,
        )

    return start


def seeds_of(folder):
    return {path.stem: path.stat().st_mtime_ns for path in folder.rglob('seeds/seeds/[a-z].npz')}


@pytest.mark.parametrize(
    ('fault', 'sentence'),
    [
        ('kill', 'process 1 was ended by signal 9, as where the memory is full: run again, and'),
        ('disk', r'OSError: \[Errno 28\] the disk of .*/seeds is full .*: make room'),
    ],
)
def test_a_process_that_fails_ends_the_run_with_the_cause_and_the_next_goes_on(
    fault, sentence, run, tmp_path
):
    failed = run(fault)
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-1]
    assert re.match(sentence, last), failed.stderr
    assert 'Traceback' not in failed.stderr
    before = seeds_of(tmp_path)
    done = run()
    assert done.returncode == 0, done.stderr
    after = seeds_of(tmp_path)
    assert sorted(after) == list(IDS)
    assert before.items() <= after.items()  # what was finished is not made again


def test_a_damaged_image_of_one_process_is_named(run, tmp_path):
    path = tmp_path / 'JPEGImages' / 'b.png'
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(40) + whole[middle + 40 :])
    failed = run()
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-1]
    assert str(path) in last
    assert 'Traceback' not in failed.stderr
    path.write_bytes(whole)
    done = run()
    assert done.returncode == 0, done.stderr
    record = json.loads(next(tmp_path.rglob('seeds/done.json')).read_text())
    assert record['figures']['seeds'] == len(IDS)


WORKERS = """
import os, time
from pathlib import Path

def work(number):
    Path(str(number)).write_text(str(os.getpid()))
    time.sleep(600)

if __name__ == '__main__':
    from mmwsss.seeds import run_in_processes

    list(run_in_processes(work, range(2), 2))
"""


def test_workers_end_with_a_run_that_is_killed(tmp_path):
    (tmp_path / 'workers.py').write_text(WORKERS)
    environment = {**os.environ, 'PYTHONPATH': str(REPOSITORY)}
    process = subprocess.Popen([sys.executable, 'workers.py'], cwd=tmp_path, env=environment)
    files = [tmp_path / name for name in '01']
    _wait_until(lambda: all(path.is_file() and path.read_text() for path in files))
    workers = [int(path.read_text()) for path in files]
    process.kill()
    process.wait()
    _wait_until(lambda: not any(_is_running(worker) for worker in workers))


def _wait_until(holds):
    for _ in range(3000):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail('this takes too long')


def _is_running(process):
    try:
        state = Path(f'/proc/{process}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != 'Z'
