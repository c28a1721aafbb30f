import numpy as np
import pytest

from mmwsss.datasets.captions import AddCaption

NAMES = ['cat', 'dog', 'cow']


def make(**kwargs):
    return AddCaption(NAMES, ['sky', 'grass'], ['a photo of a {}.'], **kwargs)


def describe(label, mask=None, **kwargs):
    results = {'gt_label': np.array(label)}
    if mask is not None:
        results['gt_seg_map'] = np.array(mask, dtype=np.uint8)
    return make(**kwargs).transform(results)


def test_the_caption_names_what_its_label_says():
    np.random.seed(0)
    seen = set()
    for _ in range(40):
        results = describe([1, 0, 1])
        named = [name for name in NAMES if name in results['caption']]
        label = results['caption_label']
        assert label[0] == 0
        assert [NAMES[i] for i in np.flatnonzero(label[1:])] == named
        assert results['shown_label'].tolist() == [0, 1, 0, 1]
        seen.add(tuple(named))
    assert seen == {('cat',), ('cow',), ('cat', 'cow')}


def test_all_or_one():
    assert describe([1, 1, 0], all_prob=1.0)['caption_label'].sum() == 2
    assert describe([1, 1, 0], all_prob=0.0)['caption_label'].sum() == 1


def test_what_the_crop_lost_is_not_named_and_the_mask_adds_no_class():
    results = describe([1, 0, 1], [[1, 1], [2, 255]])
    assert results['shown_label'].tolist() == [0, 1, 0, 0]
    assert results['caption'] == 'a photo of a cat.'


def test_an_image_of_background_is_called_by_a_name_of_the_background():
    results = describe([1, 0, 0], [[0, 0], [0, 255]])
    assert results['caption'] in ('a photo of a sky.', 'a photo of a grass.')
    assert results['caption_label'].tolist() == results['shown_label'].tolist() == [1, 0, 0, 0]


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match='needs names'):
        AddCaption([], ['sky'])
    with pytest.raises(ValueError, match=r'no \{\}'):
        AddCaption(NAMES, ['sky'], ['a photo'])
    with pytest.raises(ValueError, match='2 classes'):
        describe([1, 0])
