"""Figures of classes and confusions, counted by hand."""

from types import SimpleNamespace

import numpy as np

from mmwsss.pipeline.report.figures import class_table, confusion_sections
from mmwsss.pipeline.report.gallery import TRAINING, Judged

CLASSES = ('background', 'cat', 'dog')
LABELS = {'a': [1], 'b': [1, 2], 'c': [1], 'd': []}


def sets_of(judged):
    images = SimpleNamespace(classes=CLASSES, palette=np.array([[0, 0, 0], [1, 2, 3], [255, 0, 9]]))
    image_set = SimpleNamespace(images=images, ids=sorted(LABELS), labels=LABELS.get)
    return {TRAINING: (image_set, judged)}


def test_confusions_are_shares_of_rows_and_the_worst_class_is_described():
    pairs = np.array([[60, 6, 3], [20, 48, 12], [0, 0, 0]])
    (section,) = confusion_sections(sets_of(Judged(pairs={'run': pairs})))
    assert section['title'] == 'Pseudo masks, run'
    assert [tuple(pair) for pair in section['pairs']] == [('cat', 'dog', 15.0)]
    assert (section['rows'], section['columns']) == (['background', 'cat'], list(CLASSES))
    assert section['shares'] == [[87.0, 8.7, 4.3], [25.0, 60.0, 15.0]]
    # IoU of the dog 0 of 15; no pixel is a dog
    assert section['missed'].startswith('Lowest IoU: dog, 0.0. Of its pixels 0 % are right')
    pairs[2, 2] = 40
    (section,) = confusion_sections(sets_of(Judged(pairs={'run': pairs})))
    assert section['missed'] == (
        'Lowest IoU: cat, 55.8. Of its pixels 60 % are right, 25 % are taken for background; '
        'background that is taken for it makes 11 % of what is called so.'
    )


def test_classes_are_counted_by_labels_and_found_in_masks():
    areas = {
        'a': np.array([60, 30, 0, 10]),
        'b': np.array([80, 10, 10, 0]),
        'c': np.array([90, 0, 10, 0]),
        'd': np.array([100, 0, 0, 0]),
    }
    table = class_table([], sets_of(Judged(areas=areas)))
    assert table['names'] == ['cat', 'dog']
    cells = [[cell['text'] for cell in column['cells']] for column in table['columns']]
    # cats: in two of three images, there 30 and 10 %; a dog that no label names does not count
    assert cells == [['3', '1'], ['67', '100'], ['20.0', '10.0']]
    assert table['colors'] == {'background': '#000000', 'cat': '#010203', 'dog': '#ff0009'}
