r"""CF-BiLSTM: beside one plain LSTM, over the number of patches, in a training step; and memory.

    python benchmarks/cf_bilstm.py                 # all
    python benchmarks/cf_bilstm.py plain scaling   # some of: plain, scaling, share, memory

Ratios of medians of turns within one run. `memory` is the peak of a process that does nothing else
than one image of 960 x 960 (Linux).
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData
from torch import nn

from mmwsss.models.necks import CFBiLSTM
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.memory import peak_megabytes
from mmwsss.registry import MODELS

from mmseg.structures import SegDataSample  # isort: skip  (after the cures of mmwsss.registry)

CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'cpf_cte' / 'cpf_cte_voc.py'
CHANNELS, HIDDEN = 768 + 128, 192


def medians(turns: list[Callable[[], object]], repeats: int) -> list[float]:
    """Call all in turns, once to warm up; return the median seconds of each."""
    seconds: list[list[float]] = [[] for _ in turns]
    for _ in range(repeats + 1):
        for call, record in zip(turns, seconds, strict=True):
            begin = time.perf_counter()
            call()
            record.append(time.perf_counter() - begin)
    return [statistics.median(record[1:]) for record in seconds]


def grid(batch_size: int, side: int) -> torch.Tensor:
    """Return random patches, ``(B, C, side, side)``, in the memory layout of a ViT's."""
    patches = torch.randn(batch_size, side, side, CHANNELS).permute(0, 3, 1, 2)
    return patches.requires_grad_()


def both_ways(neck: CFBiLSTM, patches: torch.Tensor) -> None:
    """Forward and backward."""
    neck.refine(patches).sum().backward()


def compare_with_plain(batch_size: int, repeats: int) -> None:
    """Print the time of every direction over that of a plain LSTM on the raster sequence."""
    patches = grid(batch_size, 24)
    plain = nn.LSTM(CHANNELS, HIDDEN, batch_first=True, bidirectional=True)

    def scan_raster() -> None:
        plain(patches.permute(0, 2, 3, 1).flatten(1, 2))[0].sum().backward()

    names = ('hv_concat', 'hv_sum', 'raster', 'snake')
    necks = [CFBiLSTM(CHANNELS, HIDDEN, name) for name in names]
    turns = [scan_raster, *(lambda neck=neck: both_ways(neck, patches) for neck in necks)]
    first, *others = medians(turns, repeats)
    print(f'24 x 24 patches, batch {batch_size}: plain nn.LSTM on the raster {first:.3f} s')
    for name, seconds in zip(names, others, strict=True):
        print(f'  CF-BiLSTM {name}: {seconds:.3f} s, ratio {seconds / first:.2f}')


def show_scaling(batch_size: int, repeats: int) -> None:
    """Print the time per patch at several grids over that at 24 x 24."""
    neck, sides = CFBiLSTM(CHANNELS, HIDDEN), (24, 36, 48, 60)
    patches = [grid(batch_size, side) for side in sides]
    turns = [lambda part=part: both_ways(neck, part) for part in patches]
    a_patch = [s / side**2 for s, side in zip(medians(turns, repeats), sides, strict=True)]
    print(f'time per patch, batch {batch_size}, over that at 24 x 24:')
    for side, seconds in zip(sides, a_patch, strict=True):
        print(f'  {side} x {side}: {seconds / a_patch[0]:.2f}')


def build_model(blocks_that_learn: int = 5) -> nn.Module:
    """Build the network without its weights; the last blocks learn."""
    config = load_config(CONFIG)
    init_default_scope('mmseg')
    config.model.backbone.init_cfg = None
    config.model.backbone.frozen_stages = 12 - blocks_that_learn
    return MODELS.build(config.model).train()


def show_share(batch_size: int, repeats: int) -> None:
    """Print the time of the fusion over that of a training step."""
    model = build_model()
    optimizer = torch.optim.Adam(p for p in model.parameters() if p.requires_grad)
    images = torch.randn(batch_size, 3, 384, 384)
    samples = []
    for index in range(batch_size):
        label = torch.zeros(20)
        label[index % 20] = 1
        samples.append(SegDataSample(gt_label=LabelData(multi_hot=label)))
    patches = grid(batch_size, 24)

    def step() -> None:
        optimizer.zero_grad()
        sum(model(images, samples, mode='loss').values()).backward()
        optimizer.step()

    turns = [step, lambda: both_ways(model.cam_head.context, patches)]
    whole, part = medians(turns, repeats)
    print(
        f'training step, ViT-B/16, last 5 blocks learn, batch {batch_size}: {whole:.3f} s; of it '
        f'CF-BiLSTM {part:.3f} s, {100 * part / whole:.1f} %'
    )


def show_memory() -> None:
    """Print the peak memory of a new process that sees one image."""
    command = [sys.executable, __file__, 'one_image']
    peak = float(subprocess.run(command, check=True, capture_output=True).stdout.split()[-1])
    print(f'peak memory of one image of 960 x 960: {peak / 2**10:.2f} GB')


def run_one_image() -> None:
    """Run one image and print the peak in MB."""
    model = build_model().eval()
    with torch.no_grad():
        model(torch.randn(1, 3, 960, 960), mode='tensor')
    print(peak_megabytes())


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('parts', nargs='*', default=['plain', 'scaling', 'share', 'memory'])
    parser.add_argument('--batch-size', type=int, default=16, help='of `plain`; others take less')
    parser.add_argument('--repeats', type=int, default=5)
    arguments = parser.parse_args()
    small = max(1, arguments.batch_size // 4)
    parts = {
        'plain': lambda: compare_with_plain(arguments.batch_size, arguments.repeats),
        'scaling': lambda: show_scaling(small, arguments.repeats),
        'share': lambda: show_share(small, arguments.repeats),
        'memory': show_memory,
        'one_image': run_one_image,
    }
    for name in arguments.parts:
        parts[name]()


if __name__ == '__main__':
    main()
