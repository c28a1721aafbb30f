import warnings

import numpy as np
import pytest
from PIL import Image

from mmwsss.datasets import label_converters as converters

XML = """<annotation><filename>1.jpg</filename>
<object><name>person</name><difficult>0</difficult>
  <part><name>head</name></part></object>
<object><name>dog</name><difficult>1</difficult></object>
<object><name>person</name></object></annotation>"""


def save_mask(path, values, mode='L'):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.array(values, dtype=np.uint8)).convert(mode).save(path)


def test_xml_counts_difficult_objects_and_no_parts(tmp_path):
    (tmp_path / '1.xml').write_text(XML)
    (tmp_path / '2.xml').write_text('<annotation/>')
    labels = converters.labels_from_voc_xml(tmp_path, ['1', '2'])
    assert labels == {'1': ('dog', 'person'), '2': ()}


def test_bad_xml(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no annotation .*1\.xml; check the folder'):
        converters.labels_from_voc_xml(tmp_path, ['1'])
    (tmp_path / '1.xml').write_text(XML[:-20])
    with pytest.raises(ValueError, match=r'1\.xml is not XML .* extract it from the archive anew'):
        converters.labels_from_voc_xml(tmp_path, ['1'])
    (tmp_path / '1.xml').write_text('<annotation><object/></annotation>')
    with pytest.raises(ValueError, match=r'1\.xml has an object without a name; extract it'):
        converters.labels_from_voc_xml(tmp_path, ['1'])


@pytest.mark.parametrize('mode', ['L', 'P'])
def test_masks(tmp_path, mode):
    path = tmp_path / '1.png'
    save_mask(path, [[0, 2], [255, 2]])
    if mode == 'P':
        mask = Image.open(path)
        mask.putpalette([9, 9, 9] * 256)
        mask.save(path)
    labels = converters.labels_from_masks(tmp_path, ['1'], ('background', 'cat', 'dog'))
    assert labels == {'1': ('dog',)}
    assert converters.labels_from_masks(tmp_path, ['1'], ('cat', 'dog', 'cow')) == {
        '1': ('cat', 'cow')
    }


def test_bad_masks(tmp_path):
    classes = ('background', 'cat')
    with pytest.raises(FileNotFoundError, match=r'mask .*1\.png is missing'):
        converters.labels_from_masks(tmp_path, ['1'], classes)
    save_mask(tmp_path / '1.png', [[0, 1, 2]])
    with pytest.raises(ValueError, match=r'1\.png has the value 2, but there are 2 classes; check'):
        converters.labels_from_masks(tmp_path, ['1'], classes)
    assert converters.labels_from_masks(tmp_path, ['1'], classes, ignore_index=2) == {'1': ('cat',)}
    save_mask(tmp_path / '1.png', [[0, 1]], mode='RGB')
    with pytest.raises(ValueError, match=r'1\.png is a picture \(mode RGB\), but a mask'):
        converters.labels_from_masks(tmp_path, ['1'], classes)


def test_text(tmp_path):
    path = tmp_path / 'labels.txt'
    with pytest.raises(FileNotFoundError, match=r'no label file .*labels\.txt; check'):
        converters.labels_from_text(path)
    path.write_text('1 cat dog\n\n2\n')
    assert converters.labels_from_text(path) == {'1': ('cat', 'dog'), '2': ()}
    path.write_text('1 cat\n1 dog\n')
    with pytest.raises(ValueError, match=r"labels\.txt, line 2: image '1' is there twice; merge"):
        converters.labels_from_text(path)
    path.write_text('\n')
    with pytest.raises(ValueError, match=r'labels\.txt is empty; write it anew'):
        converters.labels_from_text(path)


def test_lists(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no \*\.png file in .*; check the path'):
        converters.ids_in_folder(tmp_path, '.png')


def test_trainaug_is_all_masks_without_val(tmp_path):
    for image_id in 'dcba':
        save_mask(tmp_path / 'masks' / f'{image_id}.png', [[0]])
    (tmp_path / 'val.txt').write_text('b\nx\n')
    out = tmp_path / 'trainaug.txt'
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        ids = converters.write_trainaug_list(tmp_path / 'masks', tmp_path / 'val.txt', out, 3)
    assert ids == ['a', 'c', 'd']
    assert out.read_text() == 'a\nc\nd\n'
    with pytest.warns(UserWarning, match=r'gives 3 images where VOC trainaug has 10582; check'):
        converters.write_trainaug_list(tmp_path / 'masks', tmp_path / 'val.txt', out)


def test_masks_of_black_and_white_are_no_labels(tmp_path):
    for name in ('a', 'b'):
        Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / f'{name}.png')
    message = r'None of the 2 masks .* holds a class, they have the values 0, 255; the value'
    with pytest.raises(ValueError, match=message):
        converters.labels_from_masks(tmp_path, ['a', 'b'], ['background', 'cat', 'dog'])
