import numpy as np
import pytest
from PIL import Image

from mmwsss.evaluation import ground_truth
from mmwsss.evaluation.ground_truth import MaskToCheck, check_masks, mask_fault
from mmwsss.seeds import save_mask

CLASSES = ('cat', 'dog')


@pytest.fixture
def draw(tmp_path):
    """Write a mask with some values and its image, and return what is to be checked."""

    def write(name, values, classes=(), size=(9, 8)):
        mask = np.resize(np.array(values, np.uint8), (9, 8))
        save_mask(tmp_path / f'{name}.png', mask)
        Image.new('RGB', size[::-1]).save(tmp_path / f'{name}.jpg')
        return MaskToCheck(tmp_path / f'{name}.png', str(tmp_path / f'{name}.jpg'), classes)

    return write


def test_masks_that_fit(draw):
    masks = [draw('a', [0, 1, 255], [0]), draw('b', [0, 2], [1]), draw('c', [0])]
    assert [mask_fault(mask) for mask in masks] == [None] * 3
    assert check_masks(masks, CLASSES) is None


def test_black_and_white_masks_are_refused(draw):
    """Whatever predicts background alone would be right on every pixel that counts."""
    masks = [draw('a', [0, 255], [0]), draw('b', [0, 255], [1]), draw('c', [0])]
    with pytest.raises(ValueError, match=r'none of the 3 masks .* values 0, 255: 0 is the backg'):
        check_masks(masks, CLASSES)


def test_masks_of_other_images_are_refused(draw):
    masks = [draw('a', [0, 2], [0]), draw('b', [0, 2], [0]), draw('c', [1], [0])]
    with pytest.raises(ValueError, match=r'of 3 masks .* 2 hold none .*a\.png, b\.png: they'):
        check_masks(masks, CLASSES)


def test_a_few_odd_ones_are_noted(draw):
    masks = [draw('a', [0, 2], [0]), draw('b', [0, 2], [1]), draw('c', [1], [0, 1])]
    assert check_masks(masks, CLASSES).endswith("none of their image's classes, among them a.png")


def test_a_value_that_is_no_class_is_named(draw):
    with pytest.raises(ValueError, match=r'a\.png has the value 3, but there are 2 classes, cat'):
        check_masks([draw('a', [0, 3, 7])], CLASSES)


def test_every_header_is_looked_at(draw, tmp_path):
    assert '8 x 9 pixels, its image' in mask_fault(draw('a', [0], size=(8, 9)))
    other = draw('b', [0])
    Image.new('RGB', (8, 9)).save(other.path)
    assert 'b.png is a picture (mode RGB)' in mask_fault(other)
    other.path.write_bytes(b'')
    assert 'b.png is damaged' in mask_fault(other)
    other.path.unlink()
    assert 'b.png' in mask_fault(other)


def test_as_many_odd_ones_as_others_are_noted_and_not_refused(draw):
    masks = [draw('a', [0, 2], [0]), draw('b', [0, 2], [1])]
    assert check_masks(masks, CLASSES).startswith('of 2 masks of labelled images')


def test_a_mask_that_is_cut_off_is_named(draw):
    mask = draw('a', [0, 1])
    mask.path.write_bytes(mask.path.read_bytes()[:-20])
    assert mask_fault(mask) == f'{mask.path} is cut off: its end is missing'


def test_of_many_masks_some_are_opened_and_they_are_spread_evenly(draw, monkeypatch):
    monkeypatch.setattr(ground_truth, 'MASKS_OPENED', 2)
    masks = [draw(name, [3 * (name in 'bd')]) for name in 'abcd']
    with pytest.raises(ValueError, match=r'none of the 2 masks'):
        check_masks(masks, CLASSES)  # the first and the third
    with pytest.raises(ValueError, match=r'b\.png has the value 3'):
        check_masks(masks[1:], CLASSES)
