"""Every threshold in one pass, beside one argmax and one confusion matrix per threshold.

Run: ``python benchmarks/threshold_sweep.py``. Asserts that both count the same pixels.
"""

import argparse
import time

import cv2
import numpy as np
import torch

from mmwsss.functional.threshold_sweep import (
    areas,
    default_thresholds,
    new_histogram,
    update_histogram,
)

IGNORE = 255


def make_image(num_present, num_classes, size=(375, 500)):
    """Return smooth maps in [0, 1], their classes, and a ground truth of these classes."""
    rng = np.random.default_rng(0)
    noise = rng.random((num_present, *size), dtype=np.float32)
    maps = np.stack([cv2.GaussianBlur(channel, (0, 0), 15) for channel in noise])
    maps -= maps.min(axis=(1, 2), keepdims=True)
    maps /= maps.max(axis=(1, 2), keepdims=True)
    classes = np.sort(rng.choice(num_classes, num_present, replace=False))
    gt = rng.choice([0, *(classes + 1)], size).astype(np.uint8)
    gt[:10] = IGNORE
    return maps, classes, gt


def one_pass_a_threshold(maps, classes, gt, num_classes, thresholds):
    """Return intersection and union as an evaluation script computes them."""
    mask_index = np.array([0, *(classes + 1)])
    valid = gt != IGNORE
    intersection, union = [], []
    for threshold in thresholds:
        plane = np.full((1, *gt.shape), threshold, dtype=np.float32)
        pred = mask_index[np.concatenate([plane, maps]).argmax(axis=0)]
        index = gt[valid].astype(np.int64) * (num_classes + 1) + pred[valid]
        confusion = np.bincount(index, minlength=(num_classes + 1) ** 2)
        confusion = confusion.reshape(num_classes + 1, num_classes + 1)
        intersection.append(confusion.diagonal())
        union.append(confusion.sum(axis=0) + confusion.sum(axis=1) - confusion.diagonal())
    return np.stack(intersection), np.stack(union)


def main():
    """Compare both, for VOC and COCO; the time is that of one more image of a data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--repeats', type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    thresholds = default_thresholds()
    for name, num_present, num_classes in (('VOC', 2, 20), ('COCO', 3, 80)):
        image = make_image(num_present, num_classes)
        tensors = [torch.from_numpy(array) for array in image]
        total = new_histogram(num_classes, len(thresholds))
        fast, slow = [], []
        for _ in range(repeats):
            start = time.perf_counter()
            update_histogram(total, *tensors, thresholds, IGNORE)
            middle = time.perf_counter()
            theirs = one_pass_a_threshold(*image, num_classes, thresholds.numpy())
            slow.append(time.perf_counter() - middle)
            fast.append(middle - start)
        for ours, one_image in zip(areas(total), theirs, strict=True):
            np.testing.assert_array_equal(ours.numpy(), repeats * one_image)
        fast, slow = 1e3 * np.median(fast), 1e3 * np.median(slow)
        print(
            f'{name}: {num_present} of {num_classes} classes, 375x500, 101 thresholds: '
            f'{fast:.1f} ms per image, one pass per threshold {slow:.0f} ms: '
            f'{slow / fast:.0f} times faster, the same pixels'
        )


if __name__ == '__main__':
    main()
