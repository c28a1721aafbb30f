"""docs/recipes.md, row by row, against the built configs; and what every config must have."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.registry import HOOKS, MODELS, TRANSFORMS
from mmwsss.structures import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / 'docs/recipes.md').read_text(encoding='utf-8')
PROMPTS = ROOT / 'mmwsss/models/prompts'


def sections():
    """``(config, key, value)`` of every row, and ``(file, lines)`` of every list of names."""
    rows, lists, config = [], [], None
    for section in re.split(r'^## ', PAGE, flags=re.MULTILINE)[1:]:
        found = re.match(r'[^\n]*`(configs/[^`]+)`', section)
        config = found[1] if found else None
        for key, value in re.findall(r'^\| `([^`]+)` \| `([^`]+)` \|', section, re.MULTILINE):
            rows.append((config, key, value))
        for name, block in re.findall(
            r'^`(\w+\.txt)`[^\n]*\n\n```text\n(.*?)```', section, re.MULTILINE | re.DOTALL
        ):
            lists.append((name, block.splitlines()))
    return rows, lists


ROWS, LISTS = sections()


def evaluate(text):
    """A literal, or a quotient of two as in ``(0.5, 641 / 640)``."""
    try:
        return ast.literal_eval(text)
    except ValueError:
        assert re.fullmatch(r'[\d., /()]+', text), text
        return eval(text)


def class_of(name):
    """The class that a ``type`` of a config names."""
    found = [registry.get(name) for registry in (MODELS, TRANSFORMS, HOOKS)]
    (owner,) = [owner for owner in found if owner is not None]
    return owner


def default_of(owner, option):
    """The default of an option: of the class, of a parent, or of the settings it hands on."""
    for parent in inspect.getmro(owner):
        if '__init__' in vars(parent):
            parameters = inspect.signature(parent.__init__).parameters
            if option in parameters:
                assert parameters[option].default is not inspect.Parameter.empty, option
                return parameters[option].default
    for settings in vars(inspect.getmodule(owner)).values():
        if (
            inspect.isclass(settings)
            and issubclass(settings, Settings)
            and settings is not Settings
        ):
            return getattr(settings, option)
    raise AssertionError(f'{owner.__name__} has no option {option}')


def config_value(config, path):
    """What a key leads to, defaults of classes included."""
    node = config
    for part in path.split('.'):
        if isinstance(node, (list, tuple)):
            node = node[int(part)]
        elif part in node:
            node = node[part]
        else:
            node = default_of(class_of(node['type']), part)
    return node


def attribute(path):
    """A module's attribute, or the default of a class's option."""
    parts = path.split('.')
    for length in range(len(parts) - 1, 0, -1):
        try:
            node = importlib.import_module('.'.join(parts[:length]))
        except ModuleNotFoundError:
            continue
        *owners, last = parts[length:]
        for part in owners:
            node = getattr(node, part)
        return default_of(node, last) if inspect.isclass(node) else getattr(node, last)
    raise AssertionError(path)


def stage_value(config, path):
    name, *options = path.split('.')[1:]
    node = build_stages(config)[name]
    for option in options:
        node = getattr(node, option)
    return node


def plain(value):
    return tuple(map(plain, value)) if isinstance(value, (list, tuple)) else value


LOADED = {}


def load(path):
    if path not in LOADED:
        LOADED[path] = load_config(ROOT / path)
    return LOADED[path]


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv('MMWSSS_DATA', raising=False)


@pytest.mark.parametrize(('path', 'key', 'value'), ROWS, ids=lambda part: str(part)[-40:])
def test_a_row_is_what_the_config_does(path, key, value):
    if key.startswith('mmwsss.'):
        found = attribute(key)
    elif key.startswith('stages.'):
        found = stage_value(load(path), key)
    else:
        found = config_value(load(path), key)
    assert plain(found) == plain(evaluate(value))


def test_the_page_is_read_and_every_row_has_a_source():
    assert len(ROWS) > 200 and len(LISTS) == 7
    assert {path for path, *_ in ROWS} >= {
        f'configs/{name}_voc.py'
        for name in ('irn/irn', 'irn/irnet', 'amn/amn', 'mctformer/mctformer', 'clip_es/clip_es')
    }
    table = [line for line in PAGE.splitlines() if line.startswith('| `')]
    assert len(table) == len(ROWS)
    assert all(len(line.split('|')) == 5 for line in table)


@pytest.mark.parametrize(('name', 'lines'), LISTS, ids=lambda part: str(part)[:20])
def test_names_are_those_of_the_page(name, lines):
    written = (PROMPTS / name).read_text(encoding='utf-8').splitlines()
    assert [line for line in written if line and not line.startswith('#')] == lines


CONFIGS = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / 'configs').rglob('*.py')
    if not {'_base_', 'grids', 'toy_clip.py'} & set(path.parts)
)


@pytest.mark.parametrize('path', CONFIGS, ids=str)
def test_channels_are_in_the_order_of_the_mean(path):
    """Images are read as BGR; a mean of ImageNet or CLIP is largest in red, in every order."""
    settings = load_config(ROOT / path).model.data_preprocessor
    mean, caffe = list(settings.mean), 'caffe' in path.stem
    assert settings.bgr_to_rgb is not caffe
    assert mean == sorted(mean, reverse=not caffe)
    assert len(settings.std) == 3
