"""Numbers of classes come from the data set, in every head of every network."""

from pathlib import Path

import pytest
from mmengine.config import Config
from torch import nn

from mmwsss.pipeline.class_counts import (
    check_tested_classes,
    dataset_classes,
    forget_class_counts,
    settle_class_counts,
)
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import open_workspace
from mmwsss.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
OWN = """
_base_ = [{base!r}]
mine = dict(_delete_=True, type='BaseSegDataset', data_root='mine',
            metainfo=dict(classes=('background', 'cat', 'dog', 'cow')))
labelled = dict(dataset=mine, label_file='labels.csv')
train_dataloader = dict(dataset=labelled)
seed_dataloader = dict(dataset=labelled)
test_dataloader = dict(dataset=labelled)
judged_on = tested_on = None
"""
# what a recipe's own numbers need, where it looks at ground truth
NUMBERS = {
    'cpal/irn_cpal_voc_mini': {'stages.crf_masks': None, 'stages.pseudo_masks.scores': None},
    'amn/amn_voc': {},
    'quickstart/mctformer_cpal_toy': {
        'stages.crf_masks': None,
        'stages.pseudo_masks.scores': None,
    },
    'cpf_cte/cpf_cte_voc_mini': {},
    'vpl/clip_es_vpl_voc': {'model.cam_head.text.names': ['cat', 'dog', 'cow']},
}
for options in NUMBERS.values():
    if 'stages.pseudo_masks.scores' in options:
        options['stages.pseudo_masks.bg_threshold'] = 0.3


def counts(node, where=''):
    """Yield every num_classes of a tree with its place."""
    if isinstance(node, dict):
        if 'num_classes' in node:
            yield where, node['num_classes']
        for key, value in node.items():
            yield from counts(value, f'{where}.{key}')


@pytest.mark.parametrize('base', NUMBERS)
def test_a_new_data_set_says_its_classes_once(tmp_path, base):
    path = tmp_path / 'mine.py'
    path.write_text(OWN.format(base=str(ROOT / f'configs/{base}.py')))
    config = load_config(path, NUMBERS[base])
    workspace = open_workspace(config, tmp_path / 'run')
    networks = [config]
    for stage in workspace.stages.values():
        trained = stage.network_config(workspace)
        if trained is not None:
            networks.append(trained)
            images = trained.train_dataloader.dataset
            assert images.dataset.data_root == 'mine', stage.name
            assert images.get('label_file', 'labels.csv') == 'labels.csv', stage.name
    found = [pair for network in networks for pair in counts(network.model.to_dict())]
    assert found
    for place, number in found:
        assert number == (4 if 'decode_head' in place else 3), place


@pytest.mark.parametrize(
    ('part', 'message'),
    [
        ({'cam_head.num_classes': 20}, r'model\.cam_head\.num_classes is 20, .* 10 classes: leave'),
        ({'prototype_head.num_classes': 9}, r'model\.prototype_head\.num_classes is 9'),
    ],
)
def test_a_number_that_does_not_fit_is_refused(part, message):
    options = {f'model.{key}': value for key, value in part.items()}
    with pytest.raises(ValueError, match=message):
        load_config(ROOT / 'configs/quickstart/irn_cpal_toy.py', options)


def test_a_number_of_another_stage_that_does_not_fit_is_refused_before_the_first(tmp_path):
    options = {'stages.segmentor.options.model.decode_head.num_classes': 10}
    config = load_config(ROOT / 'configs/quickstart/irn_toy.py', options)
    workspace = open_workspace(config, tmp_path)
    message = r'stages\.segmentor\.options\.model\.decode_head\.num_classes is 10, .*set it to 11'
    with pytest.raises(ValueError, match=message):
        workspace.stages['segmentor'].check(workspace)


def test_heads_from_elsewhere_count_too():
    @MODELS.register_module(name='CountingHead', force=True)
    class CountingHead(nn.Module):
        def __init__(self, num_classes, **options):
            super().__init__()

    @MODELS.register_module(name='CountingChild', force=True)
    class CountingChild(CountingHead):
        def __init__(self, colour, **options):
            super().__init__(**options)

    dataset = {'type': 'BaseSegDataset', 'metainfo': {'classes': ('background', 'a', 'b')}}
    model = {'part': {'type': 'mmwsss.CountingChild', 'colour': 1}, 'other': {'type': 'ReLU'}}
    config = Config({'model': model, 'train_dataloader': {'dataset': {'dataset': dataset}}})
    settle_class_counts(config)
    assert config.model.part.num_classes == 2
    assert 'num_classes' not in config.model.other
    forget_class_counts(config)
    assert config.model.part.num_classes is None


def test_classes_of_a_data_set():
    assert dataset_classes({'type': 'PascalVOCDataset'})[:2] == ('background', 'aeroplane')
    assert dataset_classes({'dataset': {'metainfo': {'classes': ['a']}}}) == ('a',)
    assert dataset_classes({'type': 'BaseSegDataset'}) is None


def test_a_test_set_has_the_classes_in_the_same_order():
    def config_of(*names):
        loaders = zip(('train', 'test'), (('background', 'cat', 'dog'), names), strict=True)
        return Config(
            {
                f'{name}_dataloader': {'dataset': {'metainfo': {'classes': classes}}}
                for name, classes in loaders
            }
        )

    check_tested_classes(config_of('background', 'cat', 'dog'))
    check_tested_classes(config_of('cat', 'dog'))
    with pytest.raises(ValueError, match=r'has the classes 2 \(dog, cat, .* the training has 2'):
        check_tested_classes(config_of('background', 'dog', 'cat'))
