import numpy as np
import pytest

from mmwsss.visualization import (
    class_legend,
    fit_image,
    heatmap_colors,
    overlay_heatmap,
    overlay_mask,
)

PALETTE = np.array([[0, 0, 0], [200, 0, 0], [0, 0, 200]], dtype=np.uint8)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)


def test_a_map_of_zeros_leaves_the_photograph(photo):
    before = photo.copy()
    np.testing.assert_array_equal(overlay_heatmap(photo, np.zeros((24, 40))), before)
    overlay_heatmap(photo, np.ones((24, 40)))
    np.testing.assert_array_equal(photo, before)


def test_weak_values_are_more_transparent_than_strong_ones():
    black = np.zeros((1, 4, 3), dtype=np.uint8)
    values = np.array([[0.1, 0.2, 0.5, 1.0]], dtype=np.float32)
    picture = overlay_heatmap(black, values)
    assert picture.dtype == np.uint8
    share = picture.sum(axis=-1) / heatmap_colors(values).astype(float).sum(axis=-1)
    np.testing.assert_allclose(share, [[0.14, 0.28, 0.7, 0.7]], atol=0.01)


def test_colours_do_not_depend_on_the_rest_of_the_map(photo):
    weak, strong = np.full((24, 40), 0.3), np.full((24, 40), 0.3)
    strong[:, 20:] = 1.0
    np.testing.assert_array_equal(
        overlay_heatmap(photo, weak)[:, :20], overlay_heatmap(photo, strong)[:, :20]
    )


def test_the_threshold_is_a_white_line_round_what_is_above():
    grey = np.full((20, 30, 3), 90, dtype=np.uint8)
    heatmap = np.zeros((20, 30), dtype=np.float32)
    heatmap[5:15, 10:25] = 0.6
    changed = (overlay_heatmap(grey, heatmap, 0.5) != overlay_heatmap(grey, heatmap)).any(axis=-1)
    assert changed[5, 10:25].all() and changed[5:15, 24].all()
    assert not changed[8:12, 13:22].any() and not changed[:3].any()
    np.testing.assert_array_equal(
        overlay_heatmap(grey, heatmap, 0.7), overlay_heatmap(grey, heatmap)
    )


def test_high_values_are_red_and_low_ones_blue():
    low, high = heatmap_colors(np.array([0.1, 0.9])).astype(int)
    assert low[2] > low[0] and high[0] > high[2]


def test_a_mask_keeps_the_background_and_hatches_ignored_pixels(photo):
    mask = np.zeros((24, 40), dtype=np.uint8)
    mask[:, 10:20], mask[:, 20:30], mask[:, 30:] = 1, 2, 255
    picture = overlay_mask(photo, mask, PALETTE).astype(int)
    np.testing.assert_array_equal(picture[:, :10], photo[:, :10])
    inside = photo[:, 11:19] + 0.7 * (PALETTE[1] - photo[:, 11:19].astype(float))
    np.testing.assert_allclose(picture[:, 11:19], inside, atol=0.51)
    assert (picture[:, 10] == PALETTE[1]).all() and (picture[:, 20] == PALETTE[2]).all()
    ignored, before = picture[:, 30:], photo[:, 30:].astype(int)
    assert (ignored >= before).all()
    white = (ignored >= 229).all(axis=-1)
    assert 0.2 < white.mean() < 0.8  # stripes, and the photograph between them


def test_a_mask_of_one_pixel():
    picture = overlay_mask(np.zeros((1, 1, 3), dtype=np.uint8), np.ones((1, 1), np.uint8), PALETTE)
    assert picture.tolist() == [[[140, 0, 0]]]


def test_another_ignore_index(photo):
    mask = np.full((24, 40), 2, dtype=np.uint8)
    hatched = overlay_mask(photo, mask, PALETTE, ignore_index=2)
    np.testing.assert_array_equal(
        hatched, overlay_mask(photo, np.full((24, 40), 255, np.uint8), PALETTE)
    )


def test_wrong_input(photo):
    with pytest.raises(ValueError, match='label 3, but the palette 3'):
        overlay_mask(photo, np.full((24, 40), 3, dtype=np.uint8), PALETTE)
    with pytest.raises(ValueError, match=r'\(24, 40\).*\(40, 24\)'):
        overlay_mask(photo, np.zeros((40, 24), dtype=np.uint8), PALETTE)
    with pytest.raises(ValueError, match=r'must lie in \[0, 1\]'):
        overlay_heatmap(photo, np.full((24, 40), 1.5))
    with pytest.raises(ValueError, match='uint8'):
        overlay_heatmap(photo / 255, np.zeros((24, 40)))
    with pytest.raises(ValueError, match='4 classes'):
        class_legend(['background', 'a', 'b', 'c'], PALETTE)


def test_fit_image(photo):
    assert fit_image(photo, 20).shape == (12, 20, 3)
    assert fit_image(photo.transpose(1, 0, 2), 20).shape == (20, 12, 3)
    assert fit_image(photo, 100) is photo
    assert fit_image(np.zeros((1, 300, 3), dtype=np.uint8), 50).shape == (1, 50, 3)


def test_class_legend():
    legend = class_legend(['background', 'a'], PALETTE)
    assert legend == {'background': '#000000', 'a': '#c80000'}
