"""Imports run one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmwsss

ROOT = Path(mmwsss.__file__).parent
BASE = {
    'compat',
    'registry',
    'functional',
    'structures',
    'terminal',
    'errors',
    'shipped',
    '',
}  # '': `import mmwsss` alone
ALL = BASE | {
    'annotations',
    'datasets',
    'engine',
    'evaluation',
    'model_converters',
    'models',
    'own_images',
    'pipeline',
    'seeds',
    'toy_scenes',
    'visualization',
}
# Sub-package -> what else of mmwsss it may import.
ALLOWED = {
    '': set(),
    'compat': {''},
    'shipped': {''},
    'terminal': set(),
    'errors': {'', 'terminal', 'compat'},
    'launch': {'', 'errors', 'terminal'},
    'functional': set(),
    'structures': {'functional'},
    'registry': {'', 'compat'},
    'seeds': BASE,
    'annotations': BASE | {'seeds'},
    'evaluation': BASE | {'seeds'},
    'datasets': BASE | {'seeds'},
    'models': BASE | {'seeds'},
    'toy_scenes': BASE | {'datasets', 'seeds'},
    'engine': BASE | {'models'},
    'visualization': BASE | {'seeds'},
    'pipeline': ALL - {'model_converters', 'own_images', 'pipeline'},
    'own_images': ALL - {'model_converters', 'own_images'},
    'model_converters': BASE | {'models', 'pipeline'},
    'apis': ALL,
    'reproduction': ALL,
    'commands': ALL | {'apis', 'launch', 'reproduction'},
    '__main__': {'commands'},
}


def imported_modules(path, root=ROOT):
    """Absolute names of all modules that a file imports, wherever in the file."""
    package = ['mmwsss', *path.relative_to(root).parent.parts]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = '.'.join([*base, *([node.module] if node.module else [])])
            # `from package import name` may name a module
            names |= {module} | {f'{module}.{alias.name}' for alias in node.names}
    return names


def part_of(module):
    """``mmwsss.seeds.files`` -> ``seeds``; a name of mmwsss itself -> ``''``."""
    name = [*module.split('.'), ''][1]
    return name if (ROOT / name).is_dir() or (ROOT / f'{name}.py').is_file() else ''


def part_of_file(path):
    first = path.relative_to(ROOT).parts[0]
    return '' if first == '__init__.py' else first.removesuffix('.py')


def edges():
    """(importing part, imported part, file, module) between different parts of the package."""
    for path in sorted(ROOT.rglob('*.py')):
        own = part_of_file(path)
        for module in sorted(imported_modules(path)):
            if module.split('.')[0] == 'mmwsss' and part_of(module) != own:
                if module == 'mmwsss' and any(
                    other.startswith('mmwsss.') for other in imported_modules(path)
                ):
                    continue  # `from mmwsss import registry` is an edge to the registry
                yield own, part_of(module), path.relative_to(ROOT), module


def test_there_is_no_back_edge():
    bad = [
        f'{file}: {module}'
        for own, other, file, module in edges()
        if other not in ALLOWED.get(own, set())
    ]
    assert not bad, f'imports against the direction: {bad}'


def test_every_part_has_a_place_in_the_order():
    parts = {part_of_file(path) for path in ROOT.rglob('*.py')}
    assert parts <= ALLOWED.keys(), f'give these a place in ALLOWED: {parts - ALLOWED.keys()}'


def test_the_order_has_no_cycle():
    placed, waiting = set(), dict(ALLOWED)
    while waiting:
        ready = {name for name, needs in waiting.items() if needs - {name} <= placed}
        assert ready, f'a cycle among {sorted(waiting)}'
        placed |= ready
        waiting = {name: needs for name, needs in waiting.items() if name not in ready}


@pytest.mark.parametrize('path', sorted((ROOT / 'functional').glob('*.py')), ids=lambda p: p.stem)
def test_the_equations_import_torch_alone(path):
    roots = {module.split('.')[0] for module in imported_modules(path)}
    foreign = {name for name in roots if name not in sys.stdlib_module_names}
    assert foreign <= {'torch', 'mmwsss'}


def test_hosts_do_not_import_plug_ins_and_plug_ins_name_no_host():
    for folder, forbidden in (('cam_heads', 'prototypes'), ('prototypes', 'cam_heads')):
        for path in (ROOT / 'models' / folder).glob('*.py'):
            for module in imported_modules(path):
                assert not module.startswith(f'mmwsss.models.{forbidden}'), path


def test_the_reader_sees_every_form_of_import(tmp_path):
    folder = tmp_path / 'models' / 'heads'
    folder.mkdir(parents=True)
    file = folder / 'a.py'
    file.write_text(
        'import mmwsss.seeds.files as f\n'
        'from mmwsss import registry\n'
        'from mmwsss.engine import hooks\n'
        'from . import b\n'
        'from ..losses import mean\n'
        'from ...apis.train import main\n'
        'def late():\n    import mmwsss.pipeline\n'
    )
    assert {
        'mmwsss.seeds.files',
        'mmwsss.registry',
        'mmwsss.engine.hooks',
        'mmwsss.models.heads.b',
        'mmwsss.models.losses.mean',
        'mmwsss.apis.train.main',
        'mmwsss.pipeline',
    } <= imported_modules(file, tmp_path)


def test_importing_the_package_alone_does_nothing():
    code = (
        'import sys, mmwsss\n'
        'heavy = {"torch", "mmengine", "mmcv", "mmseg", "numpy"} & set(sys.modules)\n'
        'sys.exit(", ".join(heavy) or 0)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# parts that a user, or a process that was started anew, may import first
FIRST = ('apis', 'datasets', 'models', 'own_images', 'toy_scenes')


@pytest.mark.parametrize('part', FIRST)
def test_a_part_that_needs_the_cures_imports_them_first(part):
    """Else mmseg cannot be imported: `No module named 'mmcv._ext'`."""
    body = ast.parse((ROOT / part / '__init__.py').read_text(encoding='utf-8')).body
    first = next(node for node in body if isinstance(node, ast.Import | ast.ImportFrom))
    assert ast.unparse(first) == 'import mmwsss.registry'
