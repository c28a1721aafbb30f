"""K-means over a full support bank (20 classes x 1000 x 768, 50 clusters), beside scikit-learn's.

python benchmarks/clustering.py
"""

import argparse
import time

import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from mmwsss.functional.cpal import cluster_means
from mmwsss.models.prototypes import SupportBank
from mmwsss.models.prototypes.clustering import cluster_assignment


def fill_bank(classes, length, channels):
    """Return a bank of entries that look like features: noise around many centres."""
    generator = torch.Generator().manual_seed(0)
    bank = SupportBank(classes, channels, length)
    for index in range(classes):
        centres = torch.randn(80, channels, generator=generator)
        chosen = torch.randint(0, 80, (length,), generator=generator)
        noise = torch.randn(length, channels, generator=generator)
        bank.enqueue(centres[chosen] + noise, torch.full((length,), index))
    return bank


def scikit_learn(entries, number, seed):
    """Return the clusters of scikit-learn on one thread, as one run of it, from numpy."""
    with threadpool_limits(limits=1):
        found = KMeans(number, n_init=1, random_state=seed).fit_predict(entries.numpy())
    return torch.from_numpy(found).long()


def inertia(entries, groups):
    """Return the sum of squared distances to the clusters' means."""
    means = cluster_means(entries, groups, int(groups.max()) + 1)
    return float((entries - means[groups]).square().sum())


def main() -> None:
    """Print the seconds and inertia of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--classes', type=int, default=20)
    parser.add_argument('--length', type=int, default=1000)
    parser.add_argument('--channels', type=int, default=768)
    parser.add_argument('--threads', type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    bank = fill_bank(arguments.classes, arguments.length, arguments.channels)
    number = bank.context.shape[1]
    seconds = {cluster_assignment: 0.0, scikit_learn: 0.0}
    sums = dict(seconds)
    for function in seconds:
        function(bank.entries[0], number, 0)  # first use of libraries
    for index, entries in enumerate(bank.entries):
        for function in seconds:
            begin = time.perf_counter()
            groups = function(entries, number, index)
            seconds[function] += time.perf_counter() - begin
            sums[function] += inertia(entries, groups)
    (ours, theirs), (own, other) = seconds.values(), sums.values()
    print(
        f'{arguments.classes} classes: {ours:.2f} s, scikit-learn {theirs:.2f} s, '
        f"ratio {ours / theirs:.2f}; inertia over scikit-learn's {own / other:.4f}"
    )


if __name__ == '__main__':
    main()
