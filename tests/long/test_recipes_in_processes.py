"""The whole way of one config of every recipe, in two processes (gloo), at toy size."""

import json

import pytest
from doc_tree import Tree
from toy_data import TRAIN

RECIPES = ('irn/irn_voc', 'amn/amn_voc', 'clip_es/clip_es_voc', 'cpf_cte/cpf_cte_voc')


@pytest.mark.parametrize('config', RECIPES)
def test_a_recipe_goes_its_whole_way_in_two_processes(config, tmp_path):
    tree = Tree(tmp_path, data=('voc',))
    tree.shell(f'python tools/run_pipeline.py configs/{config}.py --gpus 2')
    run = tmp_path / 'work_dirs' / config.split('/')[1]
    assert len(list((run / 'seeds/seeds').glob('*.npz'))) == TRAIN
    figures = json.loads((run / 'test/done.json').read_text())['figures']
    assert 0 <= figures['mIoU'] <= 100
