"""Our dense CRF beside a plain call of pydensecrf, and two processes beside one.

Run: ``python benchmarks/crf.py``. Asserts that the results are equal.
"""

import argparse
import contextlib
import io
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pydensecrf import densecrf, utils

from mmwsss.seeds import Seed, crf_from_labels, refine_items, refine_seeds_with_crf, save_seed

SIZE = (375, 500)


def smooth_noise(rng, channels, sigma=15):
    """Return smooth maps that fill [0, 1], ``(H, W, channels)`` float32."""
    noise = rng.random((*SIZE, channels), dtype=np.float32)
    maps = cv2.GaussianBlur(noise, (0, 0), sigma).reshape(*SIZE, channels)
    maps -= maps.min(axis=(0, 1))
    return maps / maps.max(axis=(0, 1))


def plain_call(image, labels, n_labels):
    """Call pydensecrf as IRN's utilities do."""
    crf = densecrf.DenseCRF2D(SIZE[1], SIZE[0], n_labels)
    unary = utils.unary_from_labels(labels, n_labels, gt_prob=0.7, zero_unsure=False)
    crf.setUnaryEnergy(unary)
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=50, srgb=5, rgbim=np.ascontiguousarray(image), compat=10)
    return np.array(crf.inference(10)).reshape(n_labels, *SIZE)


def compare_calls(repeats):
    """Print the ratio of the medians of interleaved calls."""
    rng = np.random.default_rng(0)
    image = (255 * smooth_noise(rng, 3)).astype(np.uint8)
    labels = smooth_noise(rng, 3).argmax(axis=2)
    times = {crf_from_labels: [], plain_call: []}
    for _ in range(repeats):
        results = []
        for function in times:
            start = time.perf_counter()
            results.append(function(image, labels, 3))
            times[function].append(time.perf_counter() - start)
        np.testing.assert_array_equal(*results)
    ours, plain = (np.median(times[f]) for f in (crf_from_labels, plain_call))
    print(
        f'375x500, 3 labels, median of {repeats}: ours {ours:.3f} s, pydensecrf {plain:.3f} s, '
        f'ratio {ours / plain:.3f}, equal results'
    )


def compare_processes(num_images):
    """Print how much faster two processes refine files; the start of the workers is apart."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / 'images').mkdir()
        ids = [str(k) for k in range(num_images)]
        for image_id in ids:
            pixels = (255 * smooth_noise(rng, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / 'images' / f'{image_id}.jpg')
            cam = smooth_noise(rng, 2)[::4, ::4].transpose(2, 0, 1)
            seed = Seed(classes=[3, 14], cam=cam, size=SIZE)
            save_seed(folder / 'seeds' / f'{image_id}.npz', seed)
        items = refine_items(folder / 'seeds', folder / 'images', ids)

        seconds = {}
        for what, some, processes in (('start', items[:2], 2), (1, items, 1), (2, items, 2)):
            start = time.perf_counter()
            with contextlib.redirect_stderr(io.StringIO()):
                refine_seeds_with_crf(some, folder / str(what), processes=processes)
            seconds[what] = time.perf_counter() - start
        for image_id in ids:
            one, two = (folder / n / f'{image_id}.png' for n in '12')
            assert one.read_bytes() == two.read_bytes()
    print(
        f'{num_images} images 375x500: 1 process {seconds[1]:.1f} s, '
        f'2 processes {seconds[2]:.1f} s, ratio {seconds[1] / seconds[2]:.2f}, equal files '
        f'(first start of the workers, with two images: {seconds["start"]:.1f} s)'
    )


def main():
    """Compare both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--images', type=int, default=24)
    args = parser.parse_args()
    compare_calls(args.repeats)
    compare_processes(args.images)


if __name__ == '__main__':
    main()
