import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from mmengine.config import Config

from mmwsss.pipeline import config as config_module
from mmwsss.pipeline.config import (
    accepted_options,
    check_options,
    current_value,
    load_config,
    merge_options,
)
from mmwsss.pipeline.stages import Train
from mmwsss.pipeline.workspace import Workspace
from mmwsss.registry import MODELS, STAGES
from mmwsss.structures import NestedOptions, Range, Settings

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
model = dict(
    type='mmwsss.CAMSegmentor',
    backbone=dict(type='ResNet', depth=18),
    cam_head=dict(type='mmwsss.LinearCAMHead', in_channels=8, num_classes=2),
)
custom_hooks = [dict(type='mmwsss.EpochSeedHook', seed=0)]
"""


def write(tmp_path, text):
    path = tmp_path / 'config.py'
    path.write_text(text)
    return path


def test_a_sound_config_is_loaded_with_its_options(tmp_path):
    config = load_config(write(tmp_path, CONFIG), {'model.cam_head.num_classes': 3})
    assert config.model.cam_head.num_classes == 3


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('num_classes=2', 'num_clases=2', r"model\.cam_head .*did you mean 'num_classes'"),
        ('LinearCAMHead', 'LinearCamHead', r"model\.cam_head\.type .*did you mean 'LinearCAMHead'"),
        ('seed=0', 'sede=0', r"custom_hooks\[0\] .*did you mean 'seed'"),
    ],
)
def test_an_unknown_option_is_named_with_its_place_and_its_like(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message):
        load_config(write(tmp_path, CONFIG.replace(old, new)))


def test_a_config_elsewhere_names_a_shipped_one_as_its_base(tmp_path):
    (tmp_path / 'mine.py').write_text(
        "_base_ = ['{{$MMWSSS_CONFIGS:}}/irn/irn_voc.py']\nmodel = dict(cam_head=dict(x=1))\n"
    )
    with pytest.raises(ValueError, match=r"'x' of model\.cam_head \(LinearCAMHead\)"):
        load_config(tmp_path / 'mine.py')


def test_an_absent_config_says_where_configs_are(tmp_path):
    with pytest.raises(FileNotFoundError, match='`mmwsss configs`'):
        load_config(tmp_path / 'absent.py')


@pytest.mark.parametrize(
    ('part', 'message'),
    [
        ({'type': 'DeepLabV2Head', 'loss_decoed': {}}, r"\(DeepLabV2Head\) .*mean 'loss_decode'"),
        ({'type': 'ResNetCeilPool', 'frozen_stage': 1}, "did you mean 'frozen_stages'"),
        ({'type': 'COCOObjectDataset', 'data_rot': ''}, "did you mean 'data_root'"),
        ({'type': 'ToySceneDataset', 'an_file': ''}, "did you mean 'ann_file'"),
        ({'type': 'SeedMetric', 'colect_device': ''}, "did you mean 'collect_device'"),
        ({'type': 'CLIPESBackbone', 'pretraned': ''}, "did you mean 'pretrained'"),
        ({'type': 'WalkWriter', 'radios': 5}, "did you mean 'radius'"),
        ({'type': 'VisionPrototypes', 'solvr': ''}, r"\(VisionPrototypes\) .*mean 'solver'"),
        ({'type': 'PrototypeAwareCAMHead', 'tua': 0.1}, "did you mean 'tau'"),
        ({'type': 'ClassTokenHead', 'attachmend': ''}, "did you mean 'attachment'"),
        ({'type': 'WalkWriter', 'collect_device': 'cpu'}, "option 'collect_device' .* unknown"),
    ],
)
def test_what_a_class_hands_on_is_checked_where_it_arrives(part, message):
    with pytest.raises(ValueError, match=message):
        check_options(Config({'part': {**part, 'type': f'mmwsss.{part["type"]}'}}))


def test_what_a_class_hands_on_may_be_given():
    metric = {'type': 'mmwsss.SeedMetric', 'collect_device': 'gpu'}
    walk = {'type': 'mmwsss.WalkWriter', 'seed_dir': 'a', 'out_dir': 'b', 'radius': 3}
    dataset = {'type': 'mmwsss.ToySceneDataset', 'data_root': 'a', '_delete_': True}
    check_options(Config({'parts': [metric, walk, dataset]}))


@pytest.mark.parametrize('registry', [*config_module._REGISTRIES, STAGES], ids=lambda r: r.name)
def test_no_class_of_ours_takes_any_keyword(registry):
    registry.import_from_location()
    assert registry.module_dict
    for name, target in registry.module_dict.items():
        if not target.__module__.startswith('mmwsss.'):
            continue  # of another test
        assert accepted_options(target) is not None, f'{name}: say `extra_keywords`'


def test_a_class_that_takes_any_keyword_is_let_alone():
    class Swallows:
        def __init__(self, size: int, **anything: int) -> None: ...

    class Plain: ...

    assert accepted_options(Swallows) is None
    assert accepted_options(Plain) == set()


@pytest.mark.parametrize(
    ('kind', 'key', 'wrong', 'near', 'value'),
    [
        ('PrototypeAwareCAMHead', 'bank', 'num_prototype', 'num_prototypes', 2),
        ('CLIPESHead', 'text', 'template', 'templates', 'a'),
        ('CLIPESAdapterHead', 'text', 'template', 'templates', 'a'),
        ('FrozenCLIPDecoder', 'prototypes', 'chekpoint', 'checkpoint', 'a'),
    ],
)
def test_a_dict_without_a_type_is_checked_as_well(kind, key, wrong, near, value):
    config = Config({'model': {'type': f'mmwsss.{kind}', key: {near: value}}})
    check_options(config)
    with pytest.raises(ValueError, match=rf'{wrong!r} of model\.{key} .*did you mean {near!r}'):
        merge_options(config, {f'model.{key}.{wrong}': 1})
    merge_options(config, {f'model.{key}': None})


def test_what_the_class_itself_gives_is_no_option_of_its_dict():
    head = {'type': 'mmwsss.PrototypeAwareCAMHead', 'bank': {'num_classes': 3}}
    with pytest.raises(ValueError, match=r"option 'num_classes' of head\.bank \(SupportBank\)"):
        check_options(Config({'head': head}))


def test_the_nested_options_of_every_class_are_options_that_there_are():
    MODELS.import_from_location()
    declared = {
        owner: owner.nested_options
        for owner in MODELS.module_dict.values()
        if 'nested_options' in vars(owner)
    }
    assert len(declared) >= 3
    for owner, options in declared.items():
        for key, nested in options.items():
            assert key in inspect.signature(owner).parameters
            assert set(nested.given) < set(inspect.signature(nested.taker).parameters)


@dataclass(frozen=True)
class WaveSettings(Settings):
    height: Annotated[float, Range(0, 9)] = 1.0
    length: float = 2.0


class Shore:
    def __init__(self, sand: Literal['fine', 'coarse'] = 'fine', width: int = 3) -> None: ...


@MODELS.register_module(force=True)
class Waves:
    """A class of another package, which takes its options in both of the ways."""

    nested_options = {'shore': NestedOptions(Shore, given=('width',))}
    extra_keywords = WaveSettings

    def __init__(self, number: int, shore: dict | None = None, **settings: float) -> None: ...


@MODELS.register_module(force=True)
class LoudWaves(Waves):
    def __init__(self, noise: float, **kwargs: object) -> None: ...


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ({'heigth': 2.0}, r"'heigth' of part \((Loud)?Waves\) is unknown: did you mean 'height'"),
        ({'shore': {'snad': 'x'}}, r"'snad' of part\.shore \(Shore\) .*did you mean 'sand'"),
        ({'shore': {'width': 1}}, r"'width' of part\.shore \(Shore\)"),
        ({'shore': {'sand': 'red'}}, r"part\.shore\.sand is 'red'; choose one of fine, coarse"),
        ({'height': 10}, r'part\.height is 10; it must lie in \[0, 9\]'),
        ({'number': 'two'}, r"part\.number is 'two'; it must be a whole number"),
    ],
)
@pytest.mark.parametrize(('kind', 'own'), [('Waves', {}), ('LoudWaves', {'noise': 1.0})])
def test_a_class_of_another_package_gets_the_same_checks(kind, own, option, message):
    part = {'type': f'mmwsss.{kind}', 'number': 2, 'length': 1.0, 'shore': {'sand': 'coarse'}}
    check_options(Config({'part': part | own}))
    with pytest.raises(ValueError, match=message):
        check_options(Config({'part': part | own | option}))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'modle.cam_head.num_classes': 3}, "option 'modle' of the config .*did you mean 'model'"),
        ({'seed_dataloder.batch_size': 2}, "did you mean 'seed_dataloader'"),
        ({'cfg': 1}, "option 'cfg' of the config is unknown"),
        ({'seed_dataloader.bach_size': 2}, r"seed_dataloader \(DataLoader\) .*mean 'batch_size'"),
        ({'custom_hooks.7.seed': 1}, r'--cfg-options cannot be merged, as one of custom_hooks\.7'),
        ({'custom_hooks.x.seed': 1}, 'cannot be merged'),
        ({'model.cam_head.num_classes.x': 1}, 'names an option of what is no dict'),
    ],
)
def test_an_option_without_a_place_is_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        load_config(write(tmp_path, CONFIG), options)


@pytest.mark.parametrize(
    ('option', 'near'),
    [
        ('train_cfg.max_epoch', 'max_epochs'),
        ('optim_wrapper.optimizer.momentun', 'momentum'),
        ('param_scheduler.0.ends', 'end'),
    ],
)
def test_misspelt_options_of_the_schedule_are_named(option, near):
    """Those of a later stage would stop the run after hours."""
    config = load_config('irn_voc')
    with pytest.raises(ValueError, match=rf'{option.split(".")[-1]!r} .*did you mean {near!r}'):
        merge_options(config, {option: 3})


@pytest.mark.parametrize('name', ['judged_on', 'tested_on'])
def test_what_judges_is_a_dict_or_none(name):
    with pytest.raises(ValueError, match=f'{name} is 7; it must be a dict, or be None'):
        load_config('irn_toy', {name: 7})


@pytest.mark.parametrize(('name', 'value'), [('model', 3), ('train_dataloader', None)])
def test_parts_of_a_config_are_dicts(name, value):
    with pytest.raises(ValueError, match=f'{name} is {value}; it must be a dict'):
        load_config('irn_toy', {name: value})


def test_the_home_folder_may_be_short(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    options = {'load_from': '~/a.pth', 'train_dataloader.dataset.label_file': '~/b.csv'}
    config = load_config('irn_toy', options)
    assert config.load_from == str(tmp_path / 'a.pth')
    assert config.train_dataloader.dataset.label_file == str(tmp_path / 'b.csv')


VARIABLES = """
label_file = 'data/labels.csv'
images = dict(data_root='data', img_suffix='.jpg')
max_epochs = 3
lonely = 'read by nobody'
seed_dataloader = dict(dataset=dict(dataset=dict(images, lazy_init=False), label_file=label_file))
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [dict(type='PolyLR', end=max_epochs)]
"""


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('label_file', r'change seed_dataloader\.dataset\.label_file, which have its value'),
        ('max_epochs', r'change train_cfg\.max_epochs, param_scheduler\.0\.end, which have'),
        ('images.data_root', r'change seed_dataloader\.dataset\.dataset\.data_root, which'),
        ('lonely', r'change what is made of it, or the line of the file$'),
    ],
)
def test_a_variable_of_the_file_is_refused_and_its_places_are_named(tmp_path, option, message):
    """It would be taken, and the run would be as it was."""
    first = option.split('.')[0]
    with pytest.raises(ValueError, match=rf"option '{first}' of the config is a var.*: {message}"):
        load_config(write(tmp_path, CONFIG + VARIABLES), {option: 'other'})


def test_what_is_read_of_a_config_may_be_given_where_it_has_none(tmp_path):
    options = {
        'load_from': 'a.pth',
        'randomness.seed': 1,
        'auto_scale_lr.enable': True,
        'find_unused_parameters': True,
        'seed_writer.type': 'mmwsss.SeedWriter',
        'val_dataloader.num_batch_per_epoch': 2,
    }
    config = load_config(write(tmp_path, CONFIG), options)
    assert (config.load_from, config.randomness.seed) == ('a.pth', 1)


def test_merging_leaves_the_options_as_they_are():
    options = {'model': {'_delete_': True, 'b': 2}}
    for _ in range(2):  # mmengine takes `_delete_` away, and a second merge would keep `a`
        config = Config({'model': {'a': 1}})
        merge_options(config, options)
        assert config.model == {'b': 2}


@pytest.mark.parametrize('other', [False, True])
@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'model': {'prototype_head': {'tua': 1}}}, r"model\.prototype_head .*did you mean 'tau'"),
        ({'model.prototype_head.bank.lenght': 1}, r"head\.bank \(SupportBank\) .*mean 'length'"),
        ({'model.prototype_head.bank.length': 0}, r'bank\.length is 0; it must be at least 1'),
        ({'modle.x': 1}, " is unknown: did you mean 'model'"),
        ({'custom_hooks.99.seed': 1}, ' cannot be merged'),
    ],
)
def test_the_options_of_a_stage_are_checked_before_it_runs(tmp_path, options, message, other):
    path = ROOT / 'configs/quickstart/irn_cpal_toy.py'
    stage = Train('cam', config=str(path) if other else None, options=options)
    with pytest.raises(ValueError, match=r'stages\.cam\.options.*' + message):
        stage.check(Workspace(load_config(path), tmp_path))


def test_the_value_of_an_option_is_that_of_the_config_or_of_its_class():
    config = load_config(ROOT / 'configs/cpal/irn_cpal_voc.py')
    assert current_value(config, 'model.prototype_head.bank.length') == 1000
    assert current_value(config, 'model.prototype_head.tau') == 0.1  # of the settings
    assert current_value(config, 'model.prototype_head.projection.grid_stage') == 2
    assert current_value(config, 'custom_hooks.2.prefill') is False
    for key in ('model.prototype_head.tua', 'stages.extra', 'model.backbone.no_such'):
        with pytest.raises(KeyError):
            current_value(config, key)
