import numpy as np
import pytest
from PIL import Image

from mmwsss.visualization import (
    Embedding,
    draw_class_bars,
    draw_embeddings,
    draw_pictures,
    draw_row_curves,
    save_figure,
)


def lines_of(figure):
    return {line.get_label(): line for line in figure.axes[0].lines}


def test_curves_go_through_their_points_in_order():
    figure = draw_row_curves({'CAM': {2: 5.0, 1: 4.0}, 'PACAM': {}}, {1: 60.0}, 'tau')
    lines = lines_of(figure)
    np.testing.assert_array_equal(lines['CAM'].get_xydata(), [[1, 4], [2, 5]])
    np.testing.assert_array_equal(lines['published (VOC)'].get_xydata(), [[1, 60]])
    assert 'PACAM' not in lines
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ['1', '2']
    assert figure.axes[0].get_xlabel() == 'tau' and figure.axes[0].get_xscale() == 'linear'
    wide = draw_row_curves({'CAM': {10: 5.0, 1000: 4.0}}, {}, 'length')
    assert wide.axes[0].get_xscale() == 'log'


def test_bars_have_the_height_of_their_class():
    figure = draw_class_bars({'base': {'cat': 10.0, 'dog': 20.0}, 'ours': {'dog': 30.0}})
    bars = figure.axes[0].patches
    assert [bar.get_height() for bar in bars[:2]] == [10, 20] and bars[3].get_height() == 30
    assert np.isnan(bars[2].get_height())
    assert bars[1].get_x() < bars[3].get_x() < bars[1].get_x() + 1


def test_a_class_has_one_colour_and_links_join_its_marks():
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    first = Embedding('a', points, np.array([0, 2]))
    own = np.array([2, 0])
    marks = {'text': (points, own), 'vision': (points + 3, own)}
    second = Embedding('b', points, np.array([2, 0]), marks, links=True)
    figure = draw_embeddings([first, second], ['cat', 'cow', 'dog'])
    left, right = figure.axes
    colors = [axes.collections[0].get_facecolors() for axes in (left, right)]
    np.testing.assert_array_equal(colors[0], colors[1][::-1])
    marks = [part.get_facecolors()[:, :3] for part in right.collections[1:]]
    for found in marks:  # of the classes 2 and 0, as the points of this panel
        np.testing.assert_array_equal(found, colors[1][:, :3])
    assert not (colors[1][0] == colors[1][1]).all()
    places = [part.get_offsets().tolist() for part in right.collections]
    assert places == [points.tolist(), points.tolist(), (points + 3).tolist()]
    assert [axes.get_title() for axes in figure.axes] == ['a', 'b']
    links = sorted(line.get_xydata().tolist() for line in right.lines if len(line.get_xdata()))
    assert links == [[[0, 0], [3, 3]], [[1, 1], [4, 4]]]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ['cat', 'dog', 'text', 'vision']


def test_pictures_lie_in_their_places():
    red, blue = (np.full((4, 6, 3), color, np.uint8) for color in ((255, 0, 0), (0, 0, 255)))
    figure = draw_pictures([[red, None], [blue, red]], ['left', 'right'], ['up', 'down'])
    shown = [axes.images[0].get_array() if axes.images else None for axes in figure.axes]
    assert shown[1] is None and (shown[2] == blue).all() and (shown[3] == red).all()
    assert figure.axes[1].get_title() == 'right' and figure.axes[2].get_ylabel() == 'down'


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    written = []
    for name in ('a', 'b'):
        figure = draw_row_curves({'CAM': {1: 4.0, 2: 5.0}}, {}, 'tau')
        written.append([path.read_bytes() for path in save_figure(figure, tmp_path / f'{name}.5')])
    assert written[0] == written[1]
    assert (tmp_path / 'a.5.svg').read_text().startswith('<?xml')
    with Image.open(tmp_path / 'a.5.png') as picture:
        assert picture.size == (900, 570)


@pytest.mark.parametrize(
    'draw',
    [
        lambda: draw_row_curves({'CAM': {}}, {}, 'tau'),
        lambda: draw_class_bars({}),
        lambda: draw_embeddings([], []),
        lambda: draw_pictures([[None]], ['a']),
    ],
)
def test_nothing_to_draw(draw):
    with pytest.raises(ValueError, match='there is no '):
        draw()
