"""Coarse masks from image labels in half a minute: a classifier on ImageNet features."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from mmwsss.datasets import load_image_labels, to_multi_hot
from mmwsss.models.backbones import EfficientNetLite0
from mmwsss.seeds.masks import IGNORE_INDEX, save_mask

_SIDE = 160  # what images are resized to; all numbers are ours
_STAGES = (5, 7)  # both at stride 16
_HIDDEN = 128
_EPOCHS, _BATCH, _RATE = 12, 50, 3e-3
_FOREGROUND, _BACKGROUND = 0.45, 0.3  # shares of a class's strongest evidence; ignored between


def write_evidence_masks(
    image_dir: str | os.PathLike[str],
    label_file: str | os.PathLike[str],
    image_ids: Sequence[str],
    classes: Sequence[str],
    out_dir: str | os.PathLike[str],
    seed: int = 0,
) -> Path:
    """Write a pseudo mask for every image from its image label; no mask is read.

    A small classifier learns the image labels on frozen features of an EfficientNet-Lite0. What it
    finds at each place for the classes of the image, divided by the largest, is the evidence.

    Args:
        image_dir: Folder of ``<id>.jpg``.
        label_file: Of image labels.
        image_ids: The images.
        classes: The foreground classes.
        out_dir: Folder of the masks; a complete one is kept.
        seed: Of the classifier.

    Returns:
        `out_dir`.

    Raises:
        FileNotFoundError: An image or the label file is missing.
    """
    out_dir = Path(out_dir)
    if all((out_dir / f'{image_id}.png').is_file() for image_id in image_ids):
        return out_dir
    known = load_image_labels(label_file, classes)
    labels = torch.from_numpy(np.stack([to_multi_hot(known[i], classes) for i in image_ids]))
    features, sizes = _features(Path(image_dir), image_ids)
    evidence = classify(features, labels.float(), seed)
    for image_id, maps, size in zip(image_ids, evidence, sizes, strict=True):
        maps = F.interpolate(maps[None], size, mode='bilinear', align_corners=False)[0]
        save_mask(out_dir / f'{image_id}.png', evidence_mask(maps))
    return out_dir


def classify(features: Tensor, labels: Tensor, seed: int = 0) -> Tensor:
    """Learn image labels from features, and tell where they were found.

    Args:
        features: ``(M, C, h, w)``.
        labels: ``(M, N)`` of 0 and 1.
        seed: Of the initial weights and of the order.

    Returns:
        ``(M, N, h, w)`` in [0, 1]; 0 for a class that is not in the image label.
    """
    features = features - features.mean(dim=(0, 2, 3), keepdim=True)
    features = features / features.std(dim=(0, 2, 3), keepdim=True).clamp(min=1e-3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv2d(features.shape[1], _HIDDEN, 1),
            nn.ReLU(),
            nn.Conv2d(_HIDDEN, labels.shape[1], 1),
        )
        optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1 / _EPOCHS, _EPOCHS)
        for _ in range(_EPOCHS):
            for chosen in torch.randperm(len(features)).split(_BATCH):
                scores = network(features[chosen]).mean(dim=(2, 3))
                loss = F.binary_cross_entropy_with_logits(scores, labels[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
    with torch.no_grad():
        maps = network(features).relu() * labels[:, :, None, None]
    return maps / maps.amax(dim=(2, 3), keepdim=True).clamp(min=1e-6)


def evidence_mask(evidence: Tensor) -> np.ndarray:
    """Turn the evidence of an image into a mask.

    Args:
        evidence: ``(N, H, W)`` in [0, 1].

    Returns:
        ``(H, W)`` uint8: 0 background, 1..N classes, 255 where the evidence is neither.

    Example:
        >>> evidence_mask(torch.tensor([[[0.9, 0.1, 0.0]], [[0.2, 0.1, 0.4]]]))
        array([[  1,   0, 255]], dtype=uint8)
    """
    strongest, which = evidence.max(dim=0)
    mask = torch.where(strongest > _FOREGROUND, which + 1, 0)
    mask[(strongest <= _FOREGROUND) & (strongest > _BACKGROUND)] = IGNORE_INDEX
    return mask.numpy().astype(np.uint8)


@torch.no_grad()
def _features(folder: Path, image_ids: Sequence[str]) -> tuple[Tensor, list[tuple[int, int]]]:
    """Return features ``(M, C, h, w)`` of the images, and their sizes."""
    network = EfficientNetLite0(out_stages=_STAGES).eval()
    features, sizes = [], []
    for image_id in tqdm(image_ids, desc='evidence', unit='image'):
        image = cv2.imread(str(folder / f'{image_id}.jpg'))
        if image is None:
            raise FileNotFoundError(f'there is no image {folder / image_id}.jpg')
        sizes.append((image.shape[0], image.shape[1]))
        image = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        inputs = torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).permute(2, 0, 1)
        features.append(torch.cat(network((inputs[None].float() - 127) / 128), dim=1))
    return torch.cat(features), sizes
