"""Time of a training step of host + CPAL, after the warm-up, over the host's.

    python benchmarks/training_step.py                      # ResNet-50, crop 512
    python benchmarks/training_step.py --small              # EfficientNet-Lite0, crop 256

Both models see the same batch, in turns; the ratio of the medians is printed.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData

from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS

from mmseg.structures import SegDataSample  # isort: skip  (after the cures of mmwsss.registry)

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'


def build(name: str) -> torch.nn.Module:
    """Build the model of a config without downloading weights."""
    model = load_config(CONFIGS / name).model
    model.backbone.pop('init_cfg', None)
    return MODELS.build(model).train()


def fill(head: torch.nn.Module) -> None:
    """Give a prototype head a full bank and its clusters."""
    classes, length, channels = head.bank.entries.shape
    for index in range(classes):
        rows = torch.rand(length, channels)
        head.bank.enqueue(rows, torch.full((length,), index))
    head.update_context_prototypes(seed=0)


def make_batch(size: int, crop: int, classes: int) -> dict:
    """Return random images with one or two classes each."""
    samples = []
    for index in range(size):
        label = torch.zeros(classes)
        label[[index % classes, (3 * index + index % 2) % classes]] = 1
        sample = SegDataSample(gt_label=LabelData(multi_hot=label))
        samples.append(sample)
    images = [torch.randint(0, 256, (3, crop, crop), dtype=torch.uint8) for _ in range(size)]
    return {'inputs': images, 'data_samples': samples}


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, batch: dict) -> float:
    """Do one training step; return its seconds."""
    begin = time.perf_counter()
    data = model.data_preprocessor(batch, training=True)
    losses = model(data['inputs'], data['data_samples'], mode='loss')
    optimizer.zero_grad()
    sum(losses.values()).backward()
    optimizer.step()
    return time.perf_counter() - begin


def main() -> None:
    """Print the seconds and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--small', action='store_true', help='EfficientNet-Lite0 at crop 256')
    parser.add_argument('--batch-size', type=int, default=4)
    parser.add_argument('--repeats', type=int, default=7)
    arguments = parser.parse_args()
    init_default_scope('mmseg')
    suffix, crop = ('_mini', 256) if arguments.small else ('', 512)
    host, plugin = build(f'irn/irn_voc{suffix}.py'), build(f'cpal/irn_cpal_voc{suffix}.py')
    fill(plugin.prototype_head)
    batch = make_batch(arguments.batch_size, crop, classes=20)
    runs = [(model, torch.optim.SGD(model.parameters(), 1e-4)) for model in (host, plugin)]
    seconds = [[step(*run, batch) for run in runs] for _ in range(arguments.repeats + 1)][1:]
    first, second = (statistics.median(column) for column in zip(*seconds, strict=True))
    paired = statistics.median(after / before for before, after in seconds)
    print(f'host {first:.3f} s, host + CPAL {second:.3f} s (medians of {len(seconds)})')
    print(f'ratio of medians {second / first:.3f}, median of ratios {paired:.3f}')


if __name__ == '__main__':
    main()
