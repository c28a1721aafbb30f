import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from mmwsss.models.prototypes import clustering


def cluster_assignment(entries, num_clusters, seed):
    return clustering.cluster_assignment(torch.from_numpy(entries), num_clusters, seed).numpy()


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


def inertia(entries, groups):
    return sum(
        ((entries[groups == g] - entries[groups == g].mean(axis=0)) ** 2).sum() for g in set(groups)
    )


def test_it_is_as_good_as_scikit_learns():
    generator = np.random.default_rng(2)
    entries = (generator.normal(size=(12, 16))[np.arange(400) % 12] * 2).astype(np.float32)
    entries += generator.normal(size=entries.shape).astype(np.float32) + 3  # far from the origin
    ours, theirs = [], []
    for seed in range(6):
        groups = cluster_assignment(entries, 9, seed)
        assert set(groups) == set(range(9))
        ours.append(inertia(entries, groups))
        theirs.append(KMeans(9, n_init=1, random_state=seed).fit(entries).inertia_)
    assert np.mean(ours) < 1.01 * np.mean(theirs)


def test_no_entry_is_nearer_to_another_mean():
    entries = np.random.default_rng(3).normal(size=(90, 5)).astype(np.float32)
    groups = cluster_assignment(entries, 8, seed=0)
    means = np.stack([entries[groups == g].mean(axis=0) for g in range(8)])
    distances = ((entries[:, None] - means) ** 2).sum(axis=2)
    own = distances[np.arange(90), groups]
    assert (own <= distances.min(axis=1) + 1e-5).all()


def test_the_seed_decides_and_nothing_else():
    entries = np.random.default_rng(1).random((60, 4), dtype=np.float32)
    first = cluster_assignment(entries, 7, seed=3)
    torch.manual_seed(99)
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
def test_every_cluster_has_an_entry(entries, expected):
    groups = cluster_assignment(np.asarray(entries, dtype=np.float32), 50, seed=0)
    assert set(groups) == set(range(expected))
    for value in {row[0] for row in entries}:
        same = [group for group, row in zip(groups, entries, strict=True) if row[0] == value]
        assert len(set(same)) == 1
