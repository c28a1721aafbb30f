import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmwsss.pipeline import SpreadSeeds, Workspace
from mmwsss.pipeline.stages import GenerateSeeds, spread
from mmwsss.seeds import RefineItem, Seed, load_seed, save_seed

SIZE = (32, 48)
BACKBONE = {
    'type': 'TIMMBackbone',
    'model_name': 'vit_tiny_patch16_224',
    'features_only': False,
    'pretrained': False,
    'dynamic_img_size': True,
    'embed_dim': 12,
    'depth': 1,
    'num_heads': 3,
    'num_classes': 0,
}


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Seeds of one image, whose halves have two colours; the map knows one corner."""
    image = np.full((*SIZE, 3), 40, dtype=np.uint8)
    image[:, 16:] = (200, 60, 20)
    Image.fromarray(image).save(tmp_path / 'a.png')
    cam = np.zeros((1, 8, 12))
    cam[0, :4, :4] = 1
    save_seed(tmp_path / 'seeds' / 'seeds' / 'a.npz', Seed(classes=[2], cam=cam, size=SIZE))
    items = [RefineItem('a', tmp_path / 'a.png', tmp_path / 'seeds' / 'seeds' / 'a.npz')]
    monkeypatch.setattr(spread, 'seeded_images', lambda workspace, seed_dir: items)
    monkeypatch.setattr(GenerateSeeds, 'seed_sources', lambda self, workspace: ('cam',))
    stages = {'seeds': GenerateSeeds('seeds')}
    return Workspace(Config(), tmp_path, stages)


def spread_cam(workspace, name, **settings):
    torch.manual_seed(0)
    stage = SpreadSeeds(name, 'seeds', BACKBONE, **settings)
    stage.check(workspace)
    figures = stage.run(workspace, resume=False)
    assert stage.summary(figures) == '1 seeds'
    return load_seed(workspace.folder(name) / 'seeds' / 'a.npz').cam[0]


def test_what_the_settings_say_reaches_the_seeds(workspace):
    usual = spread_cam(workspace, 'usual')
    assert usual.shape == (8, 12) and usual.max() == 1
    assert usual[6, 1] > 0  # the other patch of the same colour
    alone = spread_cam(workspace, 'alone', threshold=1.0)  # each patch is like itself alone
    assert alone[6, 1] < 0.2 and alone[6, 8] == 0
    found = [
        usual,
        alone,
        spread_cam(workspace, 'long', long_side=96),
        spread_cam(workspace, 'soft', affinity='softmax', temperature=1.0),
        spread_cam(workspace, 'attention', affinity='attention'),
    ]
    assert all(np.abs(one - two).max() > 1e-3 for i, one in enumerate(found) for two in found[:i])


def test_finished_seeds_are_kept(workspace):
    spread_cam(workspace, 'spread')
    path = workspace.folder('spread') / 'seeds' / 'a.npz'
    own = Seed(classes=[2], cam=np.ones((1, 8, 12)), size=SIZE)
    save_seed(path, own)
    stage = SpreadSeeds('spread', 'seeds', BACKBONE)
    stage.run(workspace, resume=True)
    assert load_seed(path).cam.min() == 1
    path.write_bytes(path.read_bytes()[:-40])
    stage.run(workspace, resume=True)
    assert load_seed(path).cam.min() < 1


def test_what_is_wrong_is_said(workspace):
    with pytest.raises(
        ValueError, match="source of stage 's' is 'pacam', but the seeds of 'seeds'"
    ):
        SpreadSeeds('s', 'seeds', BACKBONE, source='pacam').check(workspace)
    turned = {**BACKBONE, 'model_name': 'vit_small_patch16_dinov3'}
    with pytest.raises(ValueError, match="'s' has affinity='attention', which a ViT with rotary"):
        SpreadSeeds('s', 'seeds', turned, affinity='attention').check(workspace)


def test_the_recipe_follows_the_network_and_its_weights(workspace, tmp_path):
    weights = tmp_path / 'weights.pth'
    recipes = []
    for content in ('one', 'two'):
        weights.write_text(content)
        backbone = {**BACKBONE, 'checkpoint_path': str(weights)}
        recipes.append(SpreadSeeds('s', 'seeds', backbone).recipe(workspace))
    recipes.append(SpreadSeeds('s', 'seeds', backbone, long_side=7).recipe(workspace))
    for more in ({'steps': 2}, {'mean': (1.0, 2.0, 3.0)}, {'std': (1.0, 2.0, 3.0)}):
        recipes.append(SpreadSeeds('s', 'seeds', backbone, **more).recipe(workspace))
    assert all(one != other for i, one in enumerate(recipes) for other in recipes[:i])


def test_backgrounds_that_spread_along(workspace, monkeypatch):
    stage = SpreadSeeds('s', 'seeds', BACKBONE)
    for found, expected in (
        (('background',), ('background',)),
        ((), ()),
        (('pacam_background',), ()),
    ):
        monkeypatch.setattr(GenerateSeeds, 'seed_backgrounds', lambda self, w, f=found: f)
        assert stage.seed_backgrounds(workspace) == expected
    pacam = SpreadSeeds('s', 'seeds', BACKBONE, source='pacam')
    assert pacam.seed_backgrounds(workspace) == ('background',)


def test_the_network_sees_images_as_the_options_say(monkeypatch):
    monkeypatch.setattr(spread, 'ViTPatches', lambda *given: given)
    mean, std = (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)
    stage = SpreadSeeds('s', 'seeds', BACKBONE, mean, std, long_side=70)
    assert stage._build() == (BACKBONE, mean, std, 70)
    assert SpreadSeeds('s', 'seeds', BACKBONE)._build() == (
        BACKBONE,
        (123.675, 116.28, 103.53),
        (58.395, 57.12, 57.375),
        None,
    )
