import json

import numpy as np
import pytest

from mmwsss.datasets.image_labels import (
    foreground_classes,
    load_image_labels,
    save_image_labels,
    to_multi_hot,
)

CLASSES = ('cat', 'dog', 'dining table')


def write(folder, name, text):
    (folder / name).write_text(text, encoding='utf-8')
    return folder / name


def test_json(tmp_path):
    path = write(tmp_path, 'labels.json', '{"1": ["dog", "cat", "dog"], "2": []}')
    assert load_image_labels(path, CLASSES) == {'1': ('cat', 'dog'), '2': ()}


@pytest.mark.parametrize('header', ['', 'image_id,classes\n', '\ufeffimage_id,classes\n'])
def test_csv(tmp_path, header):
    rows = '1,cat dog\n2,dog;dining table\n3,dining table,cat\n\n4,\n5,"dining table"\n6,cat;\n'
    path = write(tmp_path, 'labels.csv', header + rows)
    assert load_image_labels(path, CLASSES) == {
        '1': ('cat', 'dog'),
        '2': ('dog', 'dining table'),
        '3': ('cat', 'dining table'),
        '4': (),
        '5': ('dining table',),
        '6': ('cat',),
    }


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('l.json', '{"1": ["Cta"]}', "image '1': unknown class 'Cta'; did you mean 'cat'?"),
        ('l.json', '{"1": ["CAT"]}', "image '1': unknown class 'CAT'; did you mean 'cat'?"),
        ('l.json', '{"1": ["xyz"]}', "unknown class 'xyz'; known are cat, dog, dining table."),
        ('l.json', '{"1": [],\n"2" ["cat"]}', 'l.json, line 2: not JSON'),
        ('l.json', '["cat"]', 'holds a JSON list; it must be one object like {"image id": ["cat'),
        ('l.json', '{"1": "cat"}', "image '1': the classes must be a list of names like ["),
        ('l.json', '{"1": {"cat": 1}}', "image '1': the classes must be a list of names like ["),
        ('l.json', '{"1": [3]}', "image '1': the classes must be a list of names like ["),
        ('l.json', '{"1": [], "1": []}', "image '1': image '1' is there twice; merge the two"),
        ('l.json', ' \n', 'l.json is empty; write it anew with `mmwsss convert labels`'),
        ('l.json', '{}', 'l.json has no image in it; write it anew with `mmwsss convert labels`'),
        ('l.csv', '', 'l.csv is empty; write it anew with `mmwsss convert labels`'),
        ('l.csv', 'image_id,classes\n', 'l.csv has no image in it; write it anew with'),
        ('l.csv', '1,cat\n1,dog\n', "l.csv, line 2: image '1' is there twice; merge the two"),
        ('l.csv', '1,cat\n2,dgo\n', "l.csv, line 2: unknown class 'dgo'; did you mean 'dog'?"),
        ('l.csv', '1,dining table dog\n', "l.csv, line 1: unknown class 'dining'; did you mean"),
        ('l.csv', '1\n', "l.csv, line 1: no comma after the image id '1'; a row is `id,class"),
        ('l.csv', ',cat\n', 'l.csv, line 1: the image id is missing; a row is `id,class class`.'),
        ('l.yaml', '1 cat\n', "ends in .json, .csv or .txt, not '.yaml'; write one"),
        ('l.npy', '', 'is a pickle and a pickle runs code; write a JSON file with `mmwsss convert'),
    ],
)
def test_malformed_files_are_named_with_the_cure(tmp_path, name, text, message):
    path = write(tmp_path, name, text)
    with pytest.raises(ValueError) as error:
        load_image_labels(path, CLASSES)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert '\n' not in str(error.value)


def test_text_that_is_not_utf8(tmp_path):
    path = tmp_path / 'l.csv'
    path.write_bytes(b'caf\xe9,cat\n')
    with pytest.raises(ValueError, match=r'line 1, is not UTF-8 text: save it as UTF-8'):
        load_image_labels(path, CLASSES)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no label file .*l\.json; check `label_file`'):
        load_image_labels(tmp_path / 'l.json', CLASSES)


def test_saved_files_are_sorted_and_read_back(tmp_path):
    one, two = tmp_path / 'new' / 'one.json', tmp_path / 'new' / 'two.json'
    save_image_labels(one, {'b': ['dog', 'cat'], 'a': [], 'ä': {'dog'}})
    save_image_labels(two, {'ä': ['dog', 'dog'], 'a': (), 'b': ['cat', 'dog']})
    assert one.read_bytes() == two.read_bytes()
    assert list(json.loads(one.read_text())) == ['a', 'b', 'ä']
    assert load_image_labels(one, CLASSES) == {'a': (), 'b': ('cat', 'dog'), 'ä': ('dog',)}
    assert sorted(path.name for path in one.parent.iterdir()) == ['one.json', 'two.json']


def test_save_refuses_other_formats(tmp_path):
    with pytest.raises(ValueError, match=r'written as JSON; give a name ending in \.json'):
        save_image_labels(tmp_path / 'labels.csv', {})


def test_multi_hot_counts_foreground_classes_only():
    classes = foreground_classes(('BACKGROUND', 'cat', 'dog', 'cow'))
    label = to_multi_hot(('cow', 'cat'), classes)
    np.testing.assert_array_equal(label, [1, 0, 1])
    assert label.dtype == np.int64
    assert foreground_classes(('cat', 'background')) == ('cat', 'background')


def test_a_text_file_has_an_image_a_line(tmp_path):
    path = tmp_path / 'labels.txt'
    path.write_text('a dog cat\n\nb\n')
    assert load_image_labels(path, ['cat', 'dog']) == {'a': ('cat', 'dog'), 'b': ()}
    path.write_text('a dog\na cat\n')
    with pytest.raises(ValueError, match=r"line 2: image 'a' is there twice"):
        load_image_labels(path, ['cat', 'dog'])
