"""Parameters, peak memory and time of a training step of IRN on each named backbone.

    python benchmarks/backbones.py                          # all, batches of 2 crops of 224
    python benchmarks/backbones.py dinov2_small swin_tiny   # these, beside ResNet-50
    python benchmarks/backbones.py --device cuda --batch-size 16 --crop 448

Random weights; each backbone in a process of its own, with the frozen stages of its config. Memory
and time are those of ResNet-50 times the factor that is printed; its own are printed, too. Time is
the median of steps that take turns with ResNet-50's.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import torch
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData

from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.memory import peak_megabytes
from mmwsss.registry import MODELS
from mmwsss.shipped import shipped_backbones

from mmseg.structures import SegDataSample  # isort: skip  (after the cures of mmwsss.registry)

REFERENCE = 'resnet50'


def build(name: str) -> Any:
    """Build IRN with a named backbone and random weights."""
    init_default_scope('mmseg')
    model = load_config('irn_voc', backbone=name).model
    model.backbone.pretrained = False
    network = MODELS.build(model)
    network.train()
    return network


def make_batch(size: int, crop: int, classes: int) -> dict[str, list]:
    """Return random images with one class each."""
    samples = []
    for index in range(size):
        label = torch.zeros(classes)
        label[index % classes] = 1
        samples.append(SegDataSample(gt_label=LabelData(multi_hot=label)))
    images = [torch.randint(0, 256, (3, crop, crop), dtype=torch.uint8) for _ in range(size)]
    return {'inputs': images, 'data_samples': samples}


class Trainer:
    """Takes steps.

    Args:
        name: Of the backbone.
        batch_size: Images.
        crop: Their sides in pixels.
        device: Where the network is.
    """

    def __init__(self, name: str, batch_size: int, crop: int, device: str) -> None:
        self.model = build(name).to(device)
        learning = [value for value in self.model.parameters() if value.requires_grad]
        self.optimizer = torch.optim.SGD(learning, 1e-4)
        self.batch = make_batch(batch_size, crop, self.model.cam_head.num_classes)

    def step(self) -> float:
        """Take one; return its seconds."""
        begin = now()
        data = self.model.data_preprocessor(self.batch, training=True)
        losses = self.model(**data, mode='loss')
        self.optimizer.zero_grad()
        sum(losses.values()).backward()
        self.optimizer.step()
        return now() - begin


def now() -> float:
    """Return the seconds of a clock, when the GPU has done what it was given."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def megabytes(device: str) -> float:
    """Return the peak memory of this process, or of tensors on a GPU."""
    if device == 'cuda':
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_megabytes()


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one backbone in this process: memory alone first, then time beside ResNet-50's."""
    torch.set_num_threads(arguments.threads)
    sizes = (arguments.batch_size, arguments.crop, arguments.device)
    empty = megabytes(arguments.device)
    trainer = Trainer(name, *sizes)
    backbone = trainer.model.backbone
    trainer.step()
    memory = megabytes(arguments.device) - empty
    reference = Trainer(REFERENCE, *sizes)
    reference.step()
    pairs = [(trainer.step(), reference.step()) for _ in range(arguments.repeats)]
    with torch.no_grad():
        maps = backbone(torch.zeros(1, 3, 224, 224, device=arguments.device))
    return {
        'stride': round(224 / maps[-1].shape[-1]),
        'parameters': sum(value.numel() for value in backbone.parameters()),
        'learning': sum(value.numel() for value in backbone.parameters() if value.requires_grad),
        'megabytes': memory,
        'seconds': statistics.median(own for own, _ in pairs),
        'time_ratio': statistics.median(own / other for own, other in pairs),
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', help='backbones; all if not given')
    parser.add_argument('--batch-size', type=int, default=2)
    parser.add_argument('--crop', type=int, default=224)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--device', default='cpu', choices=('cpu', 'cuda'))
    parser.add_argument('--only', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments)))
        return
    names = [REFERENCE, *(n for n in arguments.names or shipped_backbones() if n != REFERENCE)]
    sizes = ('batch_size', 'crop', 'repeats', 'threads', 'device')
    options = [f'--{key.replace("_", "-")}={getattr(arguments, key)}' for key in sizes]
    reference: dict[str, Any] = {}
    print('backbone              stride  parameters  that learn  memory    time')
    for name in names:
        command = [sys.executable, __file__, '--only', name, *options]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(answer.stdout.splitlines()[-1])
        reference = reference or found
        print(
            f'{name:22}{found["stride"]:>6}{found["parameters"] / 1e6:>11.1f}M'
            f'{found["learning"] / 1e6:>11.1f}M{found["megabytes"] / reference["megabytes"]:>8.2f}'
            f'{found["time_ratio"]:>8.2f}',
            flush=True,
        )
    print(f'{REFERENCE}: {reference["megabytes"]:.0f} MB, {reference["seconds"]:.3f} s')


if __name__ == '__main__':
    main()
