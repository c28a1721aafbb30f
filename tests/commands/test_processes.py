"""A command in two processes (gloo): they end with one sentence."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_failed_training_ends_with_one_sentence_and_no_traceback(tmp_path):
    (tmp_path / 'bad.py').write_text(
        f"_base_ = ['{REPOSITORY}/configs/quickstart/irn_toy.py']\nload_from = 'absent.pth'\n"
    )
    words = ['bad.py', '2', '--work-dir', 'w', '--cfg-options', 'total_batch_size=4']
    done = subprocess.run(
        ['bash', REPOSITORY / 'tools/dist_train.sh', *words],
        cwd=tmp_path,
        env=os.environ | {'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1].startswith('FileNotFoundError: the training begins with absent.pth')
    assert sum('absent.pth' in line for line in lines) == 1
    assert 'Traceback' not in done.stderr
    assert 'torch.distributed' not in done.stderr
