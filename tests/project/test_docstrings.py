"""Docstrings say what an argument is, and "per" where one thing belongs to each of another."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / 'mmwsss').rglob('*.py'))
PAGES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').rglob('*.md')])
ARGUMENT = re.compile(r'^    (\*{0,2}\w+): (.+(?:\n {5,}.+)*)', re.MULTILINE)
EMPTY = re.compile(r'(?:How|Where to|Of what|The same|Of the (?:stage|run|image)|Of `\w+`)\.')
# "one file an image"
FOR_EACH = re.compile(
    r'\b(?:one|a|an|two) `*(?!(?:in|of|to|for|with|as|is|by|per)\b)[a-z<>.]+`* '
    r'an? (?:image|process|GPU|class|stage|line|row|epoch)\b'
)


def public_docstrings(path):
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith('_'):
            yield node.name, ast.get_docstring(node) or ''


@pytest.mark.parametrize('path', MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_argument_line_says_more_than_whose_it_is(path):
    empty = [
        f'{owner}: {name}: {text}'
        for owner, docstring in public_docstrings(path)
        for name, text in ARGUMENT.findall(docstring)
        if EMPTY.fullmatch(text)
    ]
    assert not empty


@pytest.mark.parametrize('path', [*MODULES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_says_per(path):
    text = path.read_text(encoding='utf-8')
    assert not FOR_EACH.findall(text)
