import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsss.datasets import ImageLabelDataset, PseudoMaskDataset

PIPELINE = [
    {'type': 'mmwsss.LoadImage'},
    {'type': 'LoadAnnotations'},
    {'type': 'RandomCrop', 'crop_size': (8, 8)},
    {'type': 'PackSegInputs'},
]


@pytest.mark.parametrize('mode', ['P', 'L'])
def test_pseudo_masks_take_the_place_of_the_ground_truth(voc, mode):
    masks = voc.write_masks('pseudo', mode)
    dataset = PseudoMaskDataset(voc.config, masks, PIPELINE[:2])
    assert len(dataset.metainfo['classes']) == 21
    for index, image_id in enumerate('abcd'):
        item = dataset[index]
        assert item['img_id'] == image_id
        assert item['seg_map_path'] == str(masks / f'{image_id}.png')
        assert item['gt_seg_map'].shape == (16, 24)
        assert np.unique(item['gt_seg_map']) == [index]


def test_mappings_of_the_ground_truth_are_off(voc):
    masks = voc.write_masks('pseudo')
    config = voc.config | {'metainfo': {'classes': ('background', 'train', 'cat')}}
    dataset = PseudoMaskDataset(config, masks, PIPELINE[:2])
    assert np.unique(dataset[1]['gt_seg_map']) == [1]
    assert dataset.metainfo['label_map'] is None
    config = voc.config | {'reduce_zero_label': True}
    dataset = PseudoMaskDataset(config, masks, PIPELINE[:2])
    assert np.unique(dataset[1]['gt_seg_map']) == [1]
    assert dataset.metainfo['reduce_zero_label'] is False


def test_missing_masks(voc):
    masks = voc.write_masks('pseudo')
    (masks / 'b.png').unlink()
    (masks / 'd.png').unlink()
    message = (
        r'2 of 4 pseudo-mask files are missing, the first is .*b\.png; '
        r'run `mmwsss refine` \(or `mmwsss run`\) first'
    )
    with pytest.raises(FileNotFoundError, match=message):
        PseudoMaskDataset(voc.config, masks, [])


def test_masks_of_another_size(voc):
    masks = voc.write_masks('pseudo', size=(16, 24))
    message = r'a\.png is 16x24 pixels, but its image .*a\.jpg is 24x16; .* run `mmwsss refine'
    with pytest.raises(ValueError, match=message):
        PseudoMaskDataset(voc.config, masks, [])
    assert len(PseudoMaskDataset(voc.config, masks, [], check_sizes=False)) == 4


@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_sizes_count_after_the_rotation_of_the_camera(voc, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', (24, 16)).save(voc.image('a'), exif=exif)
    masks = voc.write_masks('pseudo')
    loaded = PseudoMaskDataset(voc.config, masks, PIPELINE[:1], check_sizes=False)[0]['img']
    Image.new('L', loaded.shape[1::-1]).save(masks / 'a.png')
    assert len(PseudoMaskDataset(voc.config, masks, [])) == 4


@pytest.mark.parametrize('mode', ['RGB', '1', 'RGBA', 'LA'])
def test_masks_in_other_modes(voc, mode):
    masks = voc.write_masks('pseudo', mode)
    with pytest.raises(ValueError, match=rf'a\.png has mode {mode}.* run `mmwsss refine'):
        PseudoMaskDataset(voc.config, masks, [])


def test_a_damaged_mask(voc):
    masks = voc.write_masks('pseudo')
    (masks / 'c.png').write_bytes(b'')
    with pytest.raises(
        ValueError, match=r'c\.png is damaged, .*; delete it and run `mmwsss refine'
    ):
        PseudoMaskDataset(voc.config, masks, [])


def test_the_first_class_must_be_the_background(voc):
    masks = voc.write_masks('pseudo')
    config = voc.config | {'type': 'BaseSegDataset', 'metainfo': {'classes': ('cat', 'dog')}}
    with pytest.raises(ValueError, match="the first class of the dataset is 'cat'; give it metain"):
        PseudoMaskDataset(config, masks, [])


def test_samples_are_a_function_of_seed_epoch_and_id(voc):
    masks = voc.write_masks('pseudo')
    dataset = PseudoMaskDataset(voc.config, masks, PIPELINE, seed=4)
    first = [dataset[index]['inputs'] for index in range(4)]
    again = [dataset[index]['inputs'] for index in reversed(range(4))][::-1]
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    dataset.set_epoch(1)
    later = [dataset[index]['inputs'] for index in range(4)]
    assert not all(torch.equal(one, two) for one, two in zip(first, later, strict=True))


@pytest.mark.parametrize('kind', [PseudoMaskDataset, ImageLabelDataset])
def test_options_of_every_data_set_reach_it(voc, kind):
    second = voc.write_masks('pseudo') if kind is PseudoMaskDataset else voc.label_file

    def build(**options):
        options = {'serialize_data': False, **options}
        return kind(voc.config, second, [lambda results: np.random.rand()], **options)

    plain = build()
    assert (plain.test_mode, plain.serialize_data, len(plain)) == (False, False, 4)
    some = build(test_mode=True, indices=[1, 3], seed=0)
    assert (some.test_mode, some.serialize_data) == (True, False)
    assert [some.get_data_info(index)['img_id'] for index in range(len(some))] == ['b', 'd']
    assert some[1] == plain[3] != build(seed=1)[3]


def write_rare_classes(voc):
    """60 images: class 1 in half of the masks, 2 in six of these, 3 in one, background in all."""
    names = [f'{index:02}' for index in range(60)]
    (voc.root / 'train.txt').write_text(''.join(f'{name}\n' for name in names))
    masks = voc.root / 'rare'
    masks.mkdir()
    for index, name in enumerate(names):
        shutil.copy(voc.image('a'), voc.image(name))
        mask = np.zeros((16, 24), np.uint8)
        mask[0] = 255 if index == 59 else 0
        for label, last in ((1, 30), (2, 6), (3, 1)):
            mask[3 * label : 3 * label + 3] = label if index < last else 0
        Image.fromarray(mask).save(masks / f'{name}.png')
    return masks


def test_images_of_rare_classes_are_seen_more_often(voc):
    masks = write_rare_classes(voc)
    limit, seeds = 0.25, 40
    seen = np.zeros((seeds, 60), int)
    for seed in range(seeds):
        dataset = PseudoMaskDataset(voc.config, masks, [], seed, repeat_below=limit)
        ids = [int(dataset.get_data_info(index)['img_id']) for index in range(len(dataset))]
        assert ids == sorted(ids)
        seen[seed] = np.bincount(ids, minlength=60)
    share = [1, 30 / 60, 6 / 60, 1 / 60]
    times = [max(1, (limit / one) ** 0.5) for one in share]  # 1, 1, 1.58, 3.87
    expected = np.array([times[3]] + [times[2]] * 5 + [times[1]] * 24 + [times[0]] * 30)
    assert (abs(seen - expected) < 1).all()  # the number below or the one above
    np.testing.assert_allclose(seen[:, 0].mean(), expected[0], atol=0.15)
    np.testing.assert_allclose(seen[:, 1:6].mean(), expected[1], atol=0.1)
    again = PseudoMaskDataset(voc.config, masks, [], 3, repeat_below=limit)
    assert len(again) == seen[3].sum()  # of the seed alone
    assert len(PseudoMaskDataset(voc.config, masks, [])) == 60


def test_an_image_that_is_seen_again_has_another_view(voc):
    masks = write_rare_classes(voc)
    once = PseudoMaskDataset(voc.config, masks, PIPELINE)
    dataset = PseudoMaskDataset(voc.config, masks, PIPELINE, repeat_below=1)
    views = [dataset[index]['inputs'] for index in range(7)]  # of the image 00
    assert torch.equal(views[0], once[0]['inputs'])
    assert all(not torch.equal(views[0], view) for view in views[1:])
    assert torch.equal(dataset[6]['inputs'], views[6])


def test_background_is_no_class_that_is_rare(voc):
    masks = voc.write_masks('pseudo')  # each of one label: 0, 1, 2, 3
    dataset = PseudoMaskDataset(voc.config, masks, [], repeat_below=1)
    ids = [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))]
    assert ids == ['a', 'b', 'b', 'c', 'c', 'd', 'd']


def test_repeats_and_indices_are_not_for_one_dataset(voc):
    masks = voc.write_masks('pseudo')
    with pytest.raises(ValueError, match='give one of repeat_below and indices'):
        PseudoMaskDataset(voc.config, masks, [], indices=2, repeat_below=0.5)


@pytest.mark.parametrize('value', [0, -0.5, 1.5])
def test_a_share_that_is_none_is_refused(voc, value):
    with pytest.raises(ValueError, match=rf'repeat_below is a share .*, not {value}'):
        PseudoMaskDataset(voc.config, voc.write_masks('pseudo'), [], repeat_below=value)
