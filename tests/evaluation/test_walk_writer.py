import numpy as np
import pytest
import torch

from mmwsss.evaluation import WalkWriter
from mmwsss.seeds.files import Seed, load_seed, save_seed
from mmwsss.seeds.masks import load_mask
from mmwsss.seeds.walk import WalkSettings, walk_seed


@pytest.fixture
def writer(tmp_path):
    seed = Seed(np.array([2]), np.random.default_rng(0).random((1, 3, 4)), (10, 16))
    save_seed(tmp_path / 'seeds' / 'a.npz', seed)
    return WalkWriter(tmp_path / 'seeds', tmp_path / 'walk' / 'seeds', steps=4)


def test_the_seed_walks_on_the_edges_of_its_image(writer, tmp_path):
    edge = torch.rand(3, 4)
    writer.process(None, [{'img_id': 'a', 'pred_edge': edge}])
    assert writer.evaluate(1) == {'seed/written': 1}
    expected = walk_seed(load_seed(tmp_path / 'seeds' / 'a.npz'), edge, WalkSettings(steps=4))
    written = load_seed(tmp_path / 'walk' / 'seeds' / 'a.npz')
    np.testing.assert_allclose(written.cam, expected.cam, atol=1e-3)  # float16 on disk
    grey = load_mask(tmp_path / 'walk' / 'edges' / 'a.png')
    np.testing.assert_allclose(grey / 255, edge.numpy(), atol=0.5 / 255)


def test_a_missing_seed_is_named(writer):
    with pytest.raises(FileNotFoundError, match=r'b\.npz is missing'):
        writer.process(None, [{'img_id': 'b', 'pred_edge': torch.rand(3, 4)}])


def test_a_model_without_edges_is_named(writer):
    with pytest.raises(ValueError, match=r'must be a mmwsss\.IRNet'):
        writer.process(None, [{'img_id': 'a'}])


def test_an_unknown_setting_is_refused(tmp_path):
    with pytest.raises(TypeError, match='step'):
        WalkWriter(tmp_path, tmp_path, step=3)
