import numpy as np
import pytest

from mmwsss.visualization import draw_threshold_curves

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
