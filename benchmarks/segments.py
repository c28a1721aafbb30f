"""Images per second of making segments, of voting by them, and of the dense CRF, in one process.

Run: ``python benchmarks/segments.py --photographs $MMWSSS_DATA/voc_photos/JPEGImages``.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from mmwsss.functional.segments import segments_of_map, segments_of_masks
from mmwsss.seeds import IRN_CRF, SegmentVote, crf_from_labels
from mmwsss.seeds.segments import vote
from mmwsss.seeds.superpixels import SLIC, Felzenszwalb
from mmwsss.structures import read_image

SIZE = (240, 320)
LABELS = 3
MASKS = 100  # about as many as SAM finds


def smooth_noise(rng, channels, sigma=15):
    """Return smooth maps that fill [0, 1], ``(H, W, channels)`` float32."""
    noise = rng.random((*SIZE, channels), dtype=np.float32)
    maps = cv2.GaussianBlur(noise, (0, 0), sigma).reshape(*SIZE, channels)
    maps -= maps.min(axis=(0, 1))
    return maps / maps.max(axis=(0, 1))


def photographs(folder, number):
    """Return images ``(H, W, 3)`` uint8 of one size: photographs, or noise without any."""
    paths = sorted(Path(folder).glob('*.jpg')) if folder else []
    if not paths:
        rng = np.random.default_rng(0)
        return [(255 * smooth_noise(rng, 3)).astype(np.uint8) for _ in range(number)]
    chosen = [paths[index * len(paths) // number] for index in range(number)]
    return [np.ascontiguousarray(cv2.resize(read_image(path), SIZE[::-1])) for path in chosen]


def boxes(rng):
    """Return overlapping masks ``(S, H, W)`` bool of many sizes."""
    masks = np.zeros((MASKS, *SIZE), dtype=bool)
    for mask in masks:
        top, left = rng.integers(0, SIZE[0] - 8), rng.integers(0, SIZE[1] - 8)
        height, width = rng.integers(8, SIZE[0]), rng.integers(8, SIZE[1])
        mask[top : top + height, left : left + width] = True
    return masks


def main():
    """Time every step on the same images, in turns; medians of the CPU time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--photographs', help='folder of .jpg files; smooth noise without one')
    parser.add_argument('--number', type=int, default=5, help='of images')
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    everybody = np.ones(SIZE, dtype=bool)
    masks = segments_of_masks(torch.from_numpy(boxes(rng)))
    seconds: dict[str, list[float]] = {}

    def timed(name, work):
        start = time.process_time()
        result = work()
        seconds.setdefault(name, []).append(time.process_time() - start)
        return result

    for image in photographs(args.photographs, args.number):
        planes = np.ascontiguousarray(smooth_noise(rng, LABELS).transpose(2, 0, 1))
        labels = planes.argmax(axis=0)
        found = timed('Felzenszwalb', lambda: Felzenszwalb().cut(image))  # noqa: B023
        timed('SLIC', lambda: SLIC().cut(image))  # noqa: B023
        segments = segments_of_map(torch.from_numpy(found))
        timed('vote by Felzenszwalb', lambda: vote(planes, everybody, segments, SegmentVote()))  # noqa: B023
        timed(
            f'vote by {MASKS} overlapping masks',
            lambda: vote(planes, everybody, masks, SegmentVote()),  # noqa: B023
        )
        timed('dense CRF', lambda: crf_from_labels(image, labels, LABELS, IRN_CRF))  # noqa: B023
    print(f'{SIZE[0]}x{SIZE[1]}, {LABELS} labels, one core, median of {args.number} images')
    for name, values in seconds.items():
        print(f'{name:>32}: {1 / np.median(values[1:] or values):7.1f} images/s')


if __name__ == '__main__':
    main()
