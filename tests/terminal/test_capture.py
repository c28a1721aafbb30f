import ctypes
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmwsss.terminal import captured_output


@pytest.fixture
def log(tmp_path):
    with (tmp_path / 'log.txt').open('ab') as file:
        yield file


HELD_BACK = ctypes.create_string_buffer(4096)  # must outlive the process's last print


@pytest.fixture
def libc():
    """The C library, which holds back what it prints, as it does where Python is not unbuffered."""
    libc = ctypes.CDLL(None)
    libc.setvbuf(ctypes.c_void_p.in_dll(libc, 'stdout'), HELD_BACK, 0, len(HELD_BACK))
    return libc


def text_of(file):
    return Path(file.name).read_text()


def descriptors():
    """What this process has open, and where its output goes."""
    return len(list(Path('/proc/self/fd').iterdir())), os.fstat(1).st_ino, os.fstat(2).st_ino


def test_all_that_prints_is_caught_and_in_order(log, libc, capfd):
    logger = logging.getLogger('made before')
    handler = logging.StreamHandler(open(1, 'w', closefd=False))  # noqa: SIM115
    logger.addHandler(handler)
    with captured_output(log):
        print('print')
        logger.warning('logger')
        subprocess.run([sys.executable, '-c', 'print("child")'], check=True)
        print('error', file=sys.stderr)
        os.write(1, b'descriptor\n')
        libc.printf(b'held back by C\n')
    logger.removeHandler(handler)
    words = ['print', 'logger', 'child', 'error', 'descriptor', 'held back by C']
    places = [text_of(log).index(word) for word in words]
    assert places == sorted(places)
    print('after')
    assert capfd.readouterr() == ('after\n', '')


def test_what_was_printed_before_stays_before(log, libc, capfd):
    libc.printf(b'C before\n')
    sys.stdout.write('Python before\n')
    with captured_output(log):
        pass
    assert text_of(log) == ''
    out = capfd.readouterr().out
    assert 'C before' in out
    assert 'Python before' in out


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt, SystemExit])
def test_output_returns_however_the_block_ends(log, error):
    before, streams = descriptors(), (sys.stdout, sys.stderr)
    with pytest.raises(error), captured_output(log):
        print('caught')
        raise error
    assert descriptors() == before
    assert (sys.stdout, sys.stderr) == streams
    assert text_of(log) == 'caught\n'


def test_a_capture_within_a_capture(log, tmp_path, capfd):
    with captured_output(log):
        print('outer')
        with (tmp_path / 'inner.txt').open('ab') as inner, captured_output(inner):
            print('inner')
        print('outer again')
    assert text_of(log) == 'outer\nouter again\n'
    assert (tmp_path / 'inner.txt').read_text() == 'inner\n'
    assert capfd.readouterr().out == ''


def test_a_logger_made_while_captured_speaks_afterwards(log, capfd):
    with captured_output(log):
        handler = logging.StreamHandler(sys.stdout)
    handler.emit(logging.makeLogRecord({'msg': 'still there'}))
    assert capfd.readouterr().out == 'still there\n'
    assert text_of(log) == ''
