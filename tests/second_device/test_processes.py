"""Processes that share a GPU."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmwsss.seeds.crf import IRN_CRF
from mmwsss.seeds.files import Seed, save_seed
from mmwsss.seeds.ir_label import IRLabelSettings, make_ir_labels
from mmwsss.seeds.masks import load_mask, save_grey
from mmwsss.seeds.refine import RefineItem, RefineSettings, refine_seeds_with_crf

WORK = {
    'crf': (refine_seeds_with_crf, RefineSettings(bg_threshold=0.5)),
    'par': (refine_seeds_with_crf, RefineSettings(bg_threshold=0.5, crf=None, refiner='par')),
    'ir_labels': (make_ir_labels, IRLabelSettings(crf=replace(IRN_CRF, backend='torch'))),
}


@pytest.fixture
def items(tmp_path):
    rng = np.random.default_rng(0)
    made = []
    for name in ('a', 'b', 'c'):
        save_grey(tmp_path / f'{name}.png', rng.integers(0, 256, (40, 60), dtype=np.uint8))
        cam = rng.random((2, 10, 15), dtype=np.float32)
        save_seed(tmp_path / f'{name}.npz', Seed(np.array([1, 4]), cam, (40, 60)))
        made.append(RefineItem(name, tmp_path / f'{name}.png', tmp_path / f'{name}.npz'))
    return made


@pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no CUDA device')
@pytest.mark.parametrize('name', WORK)
def test_two_processes_on_a_gpu_make_the_masks_of_one(items, tmp_path, name):
    function, settings = WORK[name]
    masks = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        assert function(items, folder, settings, processes) == 3
        masks.append([load_mask(folder / f'{item.id}.png') for item in items])
    np.testing.assert_array_equal(*masks)
    assert len(np.unique(masks)) > 1
