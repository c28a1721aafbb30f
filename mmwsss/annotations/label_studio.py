"""Label Studio's tasks as JSON: our regions are predictions; what is sent in is an annotation."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from mmwsss.structures import atomic_path

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
from .regions import Region, box_ring, label_of

FILE, INTERFACE = 'tasks.json', 'labels.xml'
_MODEL = 'mmwsss'
_PERCENT = 100.0


def write(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Write the tasks, and the labelling interface for the project's settings."""
    names = file_names(images)
    tasks = [
        {
            # where the server keeps its local files is for the reader to say
            'data': {'image': f'/data/local-files/?d={names[image.id]}', 'image_id': image.id},
            'predictions': [
                {
                    'model_version': _MODEL,
                    'result': [
                        _result(f'{image.id}-{number}', region, image.size, classes)
                        for number, region in enumerate(image.regions)
                    ],
                }
            ],
        }
        for image in images
    ]
    with atomic_path(out / FILE) as temporary:
        temporary.write_text(json.dumps(tasks, ensure_ascii=False), encoding='utf-8')
    view = Element('View')
    SubElement(view, 'Image', name='image', value='$image', zoom='true')
    labels = SubElement(view, 'PolygonLabels', name='label', toName='image')
    for name in classes[1:]:
        SubElement(labels, 'Label', value=name)
    indent(view)
    with atomic_path(out / INTERFACE) as temporary:
        temporary.write_text(tostring(view, encoding='unicode') + '\n', encoding='utf-8')


def _result(
    name: str, region: Region, size: tuple[int, int], classes: Sequence[str]
) -> dict[str, Any]:
    height, width = size
    assert region.ring is not None
    return {
        'id': name,
        'type': 'polygonlabels',
        'from_name': 'label',
        'to_name': 'image',
        'original_width': width,
        'original_height': height,
        'image_rotation': 0,
        'value': {
            'points': (region.ring * _PERCENT / (width, height)).tolist(),
            'closed': True,
            'polygonlabels': [classes[region.label]],
        },
    }


def read(source: Path, images: Mapping[str, AnnotatedImage], classes: Sequence[str]) -> Annotations:
    """Read an export in the format "JSON"; tasks that were not sent in are left alone.

    Raises:
        ValueError: The file is another, an image was not exported, or a class or shape is unknown.
    """
    path = find_file(source, FILE)
    tasks = read_json(path)
    if not isinstance(tasks, list) or not all('data' in task for task in tasks):
        raise ValueError(f'{path} is no list of tasks: export the format "JSON"')
    found: Annotations = {}
    for task in tasks:
        sent = [entry for entry in task.get('annotations', []) if not entry.get('was_cancelled')]
        if not sent:
            continue
        data = task['data']
        name = data.get('image_id') or str(data.get('image')).rpartition('=')[2]
        image = images[id_of(name, images, path)]
        place = f'{name} in {path}'
        found[image.id] = [
            _region(result, image, classes, path, place)
            for result in sent[-1]['result']
            if result.get('type') != 'choices'  # says something of the whole image
        ]
    return found


def _region(
    result: Mapping[str, Any],
    image: AnnotatedImage,
    classes: Sequence[str],
    path: Path,
    place: str,
) -> Region:
    kind, value = result['type'], result['value']
    if kind not in ('polygonlabels', 'rectanglelabels'):
        raise ValueError(f'{place} has {kind}: draw polygons or rectangles')
    if result.get('image_rotation') or value.get('rotation'):
        raise ValueError(f'{place} is rotated: draw it upright')
    size = (result['original_height'], result['original_width'])
    check_size(size, image, path)
    [name] = value[kind]
    label = label_of(name, classes, place)
    scale = np.array([size[1], size[0]]) / _PERCENT
    if kind == 'polygonlabels':
        return Region(label, corners(value['points'], place) * scale)
    left, top = value['x'], value['y']
    box = box_ring(left, top, left + value['width'], top + value['height'])
    return Region(label, box * scale)
