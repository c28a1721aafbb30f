import numpy as np
from mmengine.config import Config
from PIL import Image

from mmwsss.pipeline import RefineSeeds, Workspace
from mmwsss.pipeline.stages import masks
from mmwsss.seeds import RefineItem, Seed, load_mask, save_seed


def test_a_threshold_without_masks_is_used_and_its_curve_kept(tmp_path, monkeypatch):
    cam = np.full((1, 4, 6), 0.4, dtype=np.float32)
    cam[0, :, :2] = 0.9
    save_seed(tmp_path / 'seeds' / 'seeds' / 'a.npz', Seed(np.array([0]), cam, (4, 6)))
    Image.new('RGB', (6, 4)).save(tmp_path / 'a.png')
    items = [RefineItem('a', tmp_path / 'a.png', tmp_path / 'seeds' / 'seeds' / 'a.npz')]
    monkeypatch.setattr(masks, 'seeded_images', lambda workspace, seed_dir: items)
    stage = RefineSeeds('masks', 'seeds', bg_threshold='auto', crf=None)
    figures = stage.run(Workspace(Config(), tmp_path), resume=False)
    assert 0.4 <= figures['bg_threshold'] < 0.9
    assert figures['auto']['threshold'] == figures['bg_threshold']
    assert max(figures['auto']['separation']) == 1
    assert stage.summary(figures).startswith('1 masks, threshold 0.')
    mask = load_mask(tmp_path / 'masks' / 'masks' / 'a.png')
    assert mask[:, :2].all() and not mask[:, 2:].any()
