import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.datasets import COCOStuffDataset
from PIL import Image

from mmwsss.commands.main import main
from mmwsss.datasets.coco_converter import convert_coco_split
from mmwsss.datasets.coco_objects import COCO_CLASSES, COCOObjectDataset
from mmwsss.registry import DATASETS
from mmwsss.seeds.masks import voc_palette


def box(left, top, right, bottom):
    """The polygon of the pixels left..right-1, top..bottom-1."""
    return [[left, top, right, top, right, bottom, left, bottom]]


def annotation(number, image, category, segmentation, **more):
    return {
        'id': number,
        'image_id': image,
        'category_id': category,
        'segmentation': segmentation,
        **more,
    }


@pytest.fixture
def content():
    # 6 x 4 pixels; run lengths go down the columns, the background first
    two_columns = {'size': [4, 6], 'counts': [12, 8, 4]}
    return {
        'categories': [{'id': 90, 'name': 'toothbrush'}, {'id': 3, 'name': 'car'}],
        'images': [
            {'id': 7, 'file_name': 'COCO_train2014_000000000007.jpg', 'height': 4, 'width': 6},
            {'id': 8, 'file_name': 'COCO_train2014_000000000008.jpg', 'height': 4, 'width': 6},
            {'id': 9, 'file_name': 'COCO_train2014_000000000009.jpg', 'height': 4, 'width': 6},
        ],
        'annotations': [
            annotation(1, 9, 3, box(0, 0, 4, 2)),
            annotation(2, 7, 3, two_columns, iscrowd=1),
            annotation(3, 9, 90, box(2, 1, 6, 4)),
            annotation(4, 9, 3, two_columns, iscrowd=1),
        ],
    }


def write(root, content):
    path = root / 'annotations' / 'instances_tiny.json'
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def read_mask(root, number):
    path = root / 'SegmentationClass' / 'tiny' / f'COCO_train2014_00000000000{number}.png'
    with Image.open(path) as image:
        assert image.mode == 'P'
        return np.array(image)


@pytest.mark.parametrize('outline', [[], None])
def test_boxes_are_labels_and_no_masks(tmp_path, content, capsys, outline):
    """As detection tools write it."""
    content['annotations'] = [annotation(1, 9, 3, outline, bbox=[0, 0, 4, 2])]
    if outline is None:
        del content['annotations'][0]['segmentation'], content['images'][2]['width']
    write(tmp_path, content)
    assert convert_coco_split(tmp_path, 'tiny') == 1
    labels = json.loads((tmp_path / 'image_labels_tiny.json').read_text())
    assert labels == {'COCO_train2014_000000000009': ['car']}
    assert (tmp_path / 'ImageSets/tiny.txt').read_text() == 'COCO_train2014_000000000009\n'
    assert not (tmp_path / 'SegmentationClass').exists()
    assert '1 objects with a box alone, without segmentation' in capsys.readouterr().out


def test_sizes_may_be_written_as_decimals(tmp_path, content):
    content['images'][2].update(width=6.0, height=4.0)
    write(tmp_path, content)
    convert_coco_split(tmp_path, 'tiny')
    assert read_mask(tmp_path, 9).shape == (4, 6)


@pytest.mark.parametrize('processes', [1, 2])
def test_later_objects_lie_over_earlier_ones_and_crowds_are_nowhere(tmp_path, content, processes):
    write(tmp_path, content)
    assert convert_coco_split(tmp_path, 'tiny', processes) == 2
    expected = np.zeros((4, 6), dtype=int)
    expected[0:2, 0:4] = 1  # car: id 3 is the first category
    expected[1:4, 2:6] = 2  # toothbrush: id 90 is the second
    assert (read_mask(tmp_path, 9) == expected).all()
    assert not read_mask(tmp_path, 7).any()
    labels = json.loads((tmp_path / 'image_labels_tiny.json').read_text())
    assert labels == {
        'COCO_train2014_000000000007': [],  # a crowd alone
        'COCO_train2014_000000000009': ['car', 'toothbrush'],
    }
    # image 8 has no annotation
    assert (tmp_path / 'ImageSets' / 'tiny.txt').read_text().split() == sorted(labels)


def test_run_lengths_are_read_as_polygons_are(tmp_path, content):
    content['annotations'] = [
        annotation(1, 7, 3, {'size': [4, 6], 'counts': [12, 8, 4]}),
        annotation(2, 8, 3, box(3, 0, 5, 4)),
    ]
    write(tmp_path, content)
    convert_coco_split(tmp_path, 'tiny')
    assert (read_mask(tmp_path, 7)[:, 3:5] == 1).all()
    assert read_mask(tmp_path, 7).sum() == 8
    assert (read_mask(tmp_path, 7) == read_mask(tmp_path, 8)).all()


def test_bad_files_are_named_with_a_cure(tmp_path, content):
    with pytest.raises(FileNotFoundError, match=r'instances_tiny\.json; unpack the annotations'):
        convert_coco_split(tmp_path, 'tiny')
    sizeless = {**content, 'images': [{'id': 7, 'file_name': '7.jpg'}, *content['images'][1:]]}
    for broken in ('{', '[]', '{"images": []}', sizeless):
        write(tmp_path, broken)
        with pytest.raises(ValueError, match=r'is no file of COCO instances .* archive anew'):
            convert_coco_split(tmp_path, 'tiny')
    for key in ('image_id', 'category_id'):
        write(tmp_path, {**content, 'annotations': [{**content['annotations'][0], key: 55}]})
        with pytest.raises(ValueError, match=rf'annotation 1 has {key}=55, .* archive anew'):
            convert_coco_split(tmp_path, 'tiny')
    same = [dict(image, file_name=f'{image["id"]}/1.jpg') for image in content['images']]
    write(tmp_path, {**content, 'images': same})
    with pytest.raises(ValueError, match=r"2 images are named '1'; .* must differ"):
        convert_coco_split(tmp_path, 'tiny')
    many = [{'id': number, 'name': str(number)} for number in range(255)]
    write(tmp_path, {**content, 'categories': many})
    with pytest.raises(ValueError, match=r'has 255 categories, .* holds 254 at most'):
        convert_coco_split(tmp_path, 'tiny')
    write(tmp_path, {**content, 'annotations': [annotation(1, 7, 3, [[1, 2]])]})
    with pytest.raises(ValueError, match=r'image COCO_train2014_000000000007 has no readable'):
        convert_coco_split(tmp_path, 'tiny')
    assert not (tmp_path / 'ImageSets').exists()  # written last


def test_an_incomplete_coco_is_noticed(tmp_path, content):
    write(tmp_path, content)
    path = tmp_path / 'annotations' / 'instances_tiny.json'
    path.rename(path.with_name('instances_val2014.json'))
    with pytest.warns(UserWarning, match=r'has 2 images with objects where COCO has 40137'):
        convert_coco_split(tmp_path, 'val2014')


def test_the_dataset_reads_what_the_command_wrote(tmp_path, content, capsys):
    write(tmp_path, content)
    assert main(['convert', 'coco', str(tmp_path), '--splits', 'tiny', '--processes', '1']) == 0
    assert '2 images in tiny' in capsys.readouterr().out
    init_default_scope('mmseg')
    dataset = DATASETS.build(
        {
            'type': 'mmwsss.COCOObjectDataset',
            'data_root': str(tmp_path),
            'ann_file': 'ImageSets/tiny.txt',
            'data_prefix': {'img_path': 'tiny', 'seg_map_path': 'SegmentationClass/tiny'},
            'pipeline': [{'type': 'LoadAnnotations'}],
        }
    )
    assert dataset.metainfo['classes'] == COCO_CLASSES
    assert len(set(COCO_CLASSES)) == 81
    assert dataset[1]['gt_seg_map'].max() == 2  # the zero is background, not left out


def test_classes_are_coco_s_in_their_order_and_colours_voc_s():
    things = COCOStuffDataset.METAINFO['classes'][:80]  # of mmseg; stuff follows
    assert ('background', *things) == COCO_CLASSES
    assert COCOObjectDataset.METAINFO['palette'] == voc_palette()[:81].tolist()
