"""COCO's instance annotations: polygons, and run lengths for regions with holes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmwsss.structures import atomic_path, decode_run_lengths, encode_run_lengths

from .images import (
    AnnotatedImage,
    Annotations,
    check_size,
    corners,
    file_names,
    find_file,
    id_of,
    read_json,
)
from .regions import Region, fill_ring, label_of

FILE = 'annotations.json'


def write(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Write `FILE` into a folder; a category's number is the label of its class."""
    names = file_names(images)
    content: dict[str, list[dict[str, Any]]] = {
        'images': [
            {
                'id': number,
                'file_name': names[image.id],
                'height': image.size[0],
                'width': image.size[1],
            }
            for number, image in enumerate(images, start=1)
        ],
        'annotations': [],
        'categories': [
            {'id': label, 'name': name, 'supercategory': ''}
            for label, name in enumerate(classes[1:], start=1)
        ],
    }
    for number, image in enumerate(images, start=1):
        for region in image.regions:
            entry = {
                'id': len(content['annotations']) + 1,
                'image_id': number,
                'category_id': region.label,
                'iscrowd': 0,
                **_segmentation(region, image.size),
            }
            content['annotations'].append(entry)
    with atomic_path(out / FILE) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding='utf-8')


def _segmentation(region: Region, size: tuple[int, int]) -> dict[str, Any]:
    """Return outline, area and box of a region."""
    assert region.ring is not None
    inside = region.pixels(size)
    rows, columns = np.nonzero(inside.any(axis=1))[0], np.nonzero(inside.any(axis=0))[0]
    top, left = int(rows[0]), int(columns[0])
    box = [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]
    outline: Any = [np.round(region.ring, 2).ravel().tolist()]
    if _has_hole(region.ring):
        outline = encode_run_lengths(inside)
    return {'segmentation': outline, 'area': int(inside.sum()), 'bbox': box}


def _has_hole(ring: np.ndarray) -> bool:
    """Say whether a slit leads to a hole: a corner comes twice."""
    return len(np.unique(ring, axis=0)) < len(ring)


def read(source: Path, images: Mapping[str, AnnotatedImage], classes: Sequence[str]) -> Annotations:
    """Read a file of instance annotations; an image without any is background.

    Raises:
        ValueError: The file is another, an image was not exported or a class is unknown.
    """
    content = read_json(find_file(source, FILE))
    if not isinstance(content, dict) or not {'images', 'annotations', 'categories'} <= set(content):
        raise ValueError(f'{source} is no file of COCO: it needs images, annotations, categories')
    names = {category['id']: category['name'] for category in content['categories']}
    ids: dict[Any, str] = {}
    found: dict[str, list[Region]] = {}
    for entry in content['images']:
        image_id = ids[entry['id']] = id_of(entry['file_name'], images, source)
        if entry.get('height') and entry.get('width'):
            check_size((entry['height'], entry['width']), images[image_id], source)
        found[image_id] = []
    for entry in content['annotations']:
        place = f'annotation {entry["id"]} of {source}'
        if entry['image_id'] not in ids:
            raise ValueError(f'{place} is of image {entry["image_id"]}, which the file has not')
        image_id = ids[entry['image_id']]
        label = label_of(names.get(entry['category_id'], ''), classes, place)
        region = _region(label, entry.get('segmentation'), images[image_id].size, place)
        found[image_id].append(region)
    if not found:
        raise ValueError(f'{source} has no image: export the task once more')
    return dict(found)


def _region(label: int, segmentation: Any, size: tuple[int, int], place: str) -> Region:
    if not segmentation:
        raise ValueError(f'{place} has a box and no segmentation: give polygons or run lengths')
    if isinstance(segmentation, dict):
        return Region(label, inside=_decode(segmentation, size, place))
    rings = [
        corners(np.asarray(part, dtype=np.float64)[: len(part) // 2 * 2].reshape(-1, 2), place)
        for part in segmentation
    ]
    if len(rings) == 1:
        return Region(label, rings[0])
    return Region(label, inside=np.any([fill_ring(ring, size) for ring in rings], axis=0))


def _decode(segmentation: dict[str, Any], size: tuple[int, int], place: str) -> np.ndarray:
    if tuple(segmentation['size']) != size:
        raise ValueError(f'{place} has run lengths of {segmentation["size"]} pixels, not {size}')
    return decode_run_lengths(segmentation)
