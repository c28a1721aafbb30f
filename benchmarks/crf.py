"""The dense CRF in PyTorch beside a plain call of pydensecrf.

Run: ``python benchmarks/crf.py --photographs $MMWSSS_DATA/VOCdevkit/VOC2012/JPEGImages``.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from pydensecrf import densecrf, utils
from samples import SIZE, smooth_noise

from mmwsss.pipeline.memory import peak_megabytes
from mmwsss.seeds import (
    CRF_PRESETS,
    crf_from_labels,
    crf_from_probabilities,
)
from mmwsss.structures import read_image


def photographs(folder, number):
    """Return images of one size, ``(H, W, 3)`` uint8: photographs, or smooth noise without any."""
    paths = sorted(Path(folder).glob('*.jpg')) if folder else []
    if not paths:
        rng = np.random.default_rng(0)
        return [(255 * smooth_noise(rng, 3)).astype(np.uint8) for _ in range(number)]
    chosen = [paths[index * len(paths) // number] for index in range(number)]
    return [np.ascontiguousarray(cv2.resize(read_image(path), SIZE[::-1])) for path in chosen]


def probabilities_of(labels, index):
    """Return what to refine, ``(C, H, W)`` float32 of sum 1."""
    scores = np.exp(4 * smooth_noise(np.random.default_rng(index), labels))
    return np.ascontiguousarray((scores / scores.sum(axis=2, keepdims=True)).transpose(2, 0, 1))


def plain_call(image, probabilities, settings):
    """Call pydensecrf as the hosts' utilities do."""
    labels = len(probabilities)
    crf = densecrf.DenseCRF2D(SIZE[1], SIZE[0], labels)
    if settings.gt_prob is None:
        unary = utils.unary_from_softmax(probabilities)
    else:
        hard = probabilities.argmax(axis=0)
        unary = utils.unary_from_labels(hard, labels, settings.gt_prob, zero_unsure=False)
    crf.setUnaryEnergy(unary)
    crf.addPairwiseGaussian(sxy=settings.gaussian_sxy, compat=settings.gaussian_compat)
    crf.addPairwiseBilateral(
        sxy=settings.bilateral_sxy,
        srgb=settings.bilateral_srgb,
        rgbim=image,
        compat=settings.bilateral_compat,
    )
    return np.array(crf.inference(settings.iterations)).reshape(labels, *SIZE)


def our_call(image, probabilities, settings):
    """Call the CRF in PyTorch."""
    settings = replace(settings, backend='torch')
    if settings.gt_prob is None:
        return crf_from_probabilities(image, probabilities, settings)
    return crf_from_labels(image, probabilities.argmax(axis=0), len(probabilities), settings)


def compare_calls(preset, labels, images):
    """Print the ratio of the medians of interleaved calls, and how equal their results are."""
    times, close, equal = {our_call: [], plain_call: []}, [], []
    for index, image in enumerate(images):
        probabilities, results = probabilities_of(labels, index), []
        for function in times:
            start = time.process_time()
            results.append(function(image, probabilities, CRF_PRESETS[preset]))
            times[function].append(time.process_time() - start)
        close.append(np.abs(results[0] - results[1]).max(axis=0) < 1e-3)
        equal.append(results[0].argmax(axis=0) == results[1].argmax(axis=0))
    ours, plain = (np.median(times[f]) for f in (our_call, plain_call))
    print(
        f'{preset:>8}, {labels:2d} labels: PyTorch {ours:.3f} s, pydensecrf {plain:.3f} s, ratio '
        f'{ours / plain:.2f}; posteriors within 1e-3 on {100 * np.mean(close):.3f} % of the pixels '
        f'(worst image {100 * min(map(np.mean, close)):.3f}), same label on '
        f'{100 * np.mean(equal):.4f} %'
    )


def added_memory(labels):
    """Return the megabytes that a fresh process needs on top of its imports."""
    command = [sys.executable, __file__, '--measure', str(labels)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(labels):
    """Print what `added_memory` reads."""
    (image,) = photographs(None, 1)
    our_call(image[:9, :9], probabilities_of(2, 0)[:, :9, :9], CRF_PRESETS['irn'])  # imports
    before = peak_megabytes()
    our_call(image, probabilities_of(labels, 0), CRF_PRESETS['irn'])
    print(peak_megabytes() - before)


def main():
    """Compare calls on one core, and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--photographs', help='folder of .jpg files; smooth noise without one')
    parser.add_argument('--number', type=int, default=5, help='of images for each comparison')
    parser.add_argument('--labels', type=int, nargs='+', default=[3, 21])
    parser.add_argument('--measure', type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure)
        return
    torch.set_num_threads(1)
    images = photographs(args.photographs, args.number)
    print(f'375x500, one core, median CPU time of {args.number} images')
    our_call(images[0], probabilities_of(3, 0), CRF_PRESETS['irn'])  # first use of libraries
    for labels in args.labels:
        for preset in ('irn', 'clip_es'):
            compare_calls(preset, labels, images)
        print(f'{labels} labels need {added_memory(labels):.0f} MB above the imports')


if __name__ == '__main__':
    main()
