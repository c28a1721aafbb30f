"""K-means of a class's instance prototypes, by scikit-learn."""

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits


def cluster_assignment(entries: np.ndarray, num_clusters: int, seed: int) -> np.ndarray:
    """Assign every entry to a cluster (the groups ``G_i`` of CPAL Eq. 5).

    Args:
        entries: ``(R, D)`` float32.
        num_clusters: ``Np``; fewer where there are fewer distinct entries.
        seed: Seed of the k-means++ start.

    Returns:
        ``(R,)`` int64 in ``[0, P)`` with ``P <= num_clusters``; each cluster has an entry.
    """
    num_clusters = min(num_clusters, len(np.unique(entries, axis=0)))
    # One thread: with several, the order of a sum and so the last bit would be a matter of chance.
    with threadpool_limits(limits=1):
        found = KMeans(num_clusters, n_init=1, random_state=seed).fit_predict(entries)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)
