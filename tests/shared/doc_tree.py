"""A folder that looks like the root of the repository, with toy data, where documents are run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import torch
import toy_data
from doc_blocks import ROOT, RUN, Block, blocks_of, named_epochs
from doc_plan import NOT_RUN, PLANS
from released_networks import NETWORKS, randomize
from toy_size import CLIP

from mmwsss.models.clip import load_clip
from mmwsss.pipeline.config import load_config

COPIED = ('configs', 'tools')  # scripts look for the root in the folder above theirs
REPLACED_PROGRAMS = ('activate', 'mmwsss', 'mypy')
NOT_TAKEN = ('.git', '.venv', '.ci', 'data', 'work_dirs', 'build')
# what is put in the place of what a document says, and why
REPLACED = (
    (re.compile(r'--gpus 8\b'), '--gpus 2'),  # eight processes on two cores take minutes
    (re.compile(r'(dist_\w+\.sh \S+(?:\s+\\?\s*\S+\.pth)?) 8\b'), r'\1 2'),
    (re.compile(r'/path/to/folder'), 'data'),
)


class Tree:
    """A working folder.

    Args:
        root: An empty folder.
        data: Names of the data sets that are wanted: `voc`, `coco`, `voc_mini`, `coco_mini`, `own`.
        weights: Names of released files that are wanted, as in `WEIGHTS`.
        page: The document that is read; trainings end in the epochs that it names.
    """

    def __init__(self, root, data=('voc',), weights=(), page=None):
        self.root = root
        self.epochs = named_epochs(*([page] if page else []))
        for path in ROOT.iterdir():
            if path.name in COPIED:
                shutil.copytree(path, root / path.name, ignore=shutil.ignore_patterns('*.pyc'))
            elif path.name not in NOT_TAKEN and not path.name.endswith('_cache'):
                (root / path.name).symlink_to(path)
        self._make_environment()
        for name in data:
            DATA[name](root)
        for name in weights:
            WEIGHTS[name](root / name)

    def _make_environment(self):
        """Make a `.venv` that is installed already: with the interpreter of the tests."""
        folder = self.root / '.venv' / 'bin'
        folder.mkdir(parents=True)
        for program in Path(sys.executable).parent.iterdir():
            if program.name not in REPLACED_PROGRAMS and not program.name.startswith('python'):
                (folder / program.name).symlink_to(program)
        for name in ('python', 'python3'):
            _write_program(folder / name, f'exec {sys.executable} "$@"')
        _write_program(folder / 'mmwsss', f'exec {sys.executable} -m mmwsss "$@"')
        _write_program(folder / 'activate', f'export PATH={folder}:$PATH')
        _write_program(folder / 'mypy', 'exit 0')  # a minute without its cache
        script = (self.root / 'tools' / 'environment.sh').read_text()
        stamp = re.search(r'^stamp\(\) \{.*?\}$', script, re.MULTILINE | re.DOTALL)[0]
        made = subprocess.run(
            ['bash', '-c', f'{stamp}; stamp'],
            env={**os.environ, 'ROOT': str(self.root)},
            capture_output=True,
            text=True,
            check=True,
        )
        (self.root / '.venv' / 'mmwsss-installed').write_text(made.stdout)

    def environment(self):
        """Return the variables of a shell in which a document is read."""
        taken = ('HOME', 'PATH', 'PYTHONPATH')
        own = {
            key: value
            for key, value in os.environ.items()
            if key not in taken and not key.startswith(('MMWSSS_', 'PYTEST_'))
        }
        return {
            **own,
            'HOME': str(self.root / 'home'),
            'PATH': f'{self.root}/.venv/bin:{os.environ["PATH"]}',
            'PYTHONPATH': f'{ROOT}/tests/shared:{ROOT}',
            'MMWSSS_TOY_SIZE': '1',
            'MMWSSS_TOY_EPOCHS': ' '.join(map(str, self.epochs)),
            # run_tests.sh looks at the tests, which run already
            'PYTEST_ADDOPTS': '--collect-only -q -p no:cacheprovider',
            'OMP_NUM_THREADS': '1',
            'MALLOC_MMAP_THRESHOLD_': '33554432',  # as docs/installation.md says
            'MALLOC_TRIM_THRESHOLD_': '16000000000',
            'MALLOC_TOP_PAD_': '67108864',
        }

    def shell(self, text):
        """Run lines of bash; the first one that fails ends them.

        Raises:
            AssertionError: One failed; with the end of what it said.
        """
        self._run(['bash', '-e', '-o', 'pipefail', '-c', text], text)

    def python(self, text):
        """Run a script of Python."""
        self._run([str(self.root / '.venv/bin/python'), '-c', text], text)

    def run(self, block: Block):
        """Run a block as it is written; write it if it is a file."""
        if block.title:
            path = self.root / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            assert ROOT not in path.resolve().parents, f'{block} shows a file of the package'
            path.write_text(block.text)
            # configs of a package that this process does not see are run by the page itself
            if block.title.startswith('configs/') and not (self.root / 'my_package').is_dir():
                load_config(path)
        else:
            getattr(self, {'bash': 'shell', 'python': 'python'}[block.language])(replace(block))

    def _run(self, command, text):
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            check=False,
        )
        with (self.root / 'said.txt').open('a') as file:
            file.write(f'$ {text}\n{done.stdout}\n')
        assert done.returncode == 0, f'{text}\nended with {done.returncode}:\n{done.stdout[-5000:]}'


def replace(block: Block) -> str:
    """Return the text of a block at toy size."""
    text = block.text
    for pattern, replacement in REPLACED:
        text = pattern.sub(replacement, text)
    return text


def _write_program(path, line):
    path.write_text(f'#!/bin/sh\n{line}\n')
    path.chmod(0o755)


def _save_released(path, name):
    torch.manual_seed(0)
    torch.save(randomize(NETWORKS[name]()).state_dict(), path)


def _save_deit(path):
    import timm  # after the cures of mmwsss, or torchvision does not come

    torch.save({'model': timm.create_model('deit_small_patch16_224').state_dict()}, path)


def _save_vit(path):
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model('vit_base_patch16_384').state_dict(), path)


def _save_clip(path):
    """Save a small CLIP with OpenAI's names, in half precision."""
    state = load_clip(CLIP, None).state_dict()
    state['input_resolution'] = torch.tensor(0)  # a number that only OpenAI's files have
    torch.save({name: value.half() for name, value in state.items()}, path)


DATA = {
    'voc': lambda root: toy_data.write_voc(root / 'data/VOCdevkit/VOC2012'),
    'voc_mini': lambda root: toy_data.write_voc_mini(root / 'data/voc_mini'),
    'voc_photos': lambda root: toy_data.write_voc_mini(root / 'data/voc_photos'),
    'coco': lambda root: toy_data.write_coco(root / 'data/coco2014'),
    'coco_mini': lambda root: toy_data.write_coco(root / 'data/coco_mini'),
    'own': lambda root: toy_data.write_own_images(root / 'data/mine'),
}
WEIGHTS = {
    'res50_cam.pth': lambda path: _save_released(path, 'irn_cam'),
    'final.pth': lambda path: _save_released(path, 'sipe'),
    'res50_irn.pth': lambda path: _save_released(path, 'irnet'),
    'res50_amn.pth': lambda path: _save_released(path, 'amn'),
    'checkpoint.pth': lambda path: _save_released(path, 'mctformer'),
    'IN.pth': lambda path: _save_released(path, 'deeplabv2'),
    'deit_small_patch16_224.pth': _save_deit,
    'vit_base_patch16_384.safetensors': _save_vit,
    'ViT-B-16.pt': _save_clip,
}


def read_page(page, root):
    """Run the blocks of a document one after the other, as a newcomer would.

    Raises:
        AssertionError: A block failed, or the document has not made what it says.
    """
    plan = PLANS[page]
    tree = Tree(root, plan.data, plan.weights, page)
    if plan.before:
        tree.shell(plan.before)
    for block in blocks_of(page):
        if block.language in RUN and block.key not in NOT_RUN:
            tree.run(block)
    for pattern in plan.made:
        assert list(root.glob(pattern)), f'{page} has not made {pattern}'
    shutil.rmtree(root)  # gigabytes of checkpoints
