"""Configs made small: what must shrink does, what a document relies on stays."""

import copy

import pytest
import toy_size
from doc_blocks import ROOT
from mmengine.config import Config

from mmwsss.pipeline.config import check_options, load_config

CONFIGS = (
    'cpal/irn_cpal_voc',
    'cpf_cte/cpf_cte_voc',
    'deeplabv2/deeplabv2_resnet38_voc',
    'irn/irnet_coco',
    'mctformer/mctformer_voc',
    'one_stage/one_stage_voc',
    'quickstart/toy_clip',
    'vpl/clip_es_vpl_voc',
    'vpl/vpl_decoder_voc',
)


@pytest.fixture(params=CONFIGS)
def trees(request, monkeypatch):
    """A config as it is and as it is run."""
    monkeypatch.setenv('MMWSSS_TOY_EPOCHS', '5 28')
    tree = load_config(ROOT / 'configs' / f'{request.param}.py').to_dict()
    small = copy.deepcopy(tree)
    toy_size.shrink(small)
    return tree, small


def test_a_small_config_stays_as_it_is(trees):
    again = copy.deepcopy(trees[1])
    check_options(Config(again))
    toy_size.shrink(again)
    assert again == trees[1]


def test_nothing_is_fetched_and_batches_are_small(trees):
    assert "'checkpoint': 'http" not in repr(trees[1]['model'])
    assert 'torchvision://' not in repr(trees[1]) and "'openai'" not in repr(trees[1])
    loader = trees[1]['train_dataloader']
    batch = loader.get('batch_size') or trees[1]['total_batch_size']
    assert batch <= toy_size.BATCH_SIZE and loader['num_workers'] == 0


def test_epochs_that_a_document_names_are_kept(trees):
    before, after = (tree['train_cfg'].get('max_epochs') for tree in trees)
    assert after in {before, toy_size.EPOCHS}
    assert after == before or before not in (5, 28)


def test_stages_and_widths_are_those_of_the_config(trees):
    before, after = trees
    for name in ('stages', 'test_evaluator', 'tta_model'):
        assert after.get(name) == before.get(name)
    for part in ('cam_head', 'prototype_head'):
        for key in ('in_channels', 'projection', 'num_classes'):
            assert after['model'].get(part, {}).get(key) == before['model'].get(part, {}).get(key)
