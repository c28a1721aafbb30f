import math

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmengine.registry import DefaultScope
from PIL import Image

from mmwsss.datasets.transforms import PillowResize
from mmwsss.registry import TRANSFORMS

RNG = np.random.default_rng(0)


def resized(image, mask=None, **options):
    results = {'img': image}
    if mask is not None:
        results.update(mask=mask, seg_fields=['mask'])
    return TRANSFORMS.build({'type': 'mmwsss.PillowResize', **options})(results)


def naive_line(line, size):
    """Bicubic with ``a = -0.5`` whose width grows with the step, on one line of numbers."""
    step = len(line) / size
    width = max(step, 1.0)

    def kernel(x):
        x = abs(x)
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    out = []
    for i in range(size):
        center = (i + 0.5) * step
        weights = [kernel((j + 0.5 - center) / width) for j in range(len(line))]
        out.append(sum(w * v for w, v in zip(weights, line, strict=True)) / sum(weights))
    return out


@pytest.mark.parametrize('factor', [0.5, 0.25, 1.5, 1.0])
def test_bicubic_with_anti_aliasing_by_plain_loops(factor):
    image = RNG.integers(60, 200, (12, 20, 3), dtype=np.uint8)
    found = resized(image, scale_factor=factor)['img']
    size = round(12 * factor), round(20 * factor)
    for channel in range(3):
        rows = [naive_line(row, size[1]) for row in image[..., channel].tolist()]
        columns = [naive_line(column, size[0]) for column in zip(*rows, strict=True)]
        expected = np.array(columns).T
        # Pillow rounds to whole numbers after each direction
        np.testing.assert_allclose(found[..., channel], expected, atol=1.5)


def test_stripes_that_a_smaller_image_cannot_show_become_grey():
    """Without anti-aliasing a quarter of the size would show one of the two colours."""
    image = np.zeros((8, 32, 3), dtype=np.uint8)
    image[:, ::2] = 200
    found = resized(image, scale_factor=0.25)['img']
    assert found.shape == (2, 8, 3)
    assert np.abs(found[:, 1:-1].astype(int) - 100).max() < 12


@pytest.mark.parametrize(
    ('size', 'factor', 'expected'),
    [
        ((91, 117), 1.5, (136, 176)),  # 136.5 and 175.5: half to even
        ((91, 117), 0.5, (46, 58)),  # 45.5 and 58.5
        ((91, 117), 2.0, (182, 234)),
        ((1, 5), 0.4, (1, 2)),  # no side is lost
    ],
)
def test_released_rounding(size, factor, expected):
    image = np.zeros((*size, 3), dtype=np.uint8)
    results = resized(image, scale_factor=factor)
    assert results['img'].shape[:2] == results['img_shape'] == expected
    assert results['scale'] == expected[::-1]
    assert results['scale_factor'] == (expected[1] / size[1], expected[0] / size[0])


@pytest.mark.parametrize(
    ('size', 'options', 'expected'),
    [
        ((100, 75), {'scale': (640, 640)}, (640, 480)),
        ((75, 100), {'scale': 400}, (300, 400)),
        ((75, 100), {'scale': (100, 200)}, (100, 133)),  # the box may lie or stand
        ((75, 100), {'scale': (50, 20), 'keep_ratio': False}, (20, 50)),
        ((75, 100), {'scale_factor': 1.0, 'size_divisor': 16}, (80, 112)),
        ((80, 112), {'scale_factor': 1.0, 'size_divisor': 16}, (80, 112)),
        ((75, 100), {'scale_factor': 0.5, 'size_divisor': 16}, (48, 64)),  # CLIP-ES: ceil of s H
    ],
)
def test_sizes(size, options, expected):
    results = resized(np.zeros((*size, 3), dtype=np.uint8), **options)
    assert results['img'].shape == (*expected, 3)
    assert results['keep_ratio'] == options.get('keep_ratio', True)


def test_the_same_size_is_the_same_image():
    image = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resized(image, scale_factor=1.0)['img'], image)


def test_masks_take_pillows_nearest_pixel():
    """Half the size: of every pair of pixels the second."""
    mask = np.arange(24, dtype=np.uint8).reshape(4, 6)
    image = np.zeros((4, 6, 3), dtype=np.uint8)
    found = resized(image, mask, scale_factor=0.5)['mask']
    np.testing.assert_array_equal(found, mask[1::2, 1::2])
    np.testing.assert_array_equal(found, np.array(Image.fromarray(mask).resize((3, 2), 0)))


def test_a_random_resize_uses_it():
    options = {'scale': (64, 64), 'ratio_range': (0.5, 65 / 64), 'keep_ratio': True}
    with DefaultScope.overwrite_default_scope('mmseg'):  # as our configs do
        transform = Compose(
            [{'type': 'RandomResize', 'resize_type': 'mmwsss.PillowResize', **options}]
        )
    image = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    seen = set()
    for _ in range(50):
        found = transform({'img': image, 'scale': None})
        long = found['img'].shape[1]
        seen.add(long)
        factor = long / 40
        assert found['img'].shape[0] == round(30 * factor)
        expected = Image.fromarray(image).resize(found['img'].shape[1::-1], Image.BICUBIC)
        np.testing.assert_array_equal(found['img'], np.array(expected))
    assert 32 <= min(seen) < 40 < max(seen) <= 65


@pytest.mark.parametrize('options', [{}, {'scale': 5, 'scale_factor': 0.5}])
def test_one_size_must_be_given(options):
    with pytest.raises(ValueError, match='needs one of scale_factor and scale'):
        PillowResize(**options)


def test_bilinear_is_pillows_too():
    image = RNG.integers(0, 256, (12, 20, 3), dtype=np.uint8)
    found = resized(image, scale_factor=0.5, interpolation='bilinear')['img']
    expected = Image.fromarray(image).resize((10, 6), Image.BILINEAR)
    np.testing.assert_array_equal(found, np.array(expected))
    with pytest.raises(ValueError, match="interpolation is 'area'; choose one of bicubic, bilin"):
        PillowResize(0.5, interpolation='area')


def test_it_says_what_it_is():
    assert 'scale_factor=0.5' in repr(PillowResize(0.5))
    assert math.isclose(PillowResize(0.5).scale_factor, 0.5)
