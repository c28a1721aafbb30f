import json
import os
import sys

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image
from torch.utils.data import DataLoader

from mmwsss.datasets import ImageLabelDataset, check_images
from mmwsss.datasets.image_files import note_large_images
from mmwsss.registry import DATASETS
from mmwsss.seeds.processes import preload_in_workers

PIPELINE = [
    {'type': 'mmwsss.LoadImage'},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'mmwsss.RandomPadCrop', 'crop_size': (20, 12)},
    {'type': 'mmwsss.PackImageLabelInputs'},
]


def build(voc, pipeline=(), **options):
    return ImageLabelDataset(
        voc.config, voc.label_file, pipeline, **({'serialize_data': False} | options)
    )


def images(items):
    return {item['data_samples'].img_id: item['inputs'] for item in items}


def test_items_and_classes(voc):
    dataset = build(voc)
    assert len(dataset) == 4
    classes = dataset.metainfo['classes']
    assert (len(classes), classes[0]) == (21, 'background')
    item = dataset[0]
    assert item['img_id'] == 'a'
    assert item['img_path'] == str(voc.image('a'))
    assert item['gt_label'].dtype == np.int64
    assert item['gt_label'].shape == (20,)
    shown = [classes[index + 1] for index in np.flatnonzero(item['gt_label'])]
    assert shown == ['cat', 'person']
    assert dataset[2]['gt_label'].sum() == 0


def test_without_a_background_all_classes_have_a_label(voc):
    config = voc.config | {'type': 'BaseSegDataset', 'metainfo': {'classes': ('cat', 'dog')}}
    voc.label_file.write_text('{"a": ["cat"], "b": ["dog"], "c": [], "d": ["cat", "dog"]}')
    dataset = ImageLabelDataset(config, voc.label_file, [])
    labels = [dataset[index]['gt_label'].tolist() for index in range(4)]
    assert labels == [[1, 0], [0, 1], [0, 0], [1, 1]]


def test_a_wrapped_pipeline_is_left_out(voc):
    config = voc.config | {'pipeline': [{'type': 'NoSuchTransform'}], 'test_mode': True}
    assert len(ImageLabelDataset(config, voc.label_file, [])) == 4


def test_wrapping_joined_datasets(voc):
    for name, ids in (('one.txt', 'a\n'), ('two.txt', 'b\nc\n')):
        (voc.root / name).write_text(ids)
    parts = [voc.config | {'ann_file': name} for name in ('one.txt', 'two.txt')]
    joined = {'type': 'ConcatDataset', 'datasets': parts}
    dataset = ImageLabelDataset(joined, voc.label_file, [])
    assert [dataset[index]['img_id'] for index in range(3)] == ['a', 'b', 'c']


def test_masks_are_never_opened_in_training(voc):
    masks = voc.write_masks('SegmentationClass')
    opened = []
    recording = True
    sys.addaudithook(
        lambda event, args: opened.append(str(args[0])) if event == 'open' and recording else None
    )
    dataset = build(voc, PIPELINE)
    for index in range(4):
        assert 'seg_map_path' not in dataset.get_data_info(index)
        assert 'gt_sem_seg' not in dataset[index]['data_samples']
    recording = False
    assert any(path == str(voc.image('a')) for path in opened)
    assert not [path for path in opened if str(masks) in path]
    with pytest.raises(KeyError, match='seg_map_path'):
        build(voc, [{'type': 'LoadAnnotations'}])[0]


def test_masks_on_request(voc):
    with pytest.raises(FileNotFoundError, match=r'4 of 4 mask files are missing.*load_masks=False'):
        build(voc, load_masks=True)
    voc.write_masks('SegmentationClass')
    dataset = build(voc, [{'type': 'LoadAnnotations'}], load_masks=True)
    assert np.unique(dataset[3]['gt_seg_map']) == [3]


MASK_PIPELINE = [
    {'type': 'mmwsss.LoadImage'},
    {'type': 'LoadAnnotations'},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'mmwsss.RandomPadCrop', 'crop_size': (20, 12)},
    {'type': 'mmwsss.PackImageLabelInputs'},
]


@pytest.mark.parametrize('load_masks', [False, True])
def test_masks_to_learn_from_take_the_place_of_the_ground_truth(voc, load_masks):
    truth, masks = voc.write_masks('SegmentationClass'), voc.write_masks('ir_labels')
    dataset = build(voc, MASK_PIPELINE, mask_dir=masks, load_masks=load_masks)
    for index, image_id in enumerate('abcd'):
        sample = dataset[index]['data_samples']
        assert sample.seg_map_path == str(masks / f'{image_id}.png')
        expected = str(truth / f'{image_id}.png') if load_masks else None
        assert sample.metainfo['ground_truth_path'] == expected
        mask, valid = sample.gt_sem_seg.data, sample.valid_mask.data
        assert mask.shape == (1, 20, 12)
        assert (mask[valid == 1] == index).all()
        assert (mask[valid == 0] == 255).all()
    assert 'ground_truth_path' not in build(voc)[0]


def test_image_and_mask_stay_together_through_scale_flip_and_crop(voc):
    """The image shows its mask: a pixel of class n is 50 n grey. Rows and columns all differ."""
    masks = voc.write_masks('ir_labels')
    mask = np.kron([[1, 2, 0], [3, 0, 4]], np.ones((8, 8))).astype(np.uint8)
    Image.fromarray(mask).save(masks / 'a.png')
    Image.fromarray(50 * mask).convert('RGB').save(voc.image('a'), quality=100)
    resize = {
        'type': 'RandomResize',
        'scale': (48, 48),
        'ratio_range': (0.5, 1.5),
        'resize_type': 'Resize',
        'keep_ratio': True,
        'interpolation': 'bicubic',
    }
    crop = {'type': 'mmwsss.RandomPadCrop', 'crop_size': (40, 40)}
    pipeline = [*MASK_PIPELINE[:2], resize, MASK_PIPELINE[2], crop, MASK_PIPELINE[4]]
    dataset = build(voc, pipeline, mask_dir=masks)
    flips, shares = set(), []
    for epoch in range(12):
        dataset.set_epoch(epoch)
        item = dataset[0]
        sample = item['data_samples']
        shown, valid = sample.gt_sem_seg.data[0], sample.valid_mask.data[0] == 1
        assert (shown[~valid] == 255).all()
        assert set(shown[valid].tolist()) <= {0, 1, 2, 3, 4}  # nearest: no class in between
        seen = (item['inputs'][0] / 50).round()
        shares.append((seen == shown)[valid].float().mean().item())
        flips.add(sample.flip)
    assert flips == {False, True}
    assert min(shares) > 0.85  # blurred edges apart


def test_the_ground_truth_is_never_opened_with_masks_to_learn_from(voc):
    truth, masks = voc.write_masks('SegmentationClass'), voc.write_masks('ir_labels')
    opened = []
    recording = True
    sys.addaudithook(
        lambda event, args: opened.append(str(args[0])) if event == 'open' and recording else None
    )
    dataset = build(voc, MASK_PIPELINE, mask_dir=masks)
    for index in range(4):
        dataset[index]
    recording = False
    assert any(path == str(masks / 'a.png') for path in opened)
    assert not [path for path in opened if str(truth) in path]


def test_mappings_of_the_ground_truth_are_off_for_masks_to_learn_from(voc):
    masks = voc.write_masks('ir_labels')
    config = voc.config | {'reduce_zero_label': True}
    dataset = ImageLabelDataset(config, voc.label_file, MASK_PIPELINE[:2], mask_dir=masks)
    assert np.unique(dataset[1]['gt_seg_map']) == [1]


def test_missing_and_foreign_masks_to_learn_from(voc):
    masks = voc.write_masks('ir_labels')
    Image.new('L', (16, 24)).save(masks / 'c.png')
    message = r'c\.png is 16x24 pixels.*: run `mmwsss run .* --until ir_labels`'
    with pytest.raises(ValueError, match=message):
        build(voc, mask_dir=masks)
    (masks / 'b.png').unlink()
    message = (
        r'1 of 4 pseudo-mask files are missing, the first is .*ir_labels/b\.png; '
        r'run `mmwsss run .* --until ir_labels` first'
    )
    with pytest.raises(FileNotFoundError, match=message):
        build(voc, mask_dir=masks)


def test_an_image_without_labels(voc):
    voc.label_file.write_text(json.dumps({'b': ['cat']}))
    message = r'labels\.json has no entry for 3 of 4 images, among them a, c, d; add them'
    with pytest.raises(ValueError, match=message):
        build(voc)


def test_a_bad_label_file(voc):
    voc.label_file.write_text('{"a": ["catt"]}')
    with pytest.raises(ValueError, match=r"labels\.json, image 'a': unknown class 'catt'; did you"):
        build(voc)


def test_missing_images_and_lists(voc):
    voc.image('b').unlink()
    message = r'1 of 4 image files are missing, the first is .*b\.jpg; check `data_root`'
    with pytest.raises(FileNotFoundError, match=message):
        build(voc)
    (voc.root / 'train.txt').unlink()
    message = r'no image list .*train\.txt; check `data_root`.*MMWSSS_DATA\.$'
    with pytest.raises(FileNotFoundError, match=message):
        build(voc)
    (voc.root / 'train.txt').write_text('')
    (voc.root / 'JPEGImages').rename(voc.root / 'images')
    with pytest.raises(FileNotFoundError, match=r'no image folder .*JPEGImages; check `data_root`'):
        build(voc)


@pytest.mark.parametrize('serialize_data', [True, False])
def test_an_empty_list(voc, serialize_data):
    (voc.root / 'train.txt').write_text('')
    config = voc.config | {'serialize_data': serialize_data}
    with pytest.raises(ValueError, match=r'image list .*train\.txt is empty; it should hold one'):
        ImageLabelDataset(config, voc.label_file, [])


def test_an_id_twice(voc):
    (voc.root / 'train.txt').write_text('a\nb\na\n')
    with pytest.raises(ValueError, match=r"image id 'a' is there twice, as .*a\.jpg and .*a\.jpg"):
        build(voc)


def test_no_classes(voc):
    config = voc.config | {'type': 'BaseSegDataset', 'metainfo': {'classes': ()}}
    with pytest.raises(ValueError, match='BaseSegDataset has no classes; give them in its config'):
        ImageLabelDataset(config, voc.label_file, [])


def test_photographs_of_many_megapixels_are_noted(voc):
    assert note_large_images(build(voc)) is None
    Image.new('L', (2500, 2000)).save(voc.image('b'))
    note = note_large_images(build(voc))
    assert note.startswith('1 of 4 images have more than 4 megapixels (up to 2500 x 2000 pixels)')


def test_unreadable_images(voc):
    check_images(build(voc))
    voc.image('b').write_bytes(b'no image')
    voc.image('d').write_bytes(b'')
    dataset = build(voc, PIPELINE)
    message = r'2 of 4 image files cannot be used: \S+b\.jpg is damaged.*; \S+d\.jpg is damaged'
    with pytest.raises(ValueError, match=message):
        check_images(dataset)
    with pytest.raises(ValueError, match=r'used: \S+b\.jpg .*; and 1 more\. Cure: replace them'):
        check_images(dataset, limit=1)
    with pytest.raises(ValueError, match=r'b\.jpg is damaged or no image .* replace the file'):
        dataset[1]


def test_a_pipeline_that_returns_nothing(voc):
    dataset = build(voc, [lambda results: None])
    with pytest.raises(ValueError, match=r'returned nothing for .*a\.jpg; use transforms that'):
        dataset[0]


def test_samples_are_a_function_of_seed_epoch_and_id(voc):
    first = images(build(voc, PIPELINE)[index] for index in range(4))
    torch.manual_seed(3), np.random.seed(3)
    again = images(build(voc, PIPELINE)[index] for index in (3, 1, 2, 0))
    other_seed = images(build(voc, PIPELINE, seed=1)[index] for index in range(4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other_seed[key]) for key in first)
    (voc.root / 'train.txt').write_text('d\n')
    assert torch.equal(build(voc, PIPELINE)[0]['inputs'], first['d'])


def test_each_image_has_randomness_of_its_own(voc):
    dataset = build(voc, [lambda results: np.random.rand()])
    drawn = [dataset[index] for index in range(4)]
    dataset.set_epoch(1)
    drawn += [dataset[index] for index in range(4)]
    assert len(set(drawn)) == 8


def test_views_come_again(voc):
    dataset = build(voc, [lambda results: np.random.rand()], views=2, seed=4)
    epochs = []
    for epoch in range(4):
        dataset.set_epoch(epoch)
        epochs.append([dataset[index] for index in range(4)])
    assert epochs[:2] == epochs[2:]
    assert len({*epochs[0], *epochs[1]}) == 8


def test_living_workers_see_the_epoch(voc):
    dataset = build(voc, PIPELINE)
    preload_in_workers('mmwsss.datasets')
    loader = DataLoader(
        dataset,
        num_workers=2,
        persistent_workers=True,
        shuffle=True,
        collate_fn=pseudo_collate,
        multiprocessing_context='forkserver',  # as configs/_base_/default_runtime.py says
    )
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        batches = list(loader)
        loaded = {batch['data_samples'][0].img_id: batch['inputs'][0] for batch in batches}
        reference = build(voc, PIPELINE)
        reference.set_epoch(epoch)
        expected = images(reference[index] for index in range(4))
        assert loaded.keys() == expected.keys()
        assert all(torch.equal(loaded[key], expected[key]) for key in expected)
    dataset.set_epoch(1)
    changed = images(dataset[index] for index in range(4))
    assert not all(torch.equal(expected[key], changed[key]) for key in expected)


def test_the_runner_builds_a_loader(voc):
    config = {
        'dataset': {
            'type': 'mmwsss.ImageLabelDataset',
            'dataset': voc.config,
            'label_file': os.fspath(voc.label_file),
            'pipeline': PIPELINE,
        },
        'sampler': {'type': 'DefaultSampler', 'shuffle': True},
        'batch_size': 2,
        'num_workers': 0,
    }
    with DefaultScope.overwrite_default_scope('mmseg'):
        loader = Runner.build_dataloader(config, seed=0)
    batch = next(iter(loader))
    assert batch['inputs'][0].shape == (3, 20, 12)
    assert batch['data_samples'][1].gt_label.multi_hot.shape == (20,)


def test_registered():
    assert DATASETS.get('mmwsss.ImageLabelDataset') is ImageLabelDataset


def test_the_header_counts_and_not_the_suffix(voc):
    Image.new('L', (8, 8)).save(voc.image('a'), format='PNG')
    check_images(build(voc))
