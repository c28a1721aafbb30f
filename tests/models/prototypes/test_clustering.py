import numpy as np
import pytest

from mmwsss.models.prototypes.clustering import cluster_assignment


def blobs(centers, each=8, spread=0.05):
    generator = np.random.default_rng(0)
    centers = np.asarray(centers, dtype=np.float32)
    noise = generator.normal(0, spread, (each, *centers.shape)).astype(np.float32)
    return (centers + noise).reshape(-1, centers.shape[1])  # rows go round the centres


def test_well_separated_groups_are_found():
    groups = cluster_assignment(blobs([[0, 0], [5, 0], [0, 5]]), 3, seed=0)
    assert groups.dtype == np.int64
    assert groups.shape == (24,)
    for center in range(3):
        assert len(set(groups[center::3])) == 1
    assert sorted(set(groups)) == [0, 1, 2]


def test_the_seed_decides_and_nothing_else():
    entries = np.random.default_rng(1).random((60, 4), dtype=np.float32)
    first = cluster_assignment(entries, 7, seed=3)
    np.random.seed(99)
    assert (cluster_assignment(entries, 7, seed=3) == first).all()
    others = [cluster_assignment(entries, 7, seed=seed) for seed in range(10, 14)]
    assert any((other != first).any() for other in others)


@pytest.mark.parametrize(
    ('entries', 'expected'),
    [
        pytest.param([[1.0], [2.0], [4.0]], 3, id='fewer entries than clusters'),
        pytest.param([[1.0], [1.0], [1.0], [4.0]], 2, id='duplicates'),
        pytest.param([[1.0]], 1, id='one entry'),
    ],
)
def test_every_cluster_has_an_entry(entries, expected, recwarn):
    groups = cluster_assignment(np.asarray(entries, dtype=np.float32), 50, seed=0)
    assert set(groups) == set(range(expected))
    assert not recwarn.list  # scikit-learn warns of more clusters than distinct entries
    for value in {row[0] for row in entries}:
        same = [group for group, row in zip(groups, entries, strict=True) if row[0] == value]
        assert len(set(same)) == 1
