"""The notebook of examples/ runs from its first cell to its last."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / 'examples' / 'toy_scenes.ipynb'


def code_cells():
    cells = json.loads(NOTEBOOK.read_text(encoding='utf-8'))['cells']
    return [''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code']


def test_the_notebook_runs_and_leaves_masks(tmp_path):
    code = '\n'.join(code_cells())
    small = code.replace('SCENES, EPOCHS = 40, 6', 'SCENES, EPOCHS = 16, 2')
    assert small != code, 'the sizes stand elsewhere in the notebook'
    environment = {**os.environ, 'MPLBACKEND': 'Agg', 'PYTHONPATH': str(ROOT)}
    command = [sys.executable, '-W', 'ignore', '-c', small]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    run = tmp_path / 'work_dirs' / 'notebook' / 'run'
    assert len(list((run / 'crf_masks' / 'masks').glob('*.png'))) == 16
    assert 'seeds: pacam' in done.stdout and 'prototypes (1, 320)' in done.stdout
