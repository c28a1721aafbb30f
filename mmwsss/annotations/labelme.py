"""LabelMe's JSON, one file per image."""

import base64
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmwsss.structures import atomic_path

from .images import AnnotatedImage, Annotations, check_size, corners, id_of, read_json
from .regions import Region, box_ring, label_of

_VERSION = '5.5.0'  # of LabelMe, whose files have these keys


def write(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Write ``<id>.json`` of every image into a folder; the images stay where they are."""
    for image in images:
        shapes = [
            {
                'label': classes[region.label],
                'points': np.round(region.ring, 3).tolist(),
                'group_id': None,
                'description': '',
                'shape_type': 'polygon',
                'flags': {},
                'mask': None,
            }
            for region in image.regions
            if region.ring is not None
        ]
        content: dict[str, Any] = {
            'version': _VERSION,
            'flags': {},
            'shapes': shapes,
            'imagePath': os.path.relpath(image.image, out),
            'imageData': None,
            'imageHeight': image.size[0],
            'imageWidth': image.size[1],
        }
        with atomic_path(out / f'{image.id}.json') as temporary:
            text = json.dumps(content, ensure_ascii=False, indent=2)
            temporary.write_text(text, encoding='utf-8')


def read(source: Path, images: Mapping[str, AnnotatedImage], classes: Sequence[str]) -> Annotations:
    """Read a folder of LabelMe's files, or one of them; images without a file are left alone.

    Raises:
        ValueError: A file is another, an image was not exported, or a class or shape is unknown.
    """
    files = sorted(source.rglob('*.json')) if source.is_dir() else [source]
    found: Annotations = {}
    for path in files:
        content = read_json(path)
        if not isinstance(content, dict) or 'shapes' not in content:
            raise ValueError(f'{path} is no file of LabelMe: it has no shapes')
        own = path.stem in images  # else a copy that was saved under another name
        image_id = path.stem if own else id_of(content.get('imagePath') or path.name, images, path)
        if content.get('imageHeight') and content.get('imageWidth'):
            check_size((content['imageHeight'], content['imageWidth']), images[image_id], path)
        found[image_id] = [
            _region(shape, images[image_id].size, classes, f'shape {number} of {path}')
            for number, shape in enumerate(content['shapes'], start=1)
        ]
    if not found:
        raise ValueError(f'{source} has no file of LabelMe (*.json)')
    return found


def _region(
    shape: Mapping[str, Any], size: tuple[int, int], classes: Sequence[str], place: str
) -> Region:
    label = label_of(shape['label'], classes, place)
    kind = shape.get('shape_type', 'polygon')
    if kind == 'polygon':
        return Region(label, corners(shape['points'], place))
    if kind == 'rectangle':
        (left, top), (right, bottom) = shape['points']
        return Region(label, box_ring(left, top, right, bottom))
    if kind == 'mask':
        return Region(label, inside=_mask(shape, size))
    raise ValueError(f'{place} is a {kind}: draw polygons, rectangles or masks')


def _mask(shape: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a shape that is a picture, from its upper left corner on."""
    with Image.open(io.BytesIO(base64.b64decode(shape['mask']))) as image:
        picture = np.array(image.convert('L')) > 0
    left, top = (round(value) for value in shape['points'][0])
    inside = np.zeros(size, dtype=bool)
    part = inside[top : top + picture.shape[0], left : left + picture.shape[1]]
    part[:] = picture[: part.shape[0], : part.shape[1]]
    return inside
