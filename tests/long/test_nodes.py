"""A run on two machines, which are two launchers here, leaves what one process leaves."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from tiny_run import IDS, write_run

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = ('seeds/seeds/*.npz', 'ir_labels/masks/*.png', 'walk/seeds/*.npz', 'masks/masks/*.png')
PATHS = f'{REPOSITORY}:{REPOSITORY}/tests/shared'


def start(config, folder, *words, **variables):
    """Start `mmwsss run`."""
    command = [sys.executable, '-m', 'mmwsss', 'run', str(config), '--work-dir', str(folder)]
    environment = {**os.environ, 'PYTHONPATH': PATHS, **variables}
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'text': True}
    return subprocess.Popen([*command, *words], env=environment, **pipes)


def test_a_run_on_two_machines_is_that_of_one_process(tmp_path):
    config = write_run(tmp_path)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    machines = [
        start(config, tmp_path / 'together', '--nodes', '2', NODE_RANK=number, PORT=port)
        for number in '01'
    ]
    said = [machine.communicate(timeout=900)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    assert 'mIoU' in said[0]  # the table
    assert said[1] == ''  # the first one shows
    together = tmp_path / 'together' / 'tiny'
    given = [
        f'stages.{stage}.checkpoint={together}/{stage}/epoch_3.pth'
        for stage in ('cam', 'irnet', 'segmentor')
    ]
    alone = start(config, tmp_path / 'alone', '--cfg-options', *given)
    text, _ = alone.communicate(timeout=900)
    assert alone.returncode == 0, text
    for files in (
        'seeds/seeds/*.npz',
        'ir_labels/masks/*.png',
        'walk/seeds/*.npz',
        'masks/*/*.png',
    ):
        one, other = (
            {path.name: path.read_bytes() for path in (tmp_path / who / 'tiny').glob(files)}
            for who in ('together', 'alone')
        )
        assert one == other
        assert len(one) == len(IDS)


def test_a_machine_must_be_known(tmp_path):
    failed = start(write_run(tmp_path), tmp_path / 'run', '--nodes', '2')
    text, _ = failed.communicate()
    assert failed.returncode == 1
    assert text.startswith('ValueError: nothing says which of 2 machines this is: set NODE_RANK=0')
    assert text.count('\n') == 1
