import numpy as np
import pytest

from mmwsss.visualization import draw_kl_curves, draw_threshold_curves

BLUE, RED = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)


def curve(height):
    thresholds = np.linspace(0, 1, 11)
    values = height * (1 - (thresholds - 0.3) ** 2)
    best = {'threshold': 0.3, 'mIoU': height, 'IoU': {}, 'at_border': False}
    return {'thresholds': thresholds.tolist(), 'mIoU': values.tolist(), 'best': best}


def pixels(picture, color):
    return np.argwhere((picture == color).all(axis=-1))


def test_a_run_has_a_colour_and_is_higher_when_it_is_better():
    picture = draw_threshold_curves({'host': {'cam': curve(40)}, 'plug-in': {'cam': curve(50)}})
    assert picture.dtype == np.uint8 and picture.shape == (462, 880, 3)
    host, plug_in = pixels(picture, BLUE), pixels(picture, RED)
    assert len(host) > 200 and len(plug_in) > 200
    assert plug_in[:, 0].min() < host[:, 0].min()


def test_the_best_point_is_marked():
    picture = draw_threshold_curves({'host': {'cam': curve(40)}})
    line = pixels(picture, BLUE)
    line = line[line[:, 0] < 300]  # above the legend
    heights = {x: np.ptp(line[line[:, 1] == x, 0]) for x in np.unique(line[:, 1])}
    at = max(heights, key=heights.get)
    left, right = min(heights), max(heights)
    assert heights[at] >= 6
    assert (at - left) / (right - left) == pytest.approx(0.3, abs=0.02)


def test_sources_differ_and_the_same_curves_give_the_same_picture():
    curves = {'host': {'cam': curve(40), 'pacam': curve(45), 'sum': curve(50)}}
    picture = draw_threshold_curves(curves)
    np.testing.assert_array_equal(picture, draw_threshold_curves(curves))
    other = draw_threshold_curves({'host': {'sum': curve(40), 'cam': curve(45)}})
    assert (picture != other).any()


def test_size():
    picture = draw_threshold_curves({'host': {'cam': curve(40)}}, size=(5, 3), dpi=100)
    assert picture.shape == (300, 500, 3)


@pytest.mark.parametrize('curves', [{}, {'host': {}}])
def test_nothing_to_draw(curves):
    with pytest.raises(ValueError, match='no threshold curve'):
        draw_threshold_curves(curves)


def kl_curve(peak, end, number=200):
    return [1.0, peak, *np.geomspace(peak, end, number - 2).tolist()]


def test_a_kl_curve_rises_falls_and_has_a_dot_at_its_end():
    picture = draw_kl_curves({'recipe': kl_curve(10, 0.1), 'other': kl_curve(2, 0.2, 20)})
    assert picture.dtype == np.uint8 and picture.shape == (462, 880, 3)
    above = 390  # of the legend
    recipe, other = (pixels(picture[:above], color) for color in (BLUE, RED))
    assert recipe[:, 0].min() < other[:, 0].min() and recipe[:, 0].max() > other[:, 0].max()
    assert recipe[:, 1].max() > other[:, 1].max() + 100  # ten times as many iterations
    start = recipe[recipe[:, 1] == recipe[:, 1].min(), 0]
    assert recipe[:, 0].min() < start.min() - 50  # up first
    assert recipe[:, 0].max() > start.max() + 50  # then down
    end = recipe[recipe[:, 1] > recipe[:, 1].max() - 4, 0]
    assert np.ptp(end) >= 4 and recipe[:, 0].max() - end.mean() < 6


def test_kl_curves_of_one_value_and_of_another_size():
    assert draw_kl_curves({'a': [0.5]}, size=(5, 3), dpi=100).shape == (300, 500, 3)


@pytest.mark.parametrize('curves', [{}, {'a': [1.0], 'b': []}])
def test_no_kl_to_draw(curves):
    with pytest.raises(ValueError, match='no KL curve'):
        draw_kl_curves(curves)
