"""What parts the names of classes in a cell, and names that have spaces themselves."""

import re

import pytest

from mmwsss.datasets.image_labels import load_image_labels, read_image_labels

TABLE = 'dining table'


def read(folder, text, name='l.csv'):
    path = folder / name
    path.write_text(text, encoding='utf-8')
    return read_image_labels(path)[1]


@pytest.mark.parametrize(
    'text',
    [
        'a,dining table;cat\nb,dining table\nc,cat\n',
        'a,dining table|cat\nb,dining table\nc,cat\n',
        'a,"dining table, cat"\nb,dining table\nc,cat\n',
        'a,dining table,cat\nb,dining table,\nc,cat,\n',
        'image,class\na,dining table\na,cat\nb,dining table\nc,cat\n',
        'image,labels\na,dining table\na,cat\nb,dining table\nc,cat\n',
        'image,label_1,label_2\na,dining table,cat\nb,dining table,\nc,cat,\n',
    ],
)
def test_names_may_have_spaces_where_something_else_parts_them(tmp_path, text):
    expected = {'a': ('cat', TABLE), 'b': (TABLE,), 'c': ('cat',)}
    assert read(tmp_path, text) == expected
    known = load_image_labels(tmp_path / 'l.csv', ('cat', TABLE))
    assert known == expected


@pytest.mark.parametrize(
    'text',
    [
        'image,class\na,dining table\nb,dog\nc,dining table\n',
        'a,"dining table"\nb,dog\nc,"dining table"\n',
        'a,dining table;\nb,dog\nc,dining table\n',
    ],
)
def test_a_cell_may_be_one_name(tmp_path, text):
    assert read(tmp_path, text) == {'a': (TABLE,), 'b': ('dog',), 'c': (TABLE,)}


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('l.csv', 'a,cat dog\nb,dog\nc,cat\n'),
        ('l.csv', 'image,class\na,cat dog\nb,dog\nc,cat\n'),
        ('l.csv', 'a,cat dog\nb,dog;\nc,cat\n'),
        ('l.csv', '"a","cat dog"\n"b","dog"\n"c","cat"\n'),
        ('l.txt', 'a cat dog\nb dog\nc cat\n'),
        ('l.txt', 'a\tcat, dog\nb: dog,\nc cat\n'),
    ],
)
def test_words_are_names_where_they_are_names_elsewhere(tmp_path, name, text):
    assert read(tmp_path, text, name) == {'a': ('cat', 'dog'), 'b': ('dog',), 'c': ('cat',)}


@pytest.mark.parametrize(
    ('name', 'text', 'asked'),
    [
        (
            'l.csv',
            'a,dining table\nb,dog\nc,dining table\n',
            'l.csv, line 1: is {!r} one class, or',
        ),
        ('l.csv', 'a,cat\nb,dog dining table\nc,dining table\n', 'line 2: is {!r} one class'),
        ('l.txt', 'a cat\nb dining table\n', 'l.txt, line 2: is {!r} one class'),
        ('l.csv', 'image,classes\na,dining table\nb,dog\n', 'line 2: is {!r} one class'),
        ('l.csv', 'a;dining table\nb;dog\n', 'Write `dining table|` for one class, `dining|table`'),
    ],
)
def test_words_that_never_stand_apart_are_asked_about(tmp_path, name, text, asked):
    with pytest.raises(ValueError, match=re.escape(asked.format(TABLE))):
        read(tmp_path, text, name)


@pytest.mark.parametrize(
    ('text', 'asked'),
    [
        ('a,traffic light car\nb,traffic sign\nc,car\n', "is 'traffic light' one class"),
        ('a,polar bear car\nb,brown bear\nc,car\n', "is 'polar bear' one class"),
        ('a,hot air balloon\nb,cat\n', "is 'hot air balloon' one class, or are hot and air and"),
        ('image,class\na,hot dog\nb,dog\n', "is 'hot dog' one class"),
    ],
)
def test_parts_of_several_names_are_found(tmp_path, text, asked):
    with pytest.raises(ValueError, match=asked):
        read(tmp_path, text)


def test_a_first_line_in_another_language_is_named(tmp_path):
    path = tmp_path / 'l.csv'
    path.write_text('Bild,Klasse\na,cat\n')
    with pytest.raises(ValueError, match=r"line 1: unknown class 'Klasse'; .*is `image,class`"):
        load_image_labels(path, ('cat',))
