"""The notebooks of examples/ run from their first cell to their last."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def code_of(name):
    cells = json.loads((ROOT / 'examples' / name).read_text(encoding='utf-8'))['cells']
    return '\n'.join(''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code')


def run_code(code, folder, **variables):
    environment = {**os.environ, 'MPLBACKEND': 'Agg', 'PYTHONPATH': str(ROOT), **variables}
    command = [sys.executable, '-W', 'ignore', '-c', code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def test_the_notebook_runs_and_leaves_masks(tmp_path):
    code = code_of('toy_scenes.ipynb')
    small = code.replace('SCENES, EPOCHS = 40, 6', 'SCENES, EPOCHS = 16, 2')
    assert small != code, 'the sizes stand elsewhere in the notebook'
    said = run_code(small, tmp_path)
    run = tmp_path / 'work_dirs' / 'notebook' / 'run'
    assert len(list((run / 'crf_masks' / 'masks').glob('*.png'))) == 16
    assert 'seeds: pacam' in said and 'prototypes (1, 320)' in said


def test_the_notebook_of_own_images_runs_at_toy_size(tmp_path):
    path = f'{ROOT}/tests/shared:{ROOT}'  # toy_size.py makes scenes few and networks small
    said = run_code(code_of('own_images.ipynb'), tmp_path, PYTHONPATH=path, MMWSSS_TOY_SIZE='1')
    run = tmp_path / 'work_dirs' / 'own_images_notebook' / 'run'
    assert (run / 'segmentor' / 'done.json').is_file()
    assert 'a JSON file of names' in said and "'background'" in said
