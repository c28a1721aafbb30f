import signal
import sys
import textwrap
from contextlib import contextmanager

import pytest

from mmwsss.terminal import Bar, relay, run_and_follow
from mmwsss.terminal.bars import listening

WORK = """
import os, sys
from mmwsss.terminal import progress, relayed_progress, reporting
os.environ['RANK'] = sys.argv[1]
with relayed_progress():
    print('listens' if reporting() else 'alone')
    if reporting():
        with progress('test', 7, initial=2) as bar:
            bar.move(7, 'epoch 1/1', 'loss 3')
sys.exit(int(sys.argv[2]))
"""


class Recorder:
    def __init__(self):
        self.opened, self.bars = [], []

    @contextmanager
    def __call__(self, what, total, unit, initial):
        self.opened.append((what, total, unit))
        self.bars.append(Bar(total, unit, initial, None))
        yield self.bars[-1]


def command(rank=0, code=0):
    return [sys.executable, '-c', textwrap.dedent(WORK), str(rank), str(code)]


def test_the_bars_of_the_first_process_are_repeated(capfd):
    recorder = Recorder()
    with listening(recorder):
        assert run_and_follow(command()) == 0
    assert recorder.opened == [('test', 7, 'image')]
    (bar,) = recorder.bars
    assert (bar.done, bar.phase, bar.note) == (7, 'epoch 1/1', 'loss 3')
    assert capfd.readouterr().out == 'listens\n'


def test_another_process_is_silent_and_its_code_comes_back(capfd):
    recorder = Recorder()
    with listening(recorder):
        assert run_and_follow(command(rank=1, code=3)) == 3
    assert recorder.opened == []
    assert capfd.readouterr() == ('listens\n', '')


def test_nothing_is_handed_on_where_no_one_listens(capfd):
    assert run_and_follow(command(code=3)) == 3
    assert capfd.readouterr().out == 'alone\n'


def test_an_interruption_ends_the_processes_first(monkeypatch, tmp_path):
    ended = tmp_path / 'ended'
    code = (
        'import pathlib, signal, sys, time\n'
        f'def end(*args):\n    pathlib.Path({str(ended)!r}).touch()\n    sys.exit(1)\n'
        'signal.signal(signal.SIGTERM, end)\n'
        f'pathlib.Path({str(tmp_path / "begun")!r}).touch()\n'
        'while True:\n    time.sleep(0.05)\n'
    )

    def interrupt(file):
        if (tmp_path / 'begun').exists():
            raise KeyboardInterrupt
        return {}

    monkeypatch.setattr(relay, '_read', interrupt)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with pytest.raises(KeyboardInterrupt), listening(Recorder()):
        run_and_follow([sys.executable, '-c', code])
    assert ended.exists()
