"""Masks, image lists and image labels from COCO's instance annotations."""

import json
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmwsss.datasets.image_labels import save_image_labels
from mmwsss.seeds.masks import IGNORE_INDEX, save_mask
from mmwsss.seeds.processes import run_in_processes
from mmwsss.structures.files import atomic_path
from mmwsss.structures.run_lengths import check_pycocotools, decode_run_lengths
from mmwsss.terminal import progress, show

COCO_2014_COUNTS = {'train2014': 82081, 'val2014': 40137}  # images with annotated objects


PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class _ImageInstances:
    """The objects of one image, in the order of the file, without crowds."""

    image_id: str
    height: int
    width: int
    class_index: tuple[int, ...]
    segmentation: tuple[Any, ...]  # polygons or run lengths; nothing where a box is all there is


def convert_coco_split(root: PathLike, split: str, processes: int = 1) -> int:
    """Write masks, image list and image labels of one split from COCO's instances.

    Reads ``annotations/instances_<split>.json`` and writes ``SegmentationClass/<split>/<id>.png``,
    ``image_labels_<split>.json`` and, last, ``ImageSets/<split>.txt``. Listed are the images that
    have an annotation. In a mask, 0 is background and 1..N are the categories in the order of their
    numbers; where two objects overlap, the later one of the file is seen. Crowds are in no mask and
    in no label. Where an object has a box alone, as detection tools write it, no mask is drawn.

    Args:
        root: Folder of the data set.
        split: ``train2014``, ``val2014``, or the like.
        processes: How many draw masks.

    Returns:
        Number of images.

    Raises:
        FileNotFoundError: There is no annotation file.
        ValueError: It is no COCO instance file, or contradicts itself.
        ModuleNotFoundError: pycocotools is missing.
    """
    root = Path(root)
    path = root / 'annotations' / f'instances_{split}.json'
    names, images = _read_instances(path)
    _check_ids(images, path)
    expected = COCO_2014_COUNTS.get(split, len(images))
    if len(images) != expected:
        warnings.warn(
            f'{path} has {len(images)} images with objects where COCO has {expected}; check that '
            'it is complete.',
            stacklevel=2,
        )
    boxes = sum(not outline for image in images for outline in image.segmentation)
    if boxes:
        show(
            f'{path} has {boxes} objects with a box alone, without segmentation: labels and list '
            'are written, masks are not drawn'
        )
    else:
        if not all(image.height and image.width for image in images):
            raise ValueError(
                f'{path} is no file of COCO instances (an image has no height or width); extract '
                'it from the archive anew.'
            )
        check_pycocotools()
        _draw_masks(images, root / 'SegmentationClass' / split, processes)
    labels = {image.image_id: {names[i] for i in image.class_index} for image in images}
    save_image_labels(root / f'image_labels_{split}.json', labels)
    with atomic_path(root / 'ImageSets' / f'{split}.txt') as temporary:
        temporary.write_text(''.join(f'{i}\n' for i in sorted(labels)), encoding='utf-8')
    return len(images)


def _read_instances(path: Path) -> tuple[tuple[str, ...], list[_ImageInstances]]:
    """Return the class names, background first, and the images that have an annotation."""
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no annotation file {path}; unpack the annotations of COCO there.'
        )
    try:
        return _join(json.loads(path.read_bytes()), path)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is no file of COCO instances ({error!r}); it must hold images, annotations '
            'and categories: extract it from the archive anew.'
        ) from error


def _join(content: Mapping[str, Any], path: Path) -> tuple[tuple[str, ...], list[_ImageInstances]]:
    categories = sorted(content['categories'], key=lambda category: category['id'])
    if len(categories) >= IGNORE_INDEX:
        raise ValueError(
            f'{path} has {len(categories)} categories, and the PNG of a mask holds '
            f'{IGNORE_INDEX - 1} at most; leave some out.'
        )
    index = {category['id']: number for number, category in enumerate(categories, start=1)}
    images = {image['id']: image for image in content['images']}
    of_image = defaultdict(list)
    for annotation in content['annotations']:
        _check_annotation(annotation, images, index, path)
        of_image[annotation['image_id']].append(annotation)
    names = ('background', *(category['name'] for category in categories))
    return names, [_gather(images[i], of_image[i], index) for i in sorted(of_image)]


def _check_annotation(
    annotation: Mapping[str, Any], images: Container[int], index: Container[int], path: Path
) -> None:
    for key, known in (('image_id', images), ('category_id', index)):
        if annotation.get(key) not in known:
            raise ValueError(
                f'{path}: annotation {annotation.get("id")} has {key}={annotation.get(key)}, which '
                'the file does not list; extract it from the archive anew.'
            )


def _gather(
    image: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]], index: Mapping[int, int]
) -> _ImageInstances:
    objects = [annotation for annotation in annotations if not annotation.get('iscrowd')]
    return _ImageInstances(
        image_id=Path(image['file_name']).stem,
        height=int(image.get('height') or 0),
        width=int(image.get('width') or 0),
        class_index=tuple(index[annotation['category_id']] for annotation in objects),
        segmentation=tuple(annotation.get('segmentation') for annotation in objects),
    )


def _check_ids(images: Sequence[_ImageInstances], path: Path) -> None:
    count = Counter(image.image_id for image in images)
    twice = [image_id for image_id in count if count[image_id] > 1]
    if twice:
        raise ValueError(
            f'{path}: {count[twice[0]]} images are named {twice[0]!r}; ids are file names without '
            'folder and suffix and must differ: rename them.'
        )


def _draw_masks(images: Sequence[_ImageInstances], folder: Path, processes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tasks = ((image, folder) for image in images)
    with progress(f'masks of {folder.name}', len(images)) as bar:
        for _ in run_in_processes(_draw_mask, tasks, processes):
            bar.update()


def _draw_mask(task: tuple[_ImageInstances, Path]) -> None:
    image, folder = task
    mask = np.zeros((image.height, image.width), dtype=np.uint8)
    for class_index, segmentation in zip(image.class_index, image.segmentation, strict=True):
        mask[_decode(segmentation, image)] = class_index
    save_mask(folder / f'{image.image_id}.png', mask)


def _decode(segmentation: Any, image: _ImageInstances) -> np.ndarray:
    """Turn polygons, run lengths or compressed run lengths into ``(H, W)`` bool."""
    from pycocotools import mask as mask_api

    try:
        if isinstance(segmentation, list):  # polygons of one object
            parts = mask_api.frPyObjects(segmentation, image.height, image.width)
            segmentation = mask_api.merge(parts)
        return decode_run_lengths(segmentation)
    except Exception as error:  # pycocotools raises what it likes
        raise ValueError(
            f'An object of image {image.image_id} has no readable segmentation ({error}); extract '
            'the annotation file from the archive anew.'
        ) from error
