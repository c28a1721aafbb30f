"""What a GPU makes of the work: training, seeds, CRF, walk, k-means, CF-BiLSTM.

    python benchmarks/gpu.py              # all
    python benchmarks/gpu.py crf walk     # some of: training, seeds, sizes, crf, walk, k_means, ...

Random weights, made-up images. CRF, walk and k-means stand beside one core of the same machine, and
their results are compared; the others beside the usual way on the same GPU.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cf_bilstm
import clustering
import multi_scale_seeds
import numpy as np
import random_walk
import torch
import training_step
from mmengine.registry import init_default_scope
from samples import SIZE, smooth_noise
from torch import nn

from mmwsss.models.inference import prepare_for_inference
from mmwsss.models.necks import CFBiLSTM
from mmwsss.models.prototypes.clustering import cluster_assignment
from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.seeds import CRF_PRESETS, crf_from_labels, crf_from_probabilities

DEVICE = 'cuda'
CUDNN = {'cuDNN': {}, 'no TF32': {'allow_tf32': False}, 'no cuDNN': {'enabled': False}}
ON_THE_CPU = {'CUDA_VISIBLE_DEVICES': '', 'OMP_NUM_THREADS': '1'}


def medians(turns: list[Callable[[], object]], repeats: int) -> list[float]:
    """Call all in turns, twice to warm up; return the median seconds of each."""
    seconds: list[list[float]] = [[] for _ in turns]
    for _ in range(repeats + 2):
        for call, record in zip(turns, seconds, strict=True):
            synchronize()
            begin = time.perf_counter()
            call()
            synchronize()
            record.append(time.perf_counter() - begin)
    return [statistics.median(record[2:]) for record in seconds]


def synchronize() -> None:
    """Wait until the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def show_training(repeats: int) -> None:
    """Print a training step of IRN's ResNet-50 and of CPAL on it, 16 crops of 512."""
    batch = training_step.make_batch(16, 512, classes=20)
    turns, peaks = [], []
    for name in ('irn/irn_voc.py', 'cpal/irn_cpal_voc.py'):
        network = training_step.build(name)
        if network.prototype_head is not None:
            training_step.fill(network.prototype_head)
        network.to(DEVICE)
        optimizer = torch.optim.SGD(network.parameters(), 1e-4)
        step = lambda n=network, o=optimizer: training_step.step(n, o, batch)  # noqa: E731
        torch.cuda.reset_peak_memory_stats()
        step()
        peaks.append(torch.cuda.max_memory_allocated() / 2**30)
        turns.append(step)
    host, both = medians(turns, repeats)
    print(
        f'training step, ResNet-50, 16 crops of 512: IRN {host:.3f} s, IRN + CPAL {both:.3f} s, '
        f'ratio {both / host:.3f}; {16 / both:.0f} images/s; at most {peaks[0]:.1f} GB, with both '
        f'networks there {peaks[1]:.1f} GB'
    )


def show_seeds(repeats: int) -> None:
    """Print images a second of IRN's ResNet-50, 4 scales with flip, against the released loop."""
    released, folded = multi_scale_seeds.build().to(DEVICE), multi_scale_seeds.build().to(DEVICE)
    prepare_for_inference(folded)
    noise = (255 * smooth_noise(np.random.default_rng(0), 3)).astype(np.uint8)
    images = multi_scale_seeds.scaled_images(noise)
    names = ('released loop', 'batched, folded', 'the same, bfloat16')
    batches = iter([multi_scale_seeds.as_loaded(images) for _ in range(2 * repeats + 6)])

    @torch.no_grad()
    def maps(model: CAMTTAModel) -> torch.Tensor:
        return torch.from_numpy(model.test_step(next(batches))[0].pred_seed.cam)

    turns = [
        lambda: multi_scale_seeds.released_loop(released, [x.to(DEVICE) for x in images]).cpu(),
        lambda: maps(CAMTTAModel(folded)),
        lambda: maps(CAMTTAModel(folded, amp=True)),
    ]
    expected = turns[0]()
    seconds = medians(turns, repeats)
    for name, turn, median in zip(names, turns, seconds, strict=True):
        apart = (turn() - expected).abs().max()
        print(
            f'seeds, ResNet-50, 375 x 500, 8 views: {name} {1 / median:.1f} images/s, '
            f'{seconds[0] / median:.2f} x; maps {apart:.1e} apart'
        )


def resident_megabytes() -> float:
    """Return the memory that this process holds on the host."""
    status = dict(line.split(':') for line in Path('/proc/self/status').read_text().splitlines())
    return int(status['VmRSS'].split()[0]) / 1024


def show_sizes(repeats: int) -> None:
    """Print what an image of a size that was not seen before costs, by options of cuDNN."""
    widths = iter(np.random.default_rng(0).permutation(np.arange(160, 160 + 25 * repeats)).tolist())
    network = multi_scale_seeds.build().to(DEVICE)
    prepare_for_inference(network)

    @torch.no_grad()
    def pass_over(sizes: list[tuple[int, int]]) -> float:
        begin = time.perf_counter()
        for height, width in sizes:
            network.backbone(torch.rand(2, 3, height, width, device=DEVICE))
        synchronize()
        return 1000 * (time.perf_counter() - begin) / len(sizes)

    for name, options in CUDNN.items():
        with torch.backends.cudnn.flags(**{'enabled': True, 'allow_tf32': True, **options}):
            pass_over([(320, next(widths)) for _ in range(5)])
            sizes, before = [(320, next(widths)) for _ in range(5 * repeats)], resident_megabytes()
            first, again = pass_over(sizes), pass_over(sizes)
        grown = resident_megabytes() - before
        print(
            f'ResNet-50, two views of {len(sizes)} sizes, {name}: {first:.1f} ms at first sight, '
            f'{again:.1f} ms again; {grown / len(sizes):.1f} MB of the host a size'
        )


@functools.cache
def crf_inputs(labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a smooth image and smooth probabilities, ``(labels, H, W)``."""
    rng = np.random.default_rng(labels)
    image = (255 * smooth_noise(rng, 3)).astype(np.uint8)
    scores = np.exp(4 * smooth_noise(rng, labels)).transpose(2, 0, 1)
    return image, scores / scores.sum(axis=0)


def crf(preset: str, number: int | str) -> np.ndarray:
    """Refine the probabilities of so many labels, or the likeliest, on the GPU if there is one."""
    labels = int(number)
    image, probabilities = crf_inputs(labels)
    settings = replace(CRF_PRESETS[preset], backend='torch')
    if settings.gt_prob is None:
        return crf_from_probabilities(image, probabilities, settings)
    return crf_from_labels(image, probabilities.argmax(axis=0), labels, settings)


def show_crf(repeats: int) -> None:
    """Print the seconds of the CRF here and on one core, and how equal the labels are."""
    for preset, labels in (('irn', 3), ('irn', 21), ('clip_es', 3), ('clip_es', 21)):
        (seconds,) = medians([lambda p=preset, n=labels: crf(p, n)], repeats)
        other, expected = on_one_core('crf', preset, labels)
        found = crf(preset, labels)
        same = np.mean(found.argmax(axis=0) == expected.argmax(axis=0))
        close = np.mean(np.abs(found - expected).max(axis=0) < 1e-3)
        print(
            f'CRF {preset}, {SIZE[0]} x {SIZE[1]}, {labels} labels: {1000 * seconds:.1f} ms, one '
            f'core {1000 * other:.0f} ms, {other / seconds:.1f} x; same label on '
            f'{100 * same:.4f} %, posteriors within 1e-3 on {100 * close:.3f} %'
        )


walk_maps = functools.cache(random_walk.make_maps)


def walk(image: str) -> torch.Tensor:
    """Walk 256 steps on smooth maps of two classes."""
    device = DEVICE if torch.cuda.is_available() else 'cpu'
    maps = walk_maps(random_walk.IMAGES[image], classes=2)
    return random_walk.random_walk(*(part.to(device) for part in maps)).cpu()


def show_walk(repeats: int) -> None:
    """Print the seconds of the walk here and on one core."""
    for image in random_walk.IMAGES:
        (seconds,) = medians([lambda name=image: walk(name)], repeats)
        other, expected = on_one_core('walk', image)
        apart = np.abs(walk(image).numpy() - expected).max() / expected.max()
        print(
            f'walk of 256 steps, {image}: {1000 * seconds:.1f} ms, one core {1000 * other:.0f} ms, '
            f'{other / seconds:.1f} x; {apart:.0e} of the maximum apart'
        )


fill_bank = functools.cache(clustering.fill_bank)


def k_means() -> np.ndarray:
    """Cluster a full bank; the inertia of every class."""
    device = DEVICE if torch.cuda.is_available() else 'cpu'
    sums = []
    for index, entries in enumerate(fill_bank(20, 1000, 768).entries):
        groups = cluster_assignment(entries.to(device), 50, index).cpu()
        sums.append(clustering.inertia(entries, groups))
    return np.array(sums)


def show_k_means(repeats: int) -> None:
    """Print the seconds of k-means over a full bank, here and on one core."""
    (seconds,) = medians([k_means], repeats)
    other, expected = on_one_core('k_means')
    print(
        f'k-means of 20 classes x 1000 x 768: {seconds:.2f} s, one core {other:.2f} s; inertia '
        f'{k_means().sum() / expected.sum():.4f} of it'
    )


def show_cf_bilstm(repeats: int) -> None:
    """Print the time of every direction over that of a plain LSTM on the raster sequence."""
    channels, hidden = cf_bilstm.CHANNELS, cf_bilstm.HIDDEN
    patches = torch.randn(16, 24, 24, channels, device=DEVICE).permute(0, 3, 1, 2).requires_grad_()
    plain = nn.LSTM(channels, hidden, batch_first=True, bidirectional=True).to(DEVICE)
    names = ('hv_concat', 'hv_sum', 'raster', 'snake')
    necks = [CFBiLSTM(channels, hidden, name).to(DEVICE) for name in names]
    turns = [lambda: plain(patches.permute(0, 2, 3, 1).flatten(1, 2))[0].sum().backward()]
    turns += [lambda neck=neck: cf_bilstm.both_ways(neck, patches) for neck in necks]
    first, *others = medians(turns, repeats)
    ratios = ', '.join(f'{name} {s / first:.2f}' for name, s in zip(names, others, strict=True))
    print(f'CF-BiLSTM over a plain LSTM ({1000 * first:.1f} ms), 24 x 24, batch 16: {ratios}')


COMPARED: dict[str, Callable] = {'crf': crf, 'walk': walk, 'k_means': k_means}


def on_one_core(work: str, *arguments: object) -> tuple[float, np.ndarray]:
    """Return the seconds and the result of a process without the GPU."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, '--alone', folder, work, *map(str, arguments)]
        subprocess.run(command, check=True, env={**os.environ, **ON_THE_CPU})
        found = np.load(Path(folder, 'found.npz'))
        return float(found['seconds']), found['result']


def run_alone(folder: str, work: str, *arguments: str) -> None:
    """Do one work on one core; leave its seconds and result in a folder."""
    torch.set_num_threads(1)
    call = COMPARED[work]
    (seconds,) = medians([lambda: call(*arguments)], 1 if work == 'k_means' else 3)
    np.savez(Path(folder, 'found.npz'), seconds=seconds, result=np.asarray(call(*arguments)))


def main() -> None:
    """Print what is asked for."""
    parts = {
        'training': show_training,
        'seeds': show_seeds,
        'sizes': show_sizes,
        'crf': show_crf,
        'walk': show_walk,
        'k_means': show_k_means,
        'cf_bilstm': show_cf_bilstm,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('parts', nargs='*', default=list(parts))
    parser.add_argument('--repeats', type=int, default=10)
    parser.add_argument('--alone', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    init_default_scope('mmseg')
    if arguments.alone:
        run_alone(arguments.alone, *arguments.parts)
        return
    if not torch.cuda.is_available():
        raise SystemExit('torch finds no GPU here')
    print(torch.cuda.get_device_name(), 'torch', torch.__version__)
    if unknown := set(arguments.parts) - set(parts):
        parser.error(f'no part {", ".join(unknown)}: there are {", ".join(parts)}')
    for name in arguments.parts:
        parts[name](arguments.repeats)


if __name__ == '__main__':
    main()
