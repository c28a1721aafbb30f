import numpy as np
import pytest

from mmwsss.datasets.transforms import RandomPadCrop
from mmwsss.registry import TRANSFORMS


def numbered(height, width):
    """An image whose pixels are all different and never zero, and a mask that says the same."""
    mask = np.arange(1, height * width + 1, dtype=np.int32).reshape(height, width)
    return np.stack([mask, mask + 1000, mask + 2000], axis=-1), mask


def results_for(height, width):
    image, mask = numbered(height, width)
    return {
        'img': image,
        'img_shape': (height, width),
        'gt_seg_map': mask,
        'seg_fields': ['gt_seg_map'],
    }


@pytest.mark.parametrize(
    ('height', 'width'), [(3, 4), (9, 12), (3, 12), (9, 4), (5, 7), (5, 12), (1, 1)]
)
def test_image_mask_and_valid_mask_agree(height, width):
    crop = RandomPadCrop((5, 7), ignore_index=255)
    for seed in range(20):
        np.random.seed(seed)
        results = crop(results_for(height, width))
        valid = results['valid_mask'].astype(bool)
        assert results['valid_mask'].dtype == np.uint8
        assert results['img'].shape == (5, 7, 3)
        assert results['img_shape'] == results['pad_shape'] == (5, 7)
        np.testing.assert_array_equal(valid, (results['img'] != 0).all(axis=-1))
        np.testing.assert_array_equal(results['img'][..., 0][valid], results['gt_seg_map'][valid])
        assert (results['img'][~valid] == 0).all()
        assert (results['gt_seg_map'][~valid] == 255).all()
        shown = (min(height, 5), min(width, 7))
        rows, columns = valid.any(axis=1).sum(), valid.any(axis=0).sum()
        assert (rows, columns) == shown
        block = results['gt_seg_map'][valid].reshape(shown)
        offset = block[0, 0] - 1
        expected = numbered(height, width)[1][: shown[0], : shown[1]] + offset
        np.testing.assert_array_equal(block, expected)


@pytest.mark.parametrize(('size', 'places'), [(3, 3), (5, 1), (8, 4)])
def test_every_place_occurs_along_each_axis(size, places):
    crop = RandomPadCrop(5)
    found = set()
    for seed in range(200):
        np.random.seed(seed)
        results = crop(results_for(size, size))
        row, column = np.argwhere(results['valid_mask'])[0]
        value = results['gt_seg_map'][row, column] - 1
        found.add((row + value // size, column + value % size))
    assert len(found) == places**2


def test_flip_then_crop_keep_image_and_mask_together():
    flip = TRANSFORMS.build({'type': 'RandomFlip', 'prob': 1.0})
    np.random.seed(0)
    results = RandomPadCrop((5, 7))(flip(results_for(4, 9)))
    valid = results['valid_mask'].astype(bool)
    assert valid.sum() == 4 * 7
    np.testing.assert_array_equal(results['img'][..., 0][valid], results['gt_seg_map'][valid])
    row = results['gt_seg_map'][valid][:7]
    np.testing.assert_array_equal(np.diff(row), -np.ones(6))


def test_without_masks_and_in_grey():
    results = RandomPadCrop(4)({'img': np.ones((2, 6), dtype=np.uint8)})
    assert results['img'].shape == (4, 4)
    assert results['img'].dtype == np.uint8
    np.testing.assert_array_equal(results['img'], results['valid_mask'])


def test_it_is_registered_and_says_what_it_does():
    crop = TRANSFORMS.build({'type': 'mmwsss.RandomPadCrop', 'crop_size': 512})
    assert repr(crop) == 'RandomPadCrop(crop_size=(512, 512), ignore_index=255)'


def test_the_resize_of_the_configs_draws_the_long_side_evenly():
    """`scale=[(320, 320), (640, 640)]` would draw both sides, and favour the middle."""
    resize = TRANSFORMS.build(
        {
            'type': 'RandomResize',
            'scale': (640, 640),
            'ratio_range': (0.5, 641 / 640),
            'resize_type': 'Resize',
            'keep_ratio': True,
            'interpolation': 'bicubic',
        }
    )
    np.random.seed(0)
    scales = [resize._random_scale() for _ in range(20000)]
    assert all(width == height for width, height in scales)
    counts = np.bincount([width for width, _ in scales], minlength=641)
    assert counts[320:].min() > 0
    assert counts[:320].sum() == 0
    quarters = counts[320:640].reshape(4, 80).sum(axis=1) / len(scales)
    np.testing.assert_allclose(quarters, 0.25, atol=0.015)
    image = resize({'img': np.zeros((50, 37, 3), dtype=np.uint8)})['img']
    assert 320 <= max(image.shape[:2]) <= 640
    assert image.shape[1] == pytest.approx(image.shape[0] * 37 / 50, abs=1)
