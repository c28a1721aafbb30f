"""Runs that are killed at random moments leave what runs leave that nobody killed.

`tests/reliability/kills.py` does it as often as one likes.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from doc_tree import Tree

TESTS = Path(__file__).resolve().parents[1]
PATHS = (TESTS.parent, TESTS / 'shared', TESTS / 'reliability')
RECIPES = ('irn/irn_voc', 'amn/amn_voc', 'clip_es/clip_es_voc', 'cpf_cte/cpf_cte_voc')


def test_a_tiny_run_through_every_kind_of_stage(tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, PATHS))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]


@pytest.mark.parametrize(('seed', 'config'), enumerate(RECIPES))
def test_a_recipe_at_toy_size(seed, config, tmp_path):
    tree = Tree(tmp_path, data=('voc',))
    words = f'configs/{config}.py --kills 5 --seed {seed}'
    tree.shell(f'python tests/reliability/kills.py {words}')


if __name__ == '__main__':
    # an interpreter that has computed nothing may fork
    from kills import kill_often
    from tiny_run import write_run

    folder = Path(sys.argv[1])
    kill_often(write_run(folder), kills=20, seed=7, folder=folder, clock=False)
