"""A folder as people have it: every file is served or named, none is left out in silence."""

import csv

import cv2
import numpy as np
import pytest
from PIL import Image

from mmwsss.datasets import ImageLabelDataset, check_images
from mmwsss.datasets.listing import other_suffixes
from mmwsss.seeds import RefineItem, RefineSettings, Seed, load_mask, save_seed
from mmwsss.seeds.refine import refine_seeds_with_crf
from mmwsss.structures import image_size

GOOD = (
    'my photo 1.jpg',
    'gärten – früh.JPG',
    '写真.Jpeg',
    'grey.png',
    'clear.png',
    'turned.jpg',
    'deep.tif',
    'palette.PNG',
    'print.jpg',
)
BAD = ('broken.jpg', 'tiny.png', 'huge.bmp')


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / 'images'
    images.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in GOOD[:3]:
        picture.save(images / name, format='JPEG')
    picture.convert('L').save(images / 'grey.png')
    picture.convert('RGBA').save(images / 'clear.png')
    picture.save(images / 'turned.jpg', exif=exif)
    cv2.imwrite(str(images / 'deep.tif'), pixels.astype(np.uint16) * 257)
    picture.convert('P').save(images / 'palette.PNG', format='PNG')
    picture.convert('CMYK').save(images / 'print.jpg')
    content = (images / 'my photo 1.jpg').read_bytes()
    (images / 'broken.jpg').write_bytes(content[: len(content) // 2])
    picture.resize((1, 1)).save(images / 'tiny.png')
    picture.save(images / 'huge.bmp')
    header = bytearray((images / 'huge.bmp').read_bytes())
    header[18:26] = (30_000).to_bytes(4, 'little') * 2  # width and height
    (images / 'huge.bmp').write_bytes(header)
    with (tmp_path / 'labels.csv').open('w', newline='', encoding='utf-8-sig') as file:
        rows = [[name.rpartition('.')[0], 'cat'] for name in (*GOOD, *BAD)]
        csv.writer(file).writerows([['image_id', 'classes'], *rows])
    return tmp_path


def open_folder(folder, *suffixes):
    dataset = {
        'type': 'mmseg.BaseSegDataset',
        'data_root': str(folder),
        'data_prefix': {'img_path': 'images'},
        'metainfo': {'classes': ('background', 'cat')},
        'img_suffix': suffixes or '.jpg',
    }
    return ImageLabelDataset(dataset, folder / 'labels.csv', [{'type': 'mmwsss.LoadImage'}])


def test_every_file_is_served_or_named(folder):
    with pytest.raises(ValueError, match='8 images that are there but do not end') as caught:
        open_folder(folder).check_unused_labels()
    suffixes = ('.jpg', *other_suffixes(open_folder(folder).dataset))
    assert str(suffixes) in str(caught.value)
    dataset = open_folder(folder, *suffixes)
    assert dataset.check_unused_labels() is None
    assert len(dataset) == len(GOOD) + len(BAD)
    with pytest.raises(ValueError, match='3 of 12 image files cannot be used') as caught:
        check_images(dataset)
    assert all(f'/{name} ' in str(caught.value) for name in BAD)


def test_what_is_served_goes_through_all_stages_in_one_size(folder):
    for name in BAD:
        (folder / 'images' / name).unlink()
    dataset = open_folder(folder, '.jpg', *other_suffixes(open_folder(folder).dataset))
    check_images(dataset)
    items = []
    for sample in dataset:
        size = sample['img'].shape[:2]
        assert size == image_size(sample['img_path'])
        seed_path = folder / 'seeds' / f'{sample["img_id"]}.npz'
        save_seed(seed_path, Seed(np.array([0]), np.full((1, 5, 5), 0.9), size))
        items.append(RefineItem(sample['img_id'], sample['img_path'], seed_path))
    refine_seeds_with_crf(items, folder / 'masks', RefineSettings(crf=None))
    masks = {path.stem: load_mask(path) for path in (folder / 'masks').iterdir()}
    assert set(masks) == {name.rpartition('.')[0] for name in GOOD}
    assert masks['turned'].shape == (30, 20)
    assert all((mask == 1).all() for mask in masks.values())
