"""Curves in the places where their values belong."""

import numpy as np
import pytest

from mmwsss.pipeline.report.charts import HEIGHT, WIDTH, Series, draw_chart


def points(line):
    return [tuple(map(float, point.split(','))) for point in line['points'].split()]


def test_values_lie_between_the_ticks_that_name_them():
    chart = draw_chart('t', 'x', 'y', [Series('a', [0, 5, 10], [0, 30, 60], mark=(5, 30))])
    ticks = {text: place for place, text in chart.x_ticks}
    heights = {text: place for place, text in chart.y_ticks}
    [line] = chart.lines
    assert points(line)[0] == pytest.approx((ticks['0'], heights['0']), abs=0.1)
    assert points(line)[2] == pytest.approx((ticks['10'], heights['60']), abs=0.1)
    assert line['mark'] == pytest.approx(points(line)[1], abs=0.1)
    assert heights['60'] < heights['0'], 'up is more'
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(line))


def test_both_axes_of_a_fit_are_logarithmic():
    chart = draw_chart('t', 'x', 'y', [Series('a', [1, 10, 100, 0], [8, 4, 2, 1])], log=True)
    places = points(chart.lines[0])
    assert len(places) == 3
    assert places[1][0] == pytest.approx((places[0][0] + places[2][0]) / 2, abs=0.1)
    assert places[1][1] == pytest.approx((places[0][1] + places[2][1]) / 2, abs=0.1)


def test_many_points_become_means_and_no_point_no_chart():
    values = np.arange(10_000)
    chart = draw_chart('t', 'x', 'y', [Series('a', values, np.where(values % 2, 1.0, 3.0))])
    found = points(chart.lines[0])
    assert len(found) == 400 and len({y for _, y in found}) <= 2
    assert draw_chart('t', 'x', 'y', []) is None
    assert draw_chart('t', 'x', 'y', [Series('a', [1], [float('nan')])]) is None
    assert draw_chart('t', 'x', 'y', [Series('a', [1], [2.0])]).lines


def test_a_rule_stands_at_its_value():
    chart = draw_chart('t', 'x', 'y', [Series('a', [0, 1], [0, 1])], [(0.5, 'chosen')])
    [(place, text)] = chart.rules
    assert text == 'chosen'
    assert place == pytest.approx((points(chart.lines[0])[0][0] + points(chart.lines[0])[1][0]) / 2)
