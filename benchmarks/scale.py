"""What a stage costs per image: CPU seconds and bytes of the work on files, FLOPs of the networks.

    python benchmarks/scale.py --images data/VOCdevkit/VOC2012/JPEGImages

Seconds are those of one core (the clock of the process, which other work on the machine moves
little), on photographs of 375 x 500, with smooth random maps of two classes. FLOPs are counted by
torch on tensors without memory: the shipped networks at the sizes that their configs make.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from mmwsss.evaluation.seed_evaluation import evaluate_masks, evaluate_seeds
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS
from mmwsss.seeds import (
    Seed,
    ir_label,
    load_mask,
    load_seed,
    refine_seed,
    save_mask,
    save_seed,
)
from mmwsss.seeds.crf import crf_preset
from mmwsss.seeds.ir_label import IRLabelSettings
from mmwsss.seeds.refine import RefineSettings
from mmwsss.seeds.walk import WalkSettings, walk_seed
from mmwsss.structures import read_image

SIZE = (375, 500)
GRID = (94, 125)
CLASSES = [f'class {index}' for index in range(20)]
CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
NETWORKS = {  # shipped config -> whether its backbone learns
    'irn/irn_voc.py': True,
    'amn/amn_voc.py': True,
    'mctformer/mctformer_voc.py': True,
    'sipe/sipe_voc.py': True,
    'cpf_cte/cpf_cte_voc.py': True,
    'clip_es/clip_es_voc.py': False,
    'irn/irnet_voc.py': False,
    'vpl/vpl_decoder_voc.py': False,
    'deeplabv2/deeplabv2_r101_voc.py': True,
}


def make_seed(index: int) -> Seed:
    """Return smooth maps of two classes."""
    noise = np.random.default_rng(index).random((*GRID, 2), dtype=np.float32)
    maps = cv2.GaussianBlur(noise, (0, 0), 8).transpose(2, 0, 1)
    low, high = (f(axis=(1, 2), keepdims=True) for f in (maps.min, maps.max))
    return Seed(np.array([2, 7]), (maps - low) / (high - low), SIZE)


def write_images(folder: Path, images: Path, number: int) -> list[Path]:
    """Write photographs of one size."""
    found = sorted(images.glob('*.jpg'))
    paths = []
    for index in range(number):
        pixels = cv2.resize(read_image(found[index * len(found) // number]), SIZE[::-1])
        paths.append(folder / f'{index}.jpg')
        Image.fromarray(pixels).save(paths[-1], quality=95)
    return paths


def report(name: str, work: Callable[[int], Any], number: int, files: str = '') -> None:
    """Print the CPU seconds of an image, and the bytes of the files that were written."""
    begin = time.process_time()
    for index in range(number):
        work(index)
    seconds = (time.process_time() - begin) / number
    found = sorted(Path().glob(files)) if files else []
    size = f'{sum(path.stat().st_size for path in found) / len(found):9.0f} B' if found else ''
    print(f'{name:44}{seconds:9.3f} s{size}', flush=True)


def measure_files(paths: list[Path]) -> None:
    """Measure the work on files, in the folder at hand."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    number = len(paths)
    images, seeds = [read_image(path) for path in paths], [make_seed(i) for i in range(number)]
    crf = {name: crf_preset('irn', name) for name in ('pydensecrf', 'torch')}
    report('read a photograph', lambda i: read_image(paths[i]), number)
    report('write a seed', lambda i: save_seed(f'seeds/{i}.npz', seeds[i]), number, 'seeds/*.npz')
    report('read a seed', lambda i: load_seed(f'seeds/{i}.npz'), number)
    for name, settings in crf.items():
        options = RefineSettings(crf=settings)
        report(f'CRF, {name}', lambda i, o=options: refine_seed(images[i], seeds[i], o), number)
    labels = IRLabelSettings(crf=crf['torch'])
    report('ir_label, CRF twice, torch', lambda i: ir_label(images[i], seeds[i], labels), number)
    edge = torch.rand(GRID, generator=torch.Generator().manual_seed(0))
    for full_size in (True, False):
        settings, kind = WalkSettings(full_size=full_size), 'full size' if full_size else 'extent'

        def walk(i: int, settings: WalkSettings = settings, kind: str = kind) -> None:
            save_seed(f'{kind}/{i}.npz', walk_seed(seeds[i], edge, settings))

        report(f'random walk and writing, {kind}', walk, number, f'{kind}/*.npz')
    masks = [seed.full_size('cam').argmax(axis=0).astype(np.uint8) for seed in seeds]
    report('write a mask', lambda i: save_mask(f'masks/{i}.png', masks[i]), number, 'masks/*.png')
    report('read a mask', lambda i: load_mask(f'masks/{i}.png'), number)
    ids = [str(index) for index in range(number)]
    report('judge a mask', lambda i: evaluate_masks('masks', 'masks', [ids[i]], CLASSES), number)
    report('judge a seed, 101 thresholds', lambda i: _judge(ids[i]), number)


def _judge(image_id: str) -> None:
    evaluate_seeds('seeds', 'masks', [image_id], CLASSES)


def shapes_of(pipeline: list[dict], path: Path) -> tuple[list[tuple[int, ...]], float]:
    """Return the sizes that a pipeline makes of a photograph, and the CPU seconds."""
    steps = Compose(pipeline)
    mask = path.with_suffix('.png')
    save_mask(mask, np.zeros(SIZE, dtype=np.uint8))
    files = {'img_path': str(path), 'seg_map_path': str(mask)}
    begin = time.process_time()
    inputs = steps({**files, 'seg_fields': [], 'reduce_zero_label': False})['inputs']
    seconds = time.process_time() - begin
    several = inputs if isinstance(inputs, list) else [inputs]
    return [tuple(image.shape[-2:]) for image in several], seconds


def count_flops(name: str, path: Path) -> None:
    """Print the FLOPs of an image of a network, in its seeds or its test, and in training."""
    config = load_config(CONFIGS / name)
    init_default_scope('mmseg')
    backbone = config.model.backbone
    backbone.pop('init_cfg', None)
    if 'pretrained' in backbone:
        backbone.pretrained = None
    if config.model.get('decode_head', {}).get('prototypes'):
        config.model.decode_head.prototypes = None
    with torch.device('meta'):
        model = MODELS.build(config.model).eval()
    trained = config.train_dataloader.dataset.pipeline
    views, seconds = shapes_of(config.tta_pipeline, path)
    (crop,), trained_seconds = shapes_of(trained, path)
    passes = 3 if NETWORKS[name] else 1  # the backward pass takes twice a forward pass
    seen = sum(_flops(model, size) for size in views)
    print(
        f'{name:36}{len(views):3} views {seen / 1e9:8.0f} GFLOP, {seconds:.3f} s to make them; '
        f'training at {crop}: {passes * _flops(model, crop) / 1e9:6.0f} GFLOP, '
        f'{trained_seconds:.3f} s',
        flush=True,
    )


def _flops(model: torch.nn.Module, size: tuple[int, ...]) -> int:
    images = torch.empty(1, 3, *size, device='meta')
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.backbone(images)
    return counter.get_total_flops()


def main() -> None:
    """Measure and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--images', type=Path, required=True, help='folder of photographs, *.jpg')
    parser.add_argument('--number', type=int, default=4)
    parser.add_argument('--only', choices=('files', 'networks'))
    arguments = parser.parse_args()
    images = arguments.images.resolve()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(Path(folder), images, arguments.number)
        os.chdir(folder)
        if arguments.only != 'networks':
            measure_files(paths)
        if arguments.only != 'files':
            for name in NETWORKS:
                count_flops(name, paths[0])


if __name__ == '__main__':
    main()
