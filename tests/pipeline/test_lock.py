import os
import signal
import subprocess
import sys
import textwrap

import pytest

from mmwsss.pipeline.lock import HOLDER, locked

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
