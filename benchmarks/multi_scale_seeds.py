"""Seeds of several scales and flips, beside the loop of the released code and beside single views.

    python benchmarks/multi_scale_seeds.py                 # as many threads as torch takes
    python benchmarks/multi_scale_seeds.py --threads 1

ResNet-50 of IRN with random weights, 375 x 500, scales 1, 0.5, 1.5 and 2, each with its mirror
image; from pixels to the merged maps, all in turns. The loop is written from the description of the
released code: one forward a scale, of the image and its mirror together, without gradient; here it
makes the maps of the stride-4 grid alone, as ours does. Asserts that the maps are equal. With one
thread its CPU time is measured, which other work on the machine changes least.
"""

import argparse
import statistics
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData

from mmwsss.models.inference import prepare_for_inference
from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS

from mmseg.structures import SegDataSample  # isort: skip  (after the cures of mmwsss.registry)

CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'irn' / 'irn_voc.py'
SIZE, SCALES, CLASSES = (375, 500), (1.0, 0.5, 1.5, 2.0), (2, 14)
GRID = tuple(-(-side // 4) for side in SIZE)


def build():
    """Build the network; its batch norms have statistics of their own."""
    init_default_scope('mmseg')
    config = load_config(CONFIG).model
    config.backbone.pop('init_cfg', None)
    torch.manual_seed(0)
    network = MODELS.build(config)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.05)
            module.running_var.uniform_(0.8, 1.2)
            module.weight.data.fill_(0.6)  # deep sums stay in range
    return network.eval()


def scaled_images(side_by_side):
    """Return an image of each scale, ``(3, h, w)`` uint8."""
    sizes = [(round(SIZE[1] * scale), round(SIZE[0] * scale)) for scale in SCALES]
    images = [cv2.resize(side_by_side, size, interpolation=cv2.INTER_CUBIC) for size in sizes]
    return [torch.from_numpy(image).permute(2, 0, 1).contiguous() for image in images]


@torch.no_grad()
def released_loop(network, images):
    """Return the maps of the present classes, ``(k, h, w)``."""
    mean, deviation = network.data_preprocessor.mean, network.data_preprocessor.std
    total = 0
    for image in images:
        pair = torch.stack([image, image.flip(-1)])
        features = network.backbone((pair.float().flip(1) - mean) / deviation)[-1]
        maps = F.relu(F.conv2d(features, network.cam_head.classifier.weight))
        maps = maps[0] + maps[1].flip(-1)
        total += F.interpolate(maps[None], GRID, mode='bilinear', align_corners=False)[0]
    maps = total[list(CLASSES)]
    return maps / (maps.amax(dim=(1, 2), keepdim=True) + 1e-5)


def as_loaded(images):
    """Return what a loader gives: for each view a list of one image."""
    label = torch.zeros(20)
    label[list(CLASSES)] = 1
    inputs, samples = [], []
    for image in images:
        for flip in (False, True):
            meta = {'ori_shape': SIZE, 'flip': flip, 'flip_direction': 'horizontal'}
            sample = SegDataSample(metainfo=meta, gt_label=LabelData(multi_hot=label))
            inputs.append([image.flip(-1) if flip else image])
            samples.append([sample])
    return {'inputs': inputs, 'data_samples': samples}


@torch.no_grad()
def batched(model, images):
    """Return the maps of the package's way."""
    return torch.from_numpy(model.test_step(as_loaded(images))[0].pred_seed.cam)


@torch.no_grad()
def one_by_one(model, images):
    """Return the maps with a forward for each view."""
    data = as_loaded(images)
    pairs = zip(data['inputs'], data['data_samples'], strict=True)
    views = [model.module.test_step({'inputs': x, 'data_samples': s})[0] for x, s in pairs]
    return torch.from_numpy(model.merge_preds([views])[0].pred_seed.cam)


def main():
    """Print images a second of all ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, help="default: torch's")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    plain, folded = build(), build()
    prepare_for_inference(folded)
    ways = {
        'released loop': lambda images: released_loop(plain, images),
        'one by one': lambda images: one_by_one(CAMTTAModel(plain), images),
        'batched, folded': lambda images: batched(CAMTTAModel(folded), images),
        'the same, bfloat16': lambda images: batched(CAMTTAModel(folded, amp=True), images),
    }
    rng = np.random.default_rng(0)
    seconds, results = {name: [] for name in ways}, {}
    for _ in range(arguments.rounds + 1):
        noise = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        images = scaled_images(cv2.resize(noise, SIZE[::-1], interpolation=cv2.INTER_CUBIC))
        for name, way in ways.items():
            begin = clock()
            results[name] = way(images)
            seconds[name].append(clock() - begin)
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    base = medians['released loop']
    print(f'{torch.get_num_threads()} threads, medians of {arguments.rounds} images 375 x 500')
    for name, median in medians.items():
        apart = (results[name] - results['released loop']).abs().max()
        print(
            f'{name:>20}: {1 / median:.3f} images/s, {base / median:.2f} x the released loop; '
            f'maps {apart:.1e} apart'
        )
    torch.testing.assert_close(
        results['batched, folded'], results['released loop'], rtol=0, atol=1e-4
    )


if __name__ == '__main__':
    main()
