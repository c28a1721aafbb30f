import sys

import numpy as np
import pytest
from skimage.segmentation import felzenszwalb, slic

from mmwsss.seeds.superpixels import SLIC, SUPERPIXELS, Felzenszwalb, check_scikit_image


def scene(noise=0):
    """Two halves of different colour, the right one with a square."""
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[:, :30], image[:, 30:] = (200, 40, 40), (40, 160, 60)
    image[10:25, 40:55] = (240, 240, 240)
    jitter = np.random.default_rng(0).integers(-noise, noise + 1, image.shape)
    return np.clip(image.astype(int) + jitter, 0, 255).astype(np.uint8)


@pytest.mark.parametrize('method', SUPERPIXELS)
def test_segments_respect_outlines_and_begin_at_one(method):
    image = scene(noise=4)
    label_map = SUPERPIXELS[method]().cut(image)
    assert label_map.shape == image.shape[:2] and label_map.min() == 1
    assert np.issubdtype(label_map.dtype, np.integer)
    truth = np.zeros((40, 60), dtype=int)
    truth[:, 30:], truth[10:25, 40:55] = 1, 2
    wrong = 0
    for name in np.unique(label_map):
        inside = np.bincount(truth[label_map == name])
        wrong += inside.sum() - inside.max()
    assert wrong < 0.03 * truth.size  # a blur moves an edge by a pixel


def test_settings_reach_the_method():
    image = scene(noise=60)
    few, many = (
        len(np.unique(Felzenszwalb(scale=scale, min_size=size).cut(image)))
        for scale, size in ((300, 200), (20, 10))
    )
    assert few < many
    sharp, blurred = (Felzenszwalb(sigma=sigma).cut(image) for sigma in (0.0, 2.0))
    assert (sharp != blurred).any()
    image = scene(noise=4)
    few, many = (len(np.unique(SLIC(n_segments=number).cut(image))) for number in (6, 60))
    assert few < 12 < many
    loose, compact = (SLIC(20, compactness).cut(image) for compactness in (1.0, 1000.0))
    assert (loose != compact).any()
    assert (SLIC(20, 10.0, 3.0).cut(image) != SLIC(20).cut(image)).any()


def test_a_missing_package_is_said(monkeypatch):
    check_scikit_image()
    monkeypatch.setitem(sys.modules, 'skimage.segmentation', None)
    with pytest.raises(ModuleNotFoundError, match=r"missing: pip install 'mmwsss\[segments\]'"):
        check_scikit_image()


def test_every_setting_is_that_of_scikit_image():
    image = scene(noise=40)
    expected = felzenszwalb(image, scale=60, sigma=0.4, min_size=15)
    np.testing.assert_array_equal(Felzenszwalb(60, 0.4, 15).cut(image), expected + 1)
    expected = slic(image, n_segments=30, compactness=20, sigma=0.5, start_label=1)
    np.testing.assert_array_equal(SLIC(30, 20, 0.5).cut(image), expected)


def test_defaults_are_the_documented_ones():
    assert Felzenszwalb() == Felzenszwalb(scale=100.0, sigma=0.8, min_size=50)
    assert SLIC() == SLIC(n_segments=200, compactness=10.0, sigma=0.0)
