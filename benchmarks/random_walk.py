"""IRN's random walk beside a plain sparse loop, and beside the dense definition.

Run: ``python benchmarks/random_walk.py``. Times include building the transition. Asserts that all
agree. The two others are written from the published description: the pairs within radius 5, one
minus the strongest boundary on the path, to the power 10, columns divided by their sums; 256 steps
as sparse products in single precision, or the dense matrix in double precision squared 8 times.
"""

import argparse
import functools
import math
import subprocess
import sys
import time

import numpy as np
import scipy.sparse
import torch
import torch.nn.functional as F

from mmwsss.functional.random_walk import random_walk
from mmwsss.pipeline.memory import peak_megabytes

RADIUS, BETA, SQUARINGS = 5, 10, 8
IMAGES = {'375x500': (94, 125), '640x640': (160, 160), '2048x2048': (512, 512)}


def make_maps(grid, classes):
    """Return smooth CAMs and boundaries along closed curves."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, classes + 1, 8, 10, generator=generator)
    smooth = F.interpolate(coarse, grid, mode='bicubic')[0]
    return smooth[1:].sigmoid(), 0.95 * torch.sigmoid(4 - 30 * smooth[0].abs())


def sparse_transition(edge):
    """Return ``T`` as a CSR matrix, a pair of planes at a time."""
    height, width = edge.shape
    cells = np.arange(height * width).reshape(height, width)
    padded = np.pad(edge, RADIUS, constant_values=1)
    rows, columns, values = [cells.ravel()], [cells.ravel()], [np.ones(cells.size, np.float32)]
    for dy in range(RADIUS):
        for dx in range(-RADIUS + 1, RADIUS):
            if (dy, dx) <= (0, 0) or dy * dy + dx * dx >= RADIUS**2:
                continue
            strongest = functools.reduce(
                np.maximum,
                [
                    padded[RADIUS + y : RADIUS + y + height, RADIUS + x : RADIUS + x + width]
                    for y in range(dy + 1)
                    for x in range(min(0, dx), max(0, dx) + 1)
                    if abs(dy * x - dx * y) / math.hypot(dy, dx) < 1
                ],
            )
            inside = strongest < 1
            source, value = cells[inside], (1 - strongest[inside]) ** BETA
            rows += [source, source + dy * width + dx]
            columns += [source + dy * width + dx, source]
            values += [value, value]
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    matrix = scipy.sparse.coo_matrix(entries, shape=(cells.size, cells.size)).tocsr()
    matrix.data /= np.asarray(matrix.sum(axis=0)).ravel()[matrix.indices]
    return matrix


def sparse_loop(cam, edge):
    """Return the walk by 256 sparse products, all classes together."""
    matrix = sparse_transition(edge.numpy()).T.tocsr()
    x = np.ascontiguousarray((cam * (1 - edge)).flatten(1).numpy().T)
    for _ in range(2**SQUARINGS):
        x = matrix @ x
    return torch.from_numpy(x.T).view_as(cam)


def dense(cam, edge):
    """Return the walk by squaring the dense matrix."""
    matrix = sparse_transition(edge.double().numpy()).toarray()
    for _ in range(SQUARINGS):
        matrix = matrix @ matrix
    x = (cam * (1 - edge)).double().flatten(1).numpy()
    return torch.from_numpy(x @ matrix).view_as(cam)


def error_after(steps, grid, classes):
    """Return the largest error against steps in double precision, relative to the maximum."""
    cam, edge = make_maps(grid, classes)
    matrix = sparse_transition(edge.double().numpy()).T.tocsr()
    x = (cam * (1 - edge)).double().flatten(1).numpy().T
    for _ in range(steps):
        x = matrix @ x
    expected = torch.from_numpy(x.T).view_as(cam)
    return float((random_walk(cam, edge, steps=steps) - expected).abs().max() / expected.max())


METHODS = {'ours': random_walk, 'sparse loop': sparse_loop, 'dense': dense}


def clock(method, maps):
    """Return seconds and result."""
    start = time.perf_counter()
    result = METHODS[method](*maps)
    return time.perf_counter() - start, result


def added_memory(method, grid, classes):
    """Return the megabytes that a fresh process needs on top of its imports and its maps."""
    command = [sys.executable, __file__, '--measure', method, '--grid', *map(str, grid)]
    command += ['--classes', str(classes)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(method, grid, classes):
    """Print what `added_memory` reads."""
    maps = make_maps(grid, classes)
    before = peak_megabytes()
    METHODS[method](*maps)
    print(peak_megabytes() - before)


def compare(name, grid, other, classes, repeats):
    """Time both in turns, print the best of each; return our time."""
    maps = make_maps(grid, classes)
    ours, theirs = [], []
    for _ in range(repeats):
        seconds, result = clock('ours', maps)
        ours.append(seconds)
        seconds, expected = clock(other, maps)
        theirs.append(seconds)
    error = float((result - expected).abs().max() / expected.max())
    assert error < 5e-4, f'{error:.1e} of the maximum'
    memory = [added_memory(method, grid, classes) for method in ('ours', other)]
    print(
        f'{name:>9} {"x".join(map(str, grid)):>8}  ours {min(ours):6.3f} s {memory[0]:4.0f} MB, '
        f'{other} {min(theirs):6.2f} s {memory[1]:5.0f} MB: '
        f'{min(theirs) / min(ours):4.1f} times faster, {error:.0e} apart'
    )
    return min(ours)


def main():
    """Compare at three sizes, and with the dense definition on a small grid."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--classes', type=int, default=2)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--images', nargs='+', choices=IMAGES, default=list(IMAGES))
    parser.add_argument('--measure', choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument('--grid', type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.measure:
        measure(arguments.measure, arguments.grid, arguments.classes)
        return
    compare('small', (30, 40), 'dense', arguments.classes, arguments.repeats)
    seconds = {}
    for name in arguments.images:
        # The largest takes the sparse loop half a minute.
        repeats = arguments.repeats if math.prod(IMAGES[name]) < 1e5 else 1
        seconds[name] = compare(
            name, IMAGES[name], 'sparse loop', arguments.classes, repeats
        ) / math.prod(IMAGES[name])
    for steps in (4, 256):
        error = error_after(steps, IMAGES['375x500'], arguments.classes)
        print(f'375x500, {steps} steps against double precision: {error:.1e} of the maximum')
    print('Growth of the time per cell:', end=' ')
    print(', '.join(f'{name} {1e6 * value:.1f} us' for name, value in seconds.items()))


if __name__ == '__main__':
    main()
