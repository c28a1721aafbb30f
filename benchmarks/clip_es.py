"""GradCAM on a frozen CLIP, side by side with the published procedure; memory of the affinity.

The published procedure runs the last block forward and backward again for each class, with the
gradients of its parameters. Both start from what leaves the block before the last (ViT-B/16, random
weights, 480 x 480, three present classes). Then the peak memory at 640 x 640, each in a process of
its own, with and without the attention's affinity.
"""

import argparse
import multiprocessing
import statistics
import time
from pathlib import Path

import torch
from mmengine.registry import init_default_scope
from torch import Tensor

from mmwsss.functional import clip_es
from mmwsss.models.backbones.frozen_clip import CLIPFeatures
from mmwsss.pipeline.memory import peak_megabytes
from mmwsss.registry import MODELS

CLASSES = (2, 5, 8)
NUM_CLASSES = 20


def build_model() -> torch.nn.Module:
    """Build CLIP-ES on a random ViT-B/16 with random prototypes."""
    init_default_scope('mmseg')
    model = MODELS.build(
        {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': {'type': 'mmwsss.CLIPESBackbone', 'pretrained': None},
            'cam_head': {'type': 'mmwsss.CLIPESHead', 'num_classes': NUM_CLASSES},
        }
    ).eval()
    vectors = torch.randn(45, 512, generator=torch.Generator().manual_seed(0))
    model.cam_head.text.set_vectors(vectors)
    return model


def published_maps(features: CLIPFeatures, prototypes: Tensor, image_label: Tensor) -> Tensor:
    """Run the last block forward and backward for each class, as the released code does."""
    block = features.clip.blocks[-1].requires_grad_(True)
    maps = []
    for number in range(len(CLASSES)):
        activation = block.ln_1(features.tokens)
        activation.retain_grad()
        mixed, _ = block.attn(activation, activation, activation, need_weights=True)
        tokens = features.tokens + mixed
        last = tokens + block.mlp(block.ln_2(tokens))
        embedding = features.clip.project(last[:, 1:]).mean(dim=1)
        logits = clip_es.class_logits(embedding, prototypes, image_label)
        block.zero_grad()
        logits.softmax(dim=1)[0, CLASSES[number]].backward()
        gradient = activation.grad[:, 1:]
        cam = clip_es.grad_cam(activation.detach()[:, 1:], gradient).unflatten(1, features.size)
        maps.append(clip_es.normalize_cam(clip_es.normalize_cam(cam)))
    block.requires_grad_(False)
    return torch.cat(maps)


def compare(rounds: int) -> None:
    """Print the medians of interleaved runs, and how far the maps differ."""
    model = build_model()
    image_label = torch.zeros(1, NUM_CLASSES)
    image_label[0, list(CLASSES)] = 1
    features = model.backbone(torch.randn(1, 3, 480, 480))
    prototypes = model.cam_head.text.vectors
    own_seconds, other_seconds = [], []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        own, _, _ = model.cam_head.grad_cams(features, prototypes, image_label)
        middle = time.perf_counter()
        other = published_maps(features, prototypes, image_label)
        own_seconds.append(middle - start)
        other_seconds.append(time.perf_counter() - middle)
    # the first round warms up
    own_time, other_time = statistics.median(own_seconds[1:]), statistics.median(other_seconds[1:])
    difference = (own[0, list(CLASSES)] - other).abs().max()
    print(
        f'GradCAM of 3 classes: {own_time:.3f} s, as published {other_time:.3f} s, '
        f'{other_time / own_time:.2f} x; largest difference {difference:.1e}'
    )


def peak_memory(affinity: bool) -> float:
    """Return by how many MB one image of 640 x 640 raises the peak of this process (Linux)."""
    model = build_model()
    if not affinity:
        # what a network without it does: blocks that keep no attention
        model.backbone.num_attention_blocks = 1
        model.cam_head.affinity = lambda *unused: None
        model.cam_head.spread = lambda cam, unused: cam
    image_label = torch.zeros(1, NUM_CLASSES)
    image_label[0, list(CLASSES)] = 1
    Path('/proc/self/clear_refs').write_text('5')  # forget the peak of building the model
    before = peak_megabytes()
    with torch.no_grad():
        model.cam_head(
            model.backbone(torch.randn(1, 3, 640, 640)), torch.ones(1, 1, 640, 640), image_label
        )
    return peak_megabytes() - before


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=5)
    rounds = parser.parse_args().rounds
    with multiprocessing.get_context('spawn').Pool(1, maxtasksperchild=1) as pool:
        without, with_affinity = pool.map(peak_memory, [False, True], chunksize=1)
    print(
        f'640 x 640: {with_affinity:.0f} MB more with the affinity, {without:.0f} MB without, '
        f'{with_affinity - without:+.0f} MB'
    )
    compare(rounds)


if __name__ == '__main__':
    main()
