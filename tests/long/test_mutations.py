"""`tools/run_mutations.sh` puts faults into a copy, and finds those that tests do not see."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = 'mmwsss/functional/halves.py'
SOURCE = '''"""Halves."""


def half(value: float) -> float:
    """Return a half."""
    return value / 2


def unseen(value: float) -> float:
    """Return what no test looks at closely."""
    return value + 7
'''
TEST = """from mmwsss.functional.halves import half, unseen


def test_half():
    assert half(3) == 1.5
    assert unseen(1)
"""


def run(root, *words):
    environment = {**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    command = ['bash', 'tools/run_mutations.sh', *words]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)


def test_faults_that_the_mirror_does_not_see_are_named(tmp_path):
    for name in ('configs', 'docs', 'pyproject.toml'):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    for folder in ('mmwsss/functional', 'tests/functional', 'tests/shared', 'tools'):
        (tmp_path / folder).mkdir(parents=True)
    script = (REPOSITORY / 'tools/run_mutations.sh').read_text()
    (tmp_path / 'tools/run_mutations.sh').write_text(script)
    enter = f'set -e -o pipefail; ROOT={tmp_path}; die() {{ echo "$*"; exit 1; }}\n'
    (tmp_path / 'tools/environment.sh').write_text(enter)  # nothing is installed
    for package in ('mmwsss', 'mmwsss/functional'):
        (tmp_path / package / '__init__.py').touch()
    (tmp_path / MODULE).write_text(SOURCE)

    assert 'no test mirrors' in run(tmp_path, MODULE).stdout
    (tmp_path / 'tests/functional/test_halves.py').write_text(TEST)
    for place in (MODULE, 'mmwsss/functional'):  # a module, and those of a folder
        done = run(tmp_path, place)
        assert done.returncode == 0, done.stdout + done.stderr
        counts, killed, survived, *names = done.stdout.strip().splitlines()
        assert json.loads(counts)['killed'] == 2  # * in the place of /, and 3 in the place of 2
        assert killed.split() == ['2', 'mmwsss.functional.halves:', 'killed']
        assert survived.split() == ['2', 'mmwsss.functional.halves:', 'survived']
        assert {name.split('__mutmut')[0].strip() for name in names} == {
            'mmwsss.functional.halves.x_unseen'
        }
        assert json.loads(counts)['survived'] == len(names) == 2
    assert (tmp_path / MODULE).read_text() == SOURCE
