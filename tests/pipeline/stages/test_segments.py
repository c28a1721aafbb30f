import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import check_stages, open_workspace
from mmwsss.pipeline.stages import training
from mmwsss.seeds import Seed, load_mask, load_segments, save_seed, save_segment_map

ROOT = Path(__file__).resolve().parents[3]
SIZE = (24, 30)
CAT = 2  # any class of the toy scenes, with the background at 0


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The toy config on two images: a bright square on dark ground."""
    monkeypatch.setattr(training, 'check_batches', lambda *a: None)
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path))
    data = tmp_path / 'toy_scenes'
    for folder in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (data / folder).mkdir(parents=True)
    image = np.full((*SIZE, 3), 30, dtype=np.uint8)
    image[6:18, 8:22] = 220
    for name in ('a', 'b'):
        Image.fromarray(image).save(data / 'JPEGImages' / f'{name}.jpg', quality=95)
    for split in ('train', 'val'):
        (data / f'ImageSets/Segmentation/{split}.txt').write_text('a\nb\n')
    (data / 'image_labels.json').write_text(json.dumps({'a': ['cat'], 'b': ['cat']}))
    config = load_config(ROOT / 'configs/quickstart/irn_segments_toy.py')
    for name in ('seed_scores', 'crf_scores', 'walk_scores', 'mask_scores', 'test'):
        config.stages[name] = None  # there is no ground truth
    config.stages.crf_masks.update(bg_threshold=0.5, scores=None, crf=None)
    config.stages.pseudo_masks.update(bg_threshold=0.5, scores=None)
    return config


def write_seeds(workspace):
    """Write seeds that know nine in ten pixels of the square, and some beside it."""
    cam = np.full((1, *SIZE), 0.1)
    cam[0, 6:17, 8:22] = 0.9
    cam[0, 2:4, 9:13] = 0.9
    for name in ('a', 'b'):
        path = workspace.folder('seeds') / 'seeds' / f'{name}.npz'
        save_seed(path, Seed(classes=[CAT - 1], cam=cam, size=SIZE))


def run(config, folder, *names):
    workspace = open_workspace(config, folder)
    check_stages([workspace.stages[name] for name in names], workspace)
    write_seeds(workspace)
    return workspace, [workspace.stages[name].run(workspace, resume=False) for name in names]


def masks_of(workspace):
    return load_mask(workspace.folder('crf_masks') / 'masks' / 'a.png')


def test_segments_reach_the_masks(config, tmp_path):
    workspace, (made, figures) = run(config, tmp_path / 'run', 'segments', 'crf_masks')
    assert made['images'] == 2 and made['settings']['min_size'] == 50
    assert workspace.stages['segments'].summary(made) == '2 images, felzenszwalb'
    assert figures['vote']['min_share'] == 0.5
    segments = load_segments(workspace.folder('segments') / 'segments' / 'a.png', SIZE)
    assert 1 < segments.number < 5
    square = np.zeros(SIZE, dtype=np.uint8)
    square[6:18, 8:22] = CAT
    assert (masks_of(workspace) == square).mean() > 0.97  # but for the blur of JPEG

    plain = Config(config.to_dict())
    plain._filename = config.filename
    plain.stages.crf_masks.update(refiner='crf', segments=None)
    other, _ = run(plain, tmp_path / 'plain', 'crf_masks')
    found = masks_of(other)
    assert found[3, 10] == CAT and found[17, 10] == 0
    assert masks_of(workspace)[3, 10] == 0 and masks_of(workspace)[17, 10] == CAT


def test_rules_reach_the_masks(config, tmp_path):
    config.stages.crf_masks.update(min_share=0.95, unelected='background')
    workspace, _ = run(config, tmp_path / 'run', 'segments', 'crf_masks')
    assert not masks_of(workspace).any()  # 92 % of the square are not enough


def test_segments_of_a_folder(config, tmp_path):
    config.stages.segments = None
    config.stages.pseudo_masks.update(refiner='crf', segments=None)
    folder = tmp_path / 'own'
    config.stages.crf_masks.update(segments=None, segment_dir=str(folder))
    with pytest.raises(FileNotFoundError, match=r'no segments of a in .*own'):
        run(config, tmp_path / 'run', 'crf_masks')
    halves = np.ones(SIZE, dtype=int)
    halves[4:, 8:22] = 2
    for name in ('a', 'b'):
        save_segment_map(folder / f'{name}.png', halves)
    workspace, _ = run(config, tmp_path / 'run', 'crf_masks')
    np.testing.assert_array_equal(masks_of(workspace), np.where(halves == 2, CAT, 0))
    recipe = workspace.stages['crf_masks'].recipe(workspace)
    save_segment_map(folder / 'b.png', np.ones(SIZE, dtype=int))
    changed = workspace.stages['crf_masks'].recipe(workspace)
    assert recipe.pop('segments') != changed.pop('segments') and recipe == changed


def test_the_recipe_follows_settings_weights_and_images(config, tmp_path):
    def recipe():
        workspace = open_workspace(config, tmp_path / 'run')
        return workspace.stages['segments'].recipe(workspace)

    recipes = [recipe()]
    config.stages.segments.options = {'scale': 3.0}
    recipes.append(recipe())
    weights = tmp_path / 'weights.pth'
    for content in ('one', 'two'):
        weights.write_text(content)
        config.stages.segments.method = 'sam'
        config.stages.segments.options = {'checkpoint': str(weights)}
        recipes.append(recipe())
    lists = tmp_path / 'toy_scenes/ImageSets/Segmentation/train.txt'
    lists.write_text('a\n')
    recipes.append(recipe())
    assert all(one != other for i, one in enumerate(recipes) for other in recipes[:i])


@pytest.mark.parametrize(
    ('stage', 'changes', 'message'),
    [
        ('crf_masks', {'segments': None}, "'segments' takes one of the two, a stage or a folder"),
        ('crf_masks', {'refiner': 'par'}, "has refiner='par', segments='segments'"),
        ('crf_masks', {'segment_dir': 'x'}, "segment_dir='x': the refiner 'segments' takes one"),
        ('crf_masks', {'segments': 'seeds'}, "'seeds', which makes no segments; name one of segm"),
        ('crf_masks', {'conflict': 'last'}, r"conflict is 'last'; choose one of smallest, "),
        ('crf_masks', {'min_shared': 1}, "did you mean 'min_share'"),
        ('segments', {'method': 'sim'}, r"stages.segments.method is 'sim'; choose one of"),
        ('segments', {'options': {'scal': 1}}, r'of stages.segments.options for felzenszwalb is'),
        ('segments', {'method': 'sam'}, 'stages.segments.options for sam needs checkpoint'),
    ],
)
def test_wrong_options_are_refused_before_the_first_stage(
    config, tmp_path, stage, changes, message
):
    config.stages[stage].update(changes)
    with pytest.raises(ValueError, match=message):
        run(config, tmp_path / 'run', stage)
