"""What a stranger expects: one version, the same tools everywhere, forms that open."""

import re
from pathlib import Path

import pytest
import yaml

import mmwsss

ROOT = Path(__file__).parents[2]
FORMS = sorted(
    path
    for path in (ROOT / '.github' / 'ISSUE_TEMPLATE').glob('*.yml')
    if path.name != 'config.yml'
)


def read(path):
    return (ROOT / path).read_text(encoding='utf-8')


def pinned(package):
    return re.search(rf'^{package}==(\S+)', read('requirements/dev.txt'), re.MULTILINE)[1]


def hooks():
    config = yaml.safe_load(read('.pre-commit-config.yaml'))
    return {hook['id']: (repo, hook) for repo in config['repos'] for hook in repo['hooks']}


def test_pre_commit_has_the_ruff_of_the_requirements():
    for name in ('ruff-check', 'ruff-format'):
        repository, _ = hooks()[name]
        assert repository['rev'] == f'v{pinned("ruff")}'


def test_pre_commit_takes_the_mypy_of_the_environment():
    repository, hook = hooks()['mypy']
    assert repository['repo'] == 'local' and hook['language'] == 'system'
    assert 'additional_dependencies' not in hook  # they would be a second version


def test_pre_commit_formats_what_the_tests_format():
    _, hook = hooks()['ruff-format']
    formatted = re.search(r'^ruff format --check (.+)$', read('tools/run_tests.sh'), re.MULTILINE)
    folders = {place.split('/')[0] for place in formatted[1].split()}
    assert set(re.fullmatch(r'\^\((.*)\)/', hook['files'])[1].split('|')) == folders


def test_the_workflow_does_what_the_local_check_does():
    workflow = yaml.safe_load(read('.github/workflows/ci.yml'))
    steps = workflow['jobs']['tests']['steps']
    commands = [step['run'] for step in steps if 'run' in step]
    assert commands == ['bash .ci/run', 'bash tools/build_docs.sh']
    python = next(step['with']['python-version'] for step in steps if 'python' in str(step))
    assert f'requires-python = ">={python}"' in read('pyproject.toml')


def test_the_version_is_written_once():
    places = [
        path
        for path in (
            'mmwsss/__init__.py',
            'setup.py',
            'pyproject.toml',
            'CITATION.cff',
            'mkdocs.yml',
        )
        if re.search(rf'version[\W_]+{re.escape(mmwsss.__version__)}\b', read(path))
    ]
    assert places == ['mmwsss/__init__.py']


def test_the_changes_know_the_version():
    versions = re.findall(r'^## (\d+\.\d+\.\d+)', read('CHANGELOG.md'), re.MULTILINE)
    assert versions[0] == mmwsss.__version__
    numbers = [tuple(map(int, version.split('.'))) for version in versions]
    assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize('path', FORMS, ids=lambda path: path.stem)
def test_an_issue_form_opens(path):
    form = yaml.safe_load(path.read_text(encoding='utf-8'))
    assert form['name'] and form['description']
    fields = [field for field in form['body'] if field['type'] != 'markdown']
    assert any(field.get('validations', {}).get('required') for field in fields)
    assert len({field['id'] for field in fields}) == len(fields)
    for field in fields:
        assert field['type'] in {'input', 'textarea', 'checkboxes', 'dropdown'}
        assert field['attributes']['label']


def test_pictures_are_small():
    for path in (ROOT / 'docs' / 'pictures').iterdir():
        assert path.stat().st_size < 300_000, path
