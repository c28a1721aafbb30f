import os
import signal
import subprocess
import sys
import textwrap

import pytest

from mmwsss.pipeline.lock import HOLDER, locked, locked_output
from mmwsss.structures import atomic_path

HOLD = """
    import sys, time
    from pathlib import Path
    from mmwsss.pipeline.lock import locked

    with locked(Path(sys.argv[1])):
        print('held', flush=True)
        time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    command = [sys.executable, '-c', textwrap.dedent(HOLD), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'held\n'
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_who_works_in_a_folder_is_named_and_a_dead_one_is_not_waited_for(holder, tmp_path):
    message = rf'{tmp_path}: another run works here, process {holder.pid} on .* since .*: wait'
    with pytest.raises(BlockingIOError, match=message), locked(tmp_path):
        pytest.fail('held twice')
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / HOLDER).exists()  # it could not clean up
    with locked(tmp_path):
        assert f'"process": {os.getpid()}' in (tmp_path / HOLDER).read_text()
    assert not (tmp_path / HOLDER).exists()


def test_the_lock_is_freed_when_a_run_fails(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / 'new'):
        raise KeyError
    with locked(tmp_path / 'new'):
        pass


def test_a_command_holds_its_output_folder_and_clears_what_a_killed_one_left(holder, tmp_path):
    with pytest.raises(BlockingIOError, match='or choose another folder to write to'):
        locked_output(tmp_path).__enter__()
    holder.kill()
    holder.wait()
    with atomic_path(tmp_path / 'sub' / 'a.npz') as temporary:
        temporary.touch()
        left = temporary.with_name(temporary.name.replace(str(os.getpid()), str(2**22 + 1)))
    left.write_text('half')
    (tmp_path / '.own').write_text('not ours')
    with locked_output(tmp_path):
        assert not left.exists()
        assert (tmp_path / '.own').exists()
    assert not (tmp_path / HOLDER).exists()


def test_of_several_processes_the_first_holds_the_folder(holder, tmp_path, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    with locked_output(tmp_path, 'pytorch'):
        pass
    monkeypatch.setenv('RANK', '0')
    with pytest.raises(BlockingIOError):
        locked_output(tmp_path, 'pytorch').__enter__()
