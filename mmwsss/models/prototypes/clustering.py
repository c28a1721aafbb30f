"""K-means of a class's instance prototypes, on their scalar products.

Distances to a mean need nothing but the products of the entries: ``|x - mean(M)|^2`` is ``x x``
minus twice the mean of the ``x m`` plus the mean of the ``m m'``. So one product of matrices is all
that costs, and a step of Lloyd's algorithm adds rows of it.
"""

import torch
from torch import Tensor

_MAX_STEPS = 300  # scikit-learn's


def cluster_assignment(entries: Tensor, num_clusters: int, seed: int) -> Tensor:
    """Assign every entry to a cluster (the groups ``G_i`` of CPAL Eq. 5).

    Args:
        entries: ``(R, D)`` float32; on a GPU the work is done there.
        num_clusters: ``Np``; fewer where there are fewer distinct entries.
        seed: Seed of the k-means++ start.

    Returns:
        ``(R,)`` int64 in ``[0, P)`` with ``P <= num_clusters``; each cluster has an entry.
    """
    distinct, groups = entries.unique(dim=0, return_inverse=True)
    if len(distinct) <= num_clusters:
        return groups
    centred = entries - entries.mean(dim=0)
    products = centred @ centred.T
    start = _plus_plus(products, num_clusters, torch.Generator().manual_seed(seed))
    assignment = _distances(products, start).argmin(dim=0)
    for _ in range(_MAX_STEPS):
        means, norms = _mean_products(products, assignment, num_clusters)
        updated = (norms[:, None] - 2 * means).argmin(dim=0)
        if torch.equal(updated, assignment):
            break
        assignment = updated
    return assignment.unique(return_inverse=True)[1]


def _distances(products: Tensor, chosen: Tensor) -> Tensor:
    """Return the squared distances of all entries from some, ``(S, R)``."""
    squares = products.diagonal()
    return (squares[chosen, None] + squares - 2 * products[chosen]).clamp_(min=0)


def _plus_plus(products: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """Choose entries far from each other (k-means++, Arthur and Vassilvitskii 2007).

    Of several candidates, drawn by their squared distance from those chosen, the one that leaves
    the smallest sum of distances is taken.
    """
    trials = 2 + int(torch.tensor(float(number)).log())  # scikit-learn's
    chosen = torch.randint(len(products), (1,), generator=generator).to(products.device)
    nearest = _distances(products, chosen)[0]
    for _ in range(number - 1):
        shares = nearest.double().cumsum(0)
        drawn = torch.rand(trials, generator=generator, dtype=torch.float64).to(shares.device)
        candidates = torch.searchsorted(shares, drawn * shares[-1]).clamp_(max=len(products) - 1)
        left = torch.minimum(nearest, _distances(products, candidates))
        best = left.sum(dim=1).argmin()
        nearest = left[best]
        chosen = torch.cat([chosen, candidates[best, None]])
    return chosen


def _mean_products(products: Tensor, assignment: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Return the products of all clusters' means with all entries, and with themselves.

    A cluster that has lost its entries is infinitely long, and stays empty.

    Returns:
        ``(S, R)`` and ``(S,)``.
    """
    sizes = assignment.bincount(minlength=number).to(products)
    means = products.new_zeros(number, len(products)).index_add_(0, assignment, products)
    means /= sizes.clamp(min=1)[:, None]
    own = means.gather(0, assignment[None])[0]
    norms = products.new_zeros(number).index_add_(0, assignment, own) / sizes
    return means, norms.masked_fill(sizes == 0, torch.inf)
