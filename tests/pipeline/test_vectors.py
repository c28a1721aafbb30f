"""How vectors of classes lie in a plane."""

import numpy as np
import pytest

from mmwsss.pipeline.vectors import Vectors, lay_out, silhouette, tsne

pytest.importorskip('sklearn')


def test_compact_classes_have_a_silhouette_near_one_and_a_single_one_has_none():
    points = np.array([[1, 0.1], [1, 0.0], [0.1, 1], [0, 1]])
    assert silhouette(Vectors(points, np.array([0, 0, 1, 1]))) > 0.9
    assert silhouette(Vectors(points, np.array([0, 1, 0, 1]))) < 0
    assert np.isnan(silhouette(Vectors(points, np.zeros(4))))


def test_what_is_apart_stays_apart_in_the_plane():
    generator = np.random.default_rng(0)
    classes = np.arange(20) % 2
    points = 5 * np.eye(8)[classes] + generator.normal(0, 0.3, (20, 8))
    marks = {'prototype': (points[:2] + 0.1, np.array([0, 1]))}
    laid = lay_out('t', Vectors(points, classes, marks), tsne)
    (corners, owners), *_ = laid.marks.values()
    assert laid.points.shape == (20, 2) and owners.tolist() == [0, 1]
    centers = np.stack([laid.points[classes == index].mean(axis=0) for index in (0, 1)])
    for place, own in zip([*laid.points, *corners], [*classes, 0, 1], strict=True):
        assert np.linalg.norm(centers - place, axis=1).argmin() == own
    with pytest.raises(ValueError, match='needs at least 4 vectors, and there are 2'):
        tsne(points[:2])
