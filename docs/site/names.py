"""What the package defines and where, read from its sources."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = 'mmwsss'
ROOMS = (
    'functional',
    'structures',
    'models',
    'datasets',
    'engine',
    'evaluation',
    'seeds',
    'pipeline',
)
_FENCE = re.compile(r'(^ *```.*?^ *```\s*$)', re.MULTILINE | re.DOTALL)
_CODE = re.compile(r'(?<![`\[])`(?P<code>[\w./]+)`(?![`\]])')


def modules() -> list[str]:
    """Return the dotted names of the public modules with content, in the order of the reference."""
    found = []
    for path in (ROOT / PACKAGE).rglob('*.py'):
        parts = path.relative_to(ROOT).with_suffix('').parts
        if path.name != '__init__.py' and not any(part.startswith(('_', '.')) for part in parts):
            found.append('.'.join(parts))
    return sorted(found, key=lambda name: (_room_of(name), name))


def _room_of(name: str) -> int:
    """Return the place of a module's room: as imports run, what no room is at the end."""
    room = name.split('.')[1]
    return ROOMS.index(room) if room in ROOMS else len(ROOMS) + (name.count('.') == 1)


def summary_of(name: str) -> str:
    """Return the first line of the docstring of a module or package."""
    path = ROOT / name.replace('.', '/')
    source = path / '__init__.py' if path.is_dir() else path.with_suffix('.py')
    docstring = ast.get_docstring(ast.parse(source.read_text(encoding='utf-8')))
    return (docstring or '').partition('\n')[0]


def link_names(markdown: str) -> str:
    """Make links to the reference of what is marked as code and names something of the package.

    These are ``function``, ``Class``, ``Class.method``, ``mmwsss.Class`` and ``mmwsss/a/file.py``;
    a name that two modules define is left alone, and so are blocks of code.
    """
    parts = _FENCE.split(markdown)
    return ''.join(part if _FENCE.fullmatch(part) else _CODE.sub(_linked, part) for part in parts)


def _linked(code: re.Match[str]) -> str:
    target = _targets().get(code['code'])
    return f'[{code[0]}][{target}]' if target else code[0]


@cache
def _targets() -> dict[str, str]:
    """Return the dotted names by what they are called in prose."""
    found: dict[str, set[str]] = {}
    for module in modules():
        found[module.replace('.', '/') + '.py'] = {module}
        for name in _public_names(module):
            for called in (name, f'{PACKAGE}.{name}'):
                found.setdefault(called, set()).add(f'{module}.{name}')
    return {called: min(names) for called, names in found.items() if len(names) == 1}


def _public_names(module: str) -> Iterator[str]:
    """Yield the public functions, classes and methods, these as ``Class.method``."""
    path = (ROOT / module.replace('.', '/')).with_suffix('.py')
    for node in ast.parse(path.read_text(encoding='utf-8')).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith('_'):
            continue
        yield node.name
        for child in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(child, ast.FunctionDef) and not child.name.startswith('_'):
                yield f'{node.name}.{child.name}'
