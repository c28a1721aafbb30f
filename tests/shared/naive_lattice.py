"""The permutohedral lattice in plain loops, by its definition."""

import math

import numpy as np


def descending(values):
    return sorted(range(len(values)), key=lambda i: -values[i])


def naive_corners(point):
    """Keys and weights of the corners around a point, by the definition of the lattice."""
    d = len(point)
    elevated = np.zeros(d + 1)
    for i, value in enumerate(point):
        basis = np.array([1] * (i + 1) + [-(i + 1)] + [0] * (d - i - 1))
        elevated += value * math.sqrt(2 / 3) * (d + 1) * basis / math.sqrt((i + 1) * (i + 2))
    zero = np.array([(d + 1) * round(x / (d + 1)) for x in elevated])
    order = descending(elevated - zero)  # of equal ones the first counts as larger
    while zero.sum() > 0:
        zero[order[-1]] -= d + 1
        order = [order[-1], *order[:-1]]
    while zero.sum() < 0:
        zero[order[0]] += d + 1
        order = [*order[1:], order[0]]
    corners = []
    for k in range(d + 1):
        corner = zero + k
        corner[order[d + 1 - k :]] -= d + 1
        corners.append(corner)
    system = np.vstack([np.array(corners, dtype=float).T, np.ones(d + 1)])
    weights = np.linalg.lstsq(system, np.append(elevated, 1), rcond=None)[0]
    assert weights.min() > -1e-9
    return [tuple(map(int, corner)) for corner in corners], weights


def naive_filter(points, values):
    """Splat, blur and slice in a dictionary; also the number of lattice points."""
    d = points.shape[1]
    corners = [naive_corners(point) for point in points]
    lattice = {}
    for (keys, weights), value in zip(corners, values, strict=True):
        for key, weight in zip(keys, weights, strict=True):
            lattice[key] = lattice.get(key, 0) + weight * value
    for axis in range(d + 1):
        blurred = {}
        for key, value in lattice.items():
            step = [-d if i == axis else 1 for i in range(d + 1)]
            after = tuple(k + s for k, s in zip(key, step, strict=True))
            before = tuple(k - s for k, s in zip(key, step, strict=True))
            blurred[key] = value + (lattice.get(after, 0) + lattice.get(before, 0)) / 2
        lattice = blurred
    out = [sum(w * lattice[k] for k, w in zip(*corner, strict=True)) for corner in corners]
    return np.array(out) / (1 + 2.0**-d), len(lattice)
