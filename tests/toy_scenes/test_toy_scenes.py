import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from mmwsss.registry import DATASETS
from mmwsss.seeds.masks import load_mask
from mmwsss.toy_scenes import CLASSES, draw_numbered_scene, draw_scene, write_toy_scenes
from mmwsss.toy_scenes.scene import DRAWERS, label_map

SIDES = (64, 80)


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    return write_toy_scenes(tmp_path_factory.mktemp('toy') / 'scenes', 12, 2, side_range=SIDES)


def files(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob('*') if p.is_file()}


def test_the_same_settings_give_the_same_bytes_and_a_shorter_set_is_a_beginning(scenes, tmp_path):
    again = write_toy_scenes(tmp_path / 'again', 12, 2, side_range=SIDES)
    assert files(again) == files(scenes)
    short = write_toy_scenes(tmp_path / 'short', 5, 1, side_range=SIDES)
    for path, content in files(short).items():
        if path.suffix in ('.jpg', '.png'):
            assert files(scenes)[path] == content


def test_another_seed_gives_other_pictures():
    first, second = (draw_numbered_scene(seed, 'train', 0, SIDES) for seed in (0, 1))
    assert first.image.shape != second.image.shape or (first.image != second.image).any()


def test_a_complete_folder_is_kept_and_another_one_refused(scenes, tmp_path):
    before = files(scenes)
    write_toy_scenes(scenes, 12, 2, side_range=SIDES)
    assert files(scenes) == before
    with pytest.raises(FileExistsError, match='num_train 12: delete it'):
        write_toy_scenes(scenes, 13, 2, side_range=SIDES)
    with pytest.raises(FileExistsError, match='holds no toy scenes'):
        write_toy_scenes(tmp_path, 1, 1)


def test_a_run_cut_off_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr('mmwsss.toy_scenes.writer.save_image_labels', None)
    with pytest.raises(TypeError):
        write_toy_scenes(tmp_path / 'cut', 2, 1, side_range=SIDES)
    assert not list(tmp_path.iterdir())


def test_labels_are_the_classes_of_the_masks(scenes):
    labels = json.loads((scenes / 'image_labels.json').read_text())
    assert len(labels) == 14
    for image_id, names in labels.items():
        mask = load_mask(scenes / 'SegmentationClass' / f'{image_id}.png')
        assert sorted(names) == sorted(CLASSES[i] for i in np.unique(mask) if i not in (0, 255))
        with Image.open(scenes / 'JPEGImages' / f'{image_id}.jpg') as image:
            assert image.size == mask.shape[::-1]
        assert mask.max() == 255 or not names


def test_it_is_a_data_set_of_mmseg(scenes):
    dataset = DATASETS.build(
        {
            'type': 'mmwsss.ToySceneDataset',
            'data_root': str(scenes),
            'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClass'},
            'ann_file': 'ImageSets/Segmentation/val.txt',
        }
    )
    assert len(dataset) == 2
    assert dataset.metainfo['classes'] == CLASSES
    assert dataset.get_data_info(0)['seg_map_path'].endswith('val_00000.png')


def test_every_class_is_drawn_and_has_variants():
    variants = {name: set() for name in CLASSES[1:]}
    for number in range(60):
        for instance in draw_numbered_scene(0, 'train', number, SIDES).instances:
            variants[instance.class_name].add(instance.variant)
    assert all(len(found) >= 2 for found in variants.values())


def test_trains_come_with_rails_and_rails_without_trains():
    rng = np.random.default_rng(0)
    trains = [draw_scene(rng, SIDES, 'train').setting for _ in range(30)]
    horses = [draw_scene(rng, SIDES, 'horse') for _ in range(40)]
    assert np.mean([setting == 'railway' for setting in trains]) > 0.75
    assert any(scene.setting == 'railway' and 'train' not in scene.image_labels for scene in horses)


def test_masks_are_palette_pictures_with_a_thin_edge(scenes):
    with Image.open(scenes / 'SegmentationClass' / 'train_00000.png') as mask:
        assert mask.mode == 'P'
        assert mask.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
    scene = draw_numbered_scene(0, 'train', 0)
    assert 0 < (scene.mask == 255).mean() < 0.1


def test_edges_are_ignored_and_so_is_a_class_of_less_than_a_hundredth():
    instances = np.zeros((20, 20), np.uint8)
    instances[2:10, 2:8] = 1  # two neighbours of one class, with an edge between them
    instances[2:10, 8:14] = 2
    instances[15:18, 15:18] = 3  # inside its edge: 1 pixel of 400
    mask = label_map(instances, [7, 7, 4])
    assert mask[5, 5:11].tolist() == [7, 7, 255, 255, 7, 7]
    assert mask[5, :5].tolist() == [0, 255, 255, 7, 7]
    assert (mask[14:19, 14:19] == 255).all()
    assert np.unique(mask).tolist() == [0, 7, 255]


def test_classes_are_balanced_and_every_image_has_one():
    scenes = [draw_numbered_scene(0, 'train', number, SIDES) for number in range(150)]
    counts = Counter(name for scene in scenes for name in scene.image_labels)
    assert set(counts) == set(CLASSES[1:])
    assert max(counts.values()) <= 2 * min(counts.values())
    per_image = [len(scene.image_labels) for scene in scenes]
    assert min(per_image) >= 1
    assert max(per_image) <= 3
    assert 1.3 < np.mean(per_image) < 1.8


@pytest.mark.parametrize(('one', 'other'), [('cat', 'dog'), ('horse', 'cow')])
@pytest.mark.parametrize('seed', range(6))
def test_look_alikes_share_pose_coat_and_body_and_not_the_head(one, other, seed):
    first, second = (DRAWERS[name](np.random.default_rng(seed)) for name in (one, other))
    assert first.variant == second.variant
    body, others = first.parts[:4], second.parts[:4]
    for part, twin in zip(body, others, strict=True):
        np.testing.assert_array_equal(part.points, twin.points)
    outlines = [{part.points.tobytes() for part in figure.parts} for figure in (first, second)]
    assert outlines[0] - outlines[1]
    assert outlines[1] - outlines[0]
