"""Nothing in the package reads a file in a way that can run what is in it."""

import ast
from pathlib import Path

import pytest

import mmwsss

ROOT = Path(mmwsss.__file__).parent
FILES = sorted(ROOT.rglob('*.py'))
# call -> what makes it safe; None if nothing does
CALLS = {
    'torch.load': 'weights_only=True',
    'np.load': 'allow_pickle=False',
    'torch.jit.load': None,
    'torch.hub.load': None,
    'pickle.load': None,
    'pickle.loads': None,
    'pickle.Unpickler': None,
    'joblib.load': None,
    'yaml.load': None,
    'eval': None,
    'exec': None,
}


def unsafe_calls(text):
    """The calls of `CALLS` in a source text without what makes them safe."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
            needed = CALLS[ast.unparse(node.func)]
            given = {f'{word.arg}={ast.unparse(word.value)}' for word in node.keywords}
            if needed not in given:
                yield ast.unparse(node)


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_read_without_running_them(path):
    assert not list(unsafe_calls(path.read_text(encoding='utf-8')))


def test_the_reader_of_sources_sees_calls():
    text = 'import torch\ntorch.load(a)\ntorch.load(a, weights_only=True)\nnp.load(b)\neval("1")\n'
    assert list(unsafe_calls(text)) == ['torch.load(a)', 'np.load(b)', "eval('1')"]
