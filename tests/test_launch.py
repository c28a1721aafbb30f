"""Several processes: one sentence when they fail, whoever starts them."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mmwsss.errors import errors_left, first_error, run_saying_errors

REPOSITORY = Path(__file__).resolve().parents[1]
WORKER = """
import os, signal, sys
from mmwsss.errors import run_saying_errors
rank = os.environ['RANK']

def fail():
    {work}

sys.exit(run_saying_errors(fail))
"""
SUM = (
    "import torch; torch.distributed.init_process_group('gloo'); "
    'total = torch.tensor([int(rank) + 1]); torch.distributed.all_reduce(total); '
    'open(rank, "w").write(str(total.item()))'
)


def run_python(*words, cwd, **variables):
    env = {**os.environ, 'PYTHONPATH': f'{REPOSITORY}:{cwd}', **variables}
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env=env, capture_output=True, text=True
    )


def run_workers(folder, work):
    """Start two processes that do `work`, a statement."""
    (folder / 'worker.py').write_text(WORKER.format(work=work))
    return run_python('-m', 'mmwsss.launch', '2', 'worker', 'a word', cwd=folder)


def test_processes_see_their_words_and_each_other(tmp_path):
    work = f"assert sys.argv[1:] == ['a word']; {SUM}"
    done = run_workers(tmp_path, work)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / rank).read_text() for rank in '01'] == ['3', '3']


def test_machines_find_each_other_by_the_environment(tmp_path):
    (tmp_path / 'worker.py').write_text(WORKER.format(work=SUM))
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, 'PYTHONPATH': f'{REPOSITORY}:{tmp_path}', 'NNODES': '2', 'PORT': port}
    command = [sys.executable, '-m', 'mmwsss.launch', '1', 'worker']
    machines = [
        subprocess.Popen(command, cwd=tmp_path, env={**env, 'NODE_RANK': str(number)})
        for number in range(2)
    ]
    assert [machine.wait() for machine in machines] == [0, 0]
    assert [(tmp_path / rank).read_text() for rank in '01'] == ['3', '3']


@pytest.mark.parametrize('failing', ['rank in "01"', 'rank == "0"', 'rank == "1"'])
def test_the_sentence_of_a_process_is_all_that_is_said(tmp_path, failing):
    # who does not fail waits for the other, as in a collective
    wait = 'signal.pause()'
    work = f"if {failing}: raise ValueError('the list a.txt is empty')\n    {wait}"
    done = run_workers(tmp_path, work)
    assert done.returncode == 1
    assert done.stderr == 'ValueError: the list a.txt is empty\n'


def test_a_process_that_says_nothing_is_named_with_its_end(tmp_path):
    wait = 'signal.pause()'
    done = run_workers(tmp_path, f'if rank == "1": os.kill(os.getpid(), 9)\n    {wait}')
    assert done.returncode == 1
    assert done.stderr.startswith('process 1 was ended by signal 9, as where the memory is full')
    assert done.stderr.count('\n') == 1
    done = run_workers(tmp_path, f'if rank == "1": 1 / 0\n    {wait}')
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1] == 'process 1 ended with code 1; what it said stands above'
    assert lines[-2] == 'ZeroDivisionError: division by zero'
    assert 'ChildFailedError' not in done.stderr


def test_ctrl_c_ends_all_processes(tmp_path):
    env = {**os.environ, 'PYTHONPATH': f'{REPOSITORY}:{tmp_path}'}
    work = 'open(rank, "w").write(str(os.getpid())); os.write(1, b"at work\\n"); signal.pause()'
    (tmp_path / 'worker.py').write_text(WORKER.format(work=work))
    command = [sys.executable, '-m', 'mmwsss.launch', '2', 'worker']
    process = subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert [process.stdout.readline() for _ in range(2)] == ['at work\n'] * 2
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130, error
    assert 'Traceback' not in error
    for rank in '01':
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / rank).read_text()), 0)


def fail():
    raise ValueError('wrong')


def test_the_lowest_rank_is_heard(monkeypatch, capsys):
    with errors_left() as folder:
        assert first_error(folder) is None
        for rank in ('10', '9'):
            monkeypatch.setenv('RANK', rank)
            (folder / rank).write_text(f'of {rank}')
        assert first_error(folder) == 'of 9'
        monkeypatch.setenv('RANK', '0')
        assert run_saying_errors(fail) == 1
        assert first_error(folder) == 'ValueError: wrong'
        with errors_left() as inner:  # a process within, which starts others
            assert run_saying_errors(fail) == 1
            assert first_error(inner) == 'ValueError: wrong'
    assert capsys.readouterr().err == ''
    assert run_saying_errors(fail) == 1
    assert capsys.readouterr().err == 'ValueError: wrong\n'


def lose():
    error = RuntimeError('[../third_party/gloo/tcp/pair.cc:547] Connection closed by peer')
    error.add_note('the whole log: work/log.txt')  # of the console: else its traceback is shown
    raise error


def test_who_has_lost_another_process_is_heard_last(monkeypatch):
    with errors_left() as folder:
        monkeypatch.setenv('RANK', '0')
        assert run_saying_errors(lose) == 1
        assert first_error(folder) is None
        assert 'Connection closed' in first_error(folder, lost=True)
        monkeypatch.setenv('RANK', '1')
        assert run_saying_errors(fail) == 1
        assert first_error(folder) == 'ValueError: wrong'
