import json

import numpy as np
import pytest
from PIL import Image

from mmwsss.datasets import ImageLabelDataset
from mmwsss.datasets.listing import needs_listing, read_names
from mmwsss.datasets.wrapped_dataset import WrappedDataset

LABELS = {'a': ['cat'], 'b': ['dog'], 'c': []}


@pytest.fixture
def folder(tmp_path):
    """Three photographs of three cameras, in a data set without a list."""
    (tmp_path / 'images').mkdir()
    for name in ('a.jpg', 'b.JPG', 'c.jpeg'):
        Image.fromarray(np.zeros((9, 8, 3), np.uint8)).save(tmp_path / 'images' / name)
    (tmp_path / 'labels.json').write_text(json.dumps(LABELS))
    return tmp_path


def config_of(folder, **options):
    return {
        'type': 'mmseg.BaseSegDataset',
        'data_root': str(folder),
        'data_prefix': {'img_path': 'images'},
        'metainfo': {'classes': ('background', 'cat', 'dog')},
        **options,
    }


def labelled(folder, **options):
    return ImageLabelDataset(config_of(folder, **options), folder / 'labels.json', [])


def ids(dataset):
    return [dataset.get_data_info(index)['img_id'] for index in range(len(dataset))]


def test_several_suffixes_are_taken_when_they_are_named(folder):
    dataset = labelled(folder, img_suffix=('.jpg', '.JPG', '.jpeg'))
    assert ids(dataset) == ['a', 'b', 'c']
    assert dataset.get_data_info(1)['gt_label'].tolist() == [0, 1]
    assert ids(labelled(folder, img_suffix=('.jpeg', '.JPG', '.jpg'))) == ['a', 'b', 'c']
    assert dataset.check_unused_labels() is None


def test_labelled_images_of_other_suffixes_are_not_left_out_in_silence(folder):
    dataset = labelled(folder)
    assert ids(dataset) == ['a']
    message = r"2 images .* do not end in \.jpg, among them b, c: set img_suffix=\('\.jpg', .*JPG"
    with pytest.raises(ValueError, match=message):
        dataset.check_unused_labels()


def test_images_of_a_list_are_found_under_every_suffix(folder):
    (folder / 'list.txt').write_text('c\nb\n')
    dataset = labelled(folder, ann_file='list.txt', img_suffix=['.jpg', '.JPG', '.jpeg'])
    assert ids(dataset) == ['c', 'b']
    assert dataset.check_unused_labels() is None  # `a` is there, and not in this list


def test_a_missing_image_whose_suffix_is_another_is_said_so(folder):
    (folder / 'list.txt').write_text('a\nb\n')
    with pytest.raises(FileNotFoundError, match=r'b\.jpg; .* has \.\w+, .*: set img_suffix=\('):
        labelled(folder, ann_file='list.txt')


def test_a_folder_of_other_suffixes_alone_is_said_so(folder):
    with pytest.raises(ValueError, match=r"no image in it; .*images has .*'\.png', .*'\.JPG'"):
        labelled(folder, img_suffix='.png')


def test_labels_without_an_image_are_counted_and_three_are_named(folder):
    labels = {**LABELS, **{f'gone{n}': [] for n in range(4)}}
    (folder / 'labels.json').write_text(json.dumps(labels))
    (folder / 'images/gone0.jpg').symlink_to(folder / 'nowhere.jpg')
    dataset = labelled(folder, img_suffix=['.jpg', '.JPG', '.jpeg'])
    assert '4 images that are not in' in dataset.check_unused_labels()
    assert dataset.check_unused_labels().endswith('gone0, gone1, gone2')


@pytest.mark.parametrize(
    ('content', 'plain'),
    [
        (b'a\nc\n', True),
        (b'\xef\xbb\xbfa\r\nc\r\n', False),
        ('a\nc\n'.encode('utf-16'), False),
        (b'a\n\nc\n\n', False),
        (b'a\nc', False),
    ],
)
def test_lists_of_editors_and_spreadsheets_are_read(folder, content, plain):
    (folder / 'list.txt').write_bytes(content)
    config = config_of(folder, ann_file='list.txt', img_suffix='.jpeg')
    (folder / 'images/a.jpg').rename(folder / 'images/a.jpeg')
    assert ids(WrappedDataset(config, [])) == ['a', 'c']
    assert needs_listing(config) is not plain
    assert read_names(config) == ['a', 'c']


def test_the_names_of_a_folder_are_those_of_its_images(folder):
    (folder / 'images/Thumbs.db').touch()
    assert read_names(config_of(folder, img_suffix='.jpg')) == ['a.jpg']
    assert read_names(config_of(folder)) == ['a.jpg', 'b.JPG', 'c.jpeg']
    assert read_names({'type': 'ConcatDataset'}) == []


def test_an_accent_has_two_spellings_and_is_one_letter(folder):
    (folder / 'images/a.jpg').rename(folder / 'images/caf\u0065\u0301 1.jpg')
    (folder / 'labels.json').write_text(json.dumps({'caf\u00e9 1': ['cat']}))
    assert labelled(folder).get_data_info(0)['gt_label'].tolist() == [1, 0]


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (('background', 'cat', 'cat'), "names 'cat' 2 times: name every class once"),
        (('cat', 'background'), "has 'background' in its midst: put it first"),
        (('background', ''), "has '', which is no name"),
        (('background', 3), 'has 3, which is no name'),
        (('background', *map(str, range(300))), r'has 301 names, .* holds 254'),
    ],
)
def test_class_names_that_cannot_be(folder, classes, message):
    with pytest.raises(ValueError, match=message):
        WrappedDataset(config_of(folder, metainfo={'classes': classes}), [])
