"""Toy scenes on disk, in the layout of PASCAL VOC."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mmwsss.datasets.image_labels import save_image_labels
from mmwsss.seeds.masks import save_mask
from mmwsss.terminal import progress

from .scene import CLASSES, Scene, draw_scene

SETTINGS_FILE = 'settings.json'  # written last: a folder that has it is complete
_SPLITS = ('train', 'val')
_JPEG_QUALITY = 95
_VERSION = 1  # raise it when the same settings draw other pictures


def write_toy_scenes(
    root: str | os.PathLike[str],
    num_train: int,
    num_val: int,
    seed: int = 0,
    side_range: tuple[int, int] = (144, 192),
) -> Path:
    """Draw a data set; one that is there with the same settings is kept.

    The picture of an image depends on (seed, split, number) alone: the first 200 of 2,000 images
    are those of a set of 200. A folder appears when it is complete.

    Args:
        root: Folder of the data set.
        num_train: Images of the split ``train``.
        num_val: Images of the split ``val``.
        seed: Random seed of the pictures; another one draws other pictures.
        side_range: Smallest and largest side in pixels; both sides are drawn evenly.

    Returns:
        `root`.

    Raises:
        FileExistsError: `root` is there and is something else.
    """
    root = Path(root)
    settings = {
        'num_train': num_train,
        'num_val': num_val,
        'seed': seed,
        'side_range': list(side_range),
        'version': _VERSION,
    }
    if root.exists():
        _check_same(root, settings)
        return root
    temporary = root.with_name(f'.{root.name}.{os.getpid()}.tmp')
    try:
        _write(temporary, settings)
        temporary.rename(root)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return root


def draw_numbered_scene(
    seed: int, split: str, number: int, side_range: tuple[int, int] = (144, 192)
) -> Scene:
    """Draw one image of a data set.

    Args:
        seed: Of the data set.
        split: ``train`` or ``val``.
        number: From 0 on; classes take turns, so that all are met about equally often.
        side_range: Smallest and largest side in pixels.
    """
    rng = np.random.default_rng([seed, _SPLITS.index(split), number])
    height, width = (int(side) for side in rng.integers(*side_range, size=2, endpoint=True))
    foreground = CLASSES[1:]
    return draw_scene(rng, (height, width), foreground[number % len(foreground)])


def _write(root: Path, settings: dict) -> None:
    (root / 'JPEGImages').mkdir(parents=True)
    labels = {}
    images = list(_images(settings))
    with progress('toy scenes', len(images)) as bar:
        for split, number, image_id in images:
            scene = draw_numbered_scene(settings['seed'], split, number, settings['side_range'])
            image = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
            path = root / 'JPEGImages' / f'{image_id}.jpg'
            cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            save_mask(root / 'SegmentationClass' / f'{image_id}.png', scene.mask)
            labels[image_id] = scene.image_labels
            bar.update()
    save_image_labels(root / 'image_labels.json', labels)
    for split in _SPLITS:
        ids = [image_id for owner, _, image_id in _images(settings) if owner == split]
        path = root / 'ImageSets' / 'Segmentation' / f'{split}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(''.join(f'{image_id}\n' for image_id in ids), encoding='utf-8')
    (root / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + '\n', encoding='utf-8')


def _images(settings: dict) -> Iterator[tuple[str, int, str]]:
    """Yield split, number and id of every image."""
    for split in _SPLITS:
        for number in range(settings[f'num_{split}']):
            yield split, number, f'{split}_{number:05d}'


def _check_same(root: Path, settings: dict) -> None:
    path = root / SETTINGS_FILE
    if not path.is_file():
        raise FileExistsError(f'{root} is there and holds no toy scenes: choose another folder')
    found = json.loads(path.read_text(encoding='utf-8'))
    other = [f'{key} {found.get(key)}' for key in settings if found.get(key) != settings[key]]
    if other:
        raise FileExistsError(
            f'{root} holds toy scenes with {", ".join(other)}: delete it, or choose another folder'
        )
