"""The wheel: what it holds, what it asks for, and that it works outside the checkout."""

import ast
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mmwsss
from mmwsss.shipped import shipped_configs

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']
NEEDED = [Requirement(line) for line in PROJECT['dependencies']]
EXTRAS = {
    name: [Requirement(line) for line in lines]
    for name, lines in PROJECT['optional-dependencies'].items()
}
BUILT_FROM = (
    *('LICENSE', 'MANIFEST.in', 'README.md', 'configs', 'mmwsss', 'model-index.yml'),
    *('pyproject.toml', 'setup.py', 'tools'),
)


def names(requirements):
    return {canonicalize_name(requirement.name) for requirement in requirements}


def tried(path):
    """The pins of a file of requirements."""
    lines = (line.split('#')[0].strip() for line in path.read_text(encoding='utf-8').splitlines())
    return [Requirement(line) for line in lines if line]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """A wheel, built offline from a copy: a build leaves files beside setup.py."""
    source, target = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('wheel')
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns('__pycache__')
            shutil.copytree(ROOT / name, source / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation']
    subprocess.run([*pip, '--no-index', '--wheel-dir', target, source], check=True)
    assert not (source / 'mmwsss/.mim').exists()
    (built,) = target.glob('*.whl')
    return built


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    """A folder with the installed wheel alone."""
    folder = tmp_path_factory.mktemp('site')
    pip = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index']
    subprocess.run([*pip, '--target', folder, wheel], check=True)
    return folder


def run_installed(installed, cwd, *words):
    env = os.environ | {'PYTHONPATH': str(installed)}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_code_texts_configs_and_tools_once(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = archive.namelist()
    configs = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*.*')}
    configs = {name for name in configs if '__pycache__' not in name}
    mim = {name.removeprefix('mmwsss/.mim/') for name in found if name.startswith('mmwsss/.mim/')}
    tools = {name for name in mim if name.startswith('tools/')}
    assert mim - tools == configs | {'model-index.yml'}
    assert {f'tools/{name}' for name in ('train.py', 'dist_train.sh', 'slurm_test.sh')} <= tools
    assert not {f'tools/{name}.sh' for name in ('environment', 'quickstart', 'run_tests')} & tools
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'mmwsss').rglob('*.py')}
    assert code | {'mmwsss/py.typed', 'mmwsss/models/prompts/voc.txt'} <= set(found)
    assert {name.split('/')[0] for name in found} == {
        'mmwsss',
        f'mmwsss-{mmwsss.__version__}.dist-info',
    }
    assert not (ROOT / 'mmwsss/.mim').exists()


def test_an_installed_package_finds_its_own_configs_from_an_empty_folder(installed, tmp_path):
    lines = run_installed(installed, tmp_path, '-m', 'mmwsss', 'configs').splitlines()
    assert len(lines) == len(shipped_configs())
    assert any(line.split()[0] == 'cpal/irn_cpal_voc.py' for line in lines)
    code = 'from mmwsss.shipped import find_config; print(find_config("irn_cpal_voc"))'
    wanted = installed / 'mmwsss/.mim/configs/cpal/irn_cpal_voc.py'
    assert run_installed(installed, tmp_path, '-c', code).strip() == str(wanted)
    tool = installed / 'mmwsss/.mim/tools/train.py'
    assert 'usage: mmwsss train' in run_installed(installed, tmp_path, str(tool), '--help')
    assert not list(tmp_path.iterdir())


def test_a_config_of_another_network_is_found_there_too(installed, tmp_path):
    code = (
        'from mmwsss.pipeline.config import load_config\n'
        'from mmwsss.pipeline.run import open_workspace\n'
        'workspace = open_workspace(load_config("irn_cpal_voc"))\n'
        'stages = [s for s in workspace.stages.values() if getattr(s, "config", None)]\n'
        'print([s.network_config(workspace).filename for s in stages])\n'
    )
    found = ast.literal_eval(run_installed(installed, tmp_path, '-c', code).splitlines()[-1])
    assert found
    assert all(str(installed / 'mmwsss/.mim/configs/') in path for path in found)


def test_the_command_is_declared(installed):
    (entry,) = [
        entry
        for distribution in importlib.metadata.distributions(path=[str(installed)])
        for entry in distribution.entry_points
    ]
    assert (entry.name, entry.group) == ('mmwsss', 'console_scripts')
    assert entry.load().__name__ == 'main'


def test_what_is_imported_is_declared():
    providers = importlib.metadata.packages_distributions()
    providers.pop('mmwsss', None)
    declared = names(NEEDED).union(*map(names, EXTRAS.values()))
    for path in sorted((ROOT / 'mmwsss').rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]
            for root in {module.split('.')[0] for module in modules} & providers.keys():
                # what is not installed here is an extra, and declared: see the next test
                found = {canonicalize_name(name) for name in providers[root]}
                assert found & declared, f'{path} imports {root}: declare it in pyproject.toml'


def test_what_was_tried_lies_in_the_ranges():
    files = {'': ROOT / 'requirements.txt'} | {
        path.stem: path for path in (ROOT / 'requirements').glob('*.txt')
    }
    declared = {'': NEEDED + EXTRAS['openmmlab']} | {
        name: extra for name, extra in EXTRAS.items() if name != 'openmmlab'
    }
    assert files.keys() == declared.keys()
    for key, path in files.items():
        ranges = {canonicalize_name(range_.name): range_.specifier for range_ in declared[key]}
        assert names(tried(path)) == ranges.keys(), path
        for requirement in tried(path):
            pins = [pin.version for pin in requirement.specifier if pin.operator == '==']
            for pin in pins:
                assert ranges[canonicalize_name(requirement.name)].contains(pin), requirement


def test_the_version_stands_in_one_place(wheel):
    assert 'version' in PROJECT['dynamic']
    assert wheel.name.split('-')[1] == mmwsss.__version__
    citation = (ROOT / 'CITATION.cff').read_text(encoding='utf-8')
    assert '\nversion:' not in citation
