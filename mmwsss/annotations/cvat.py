"""CVAT's own XML, "CVAT for images 1.1"."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from mmwsss.structures import atomic_path

from .images import AnnotatedImage, Annotations, check_size, corners, file_names, find_file, id_of
from .regions import Region, box_ring, label_of

FILE = 'annotations.xml'
_NO_REGION = ('tag',)  # says something of the whole image


def write(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Write `FILE` into a folder, to be uploaded to a task with the same images."""
    root = Element('annotations')
    SubElement(root, 'version').text = '1.1'
    labels = SubElement(SubElement(SubElement(root, 'meta'), 'task'), 'labels')
    for name in classes[1:]:
        SubElement(SubElement(labels, 'label'), 'name').text = name
    names = file_names(images)
    for number, image in enumerate(images):
        height, width = (str(side) for side in image.size)
        entry = SubElement(
            root, 'image', id=str(number), name=names[image.id], width=width, height=height
        )
        for region in image.regions:
            if region.ring is None:
                continue
            SubElement(
                entry,
                'polygon',
                label=classes[region.label],
                source='auto',
                occluded='0',
                points=';'.join(f'{x:.2f},{y:.2f}' for x, y in region.ring),
                z_order='0',
            )
    ElementTree.indent(root)
    with atomic_path(out / FILE) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding='utf-8', xml_declaration=True)


def read(source: Path, images: Mapping[str, AnnotatedImage], classes: Sequence[str]) -> Annotations:
    """Read CVAT's file; an image in it without a shape is background.

    Raises:
        ValueError: The file is another, an image was not exported, or a class or shape is unknown.
    """
    path = find_file(source, FILE)
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(
            f'{path} is no XML of CVAT ({error}): export "CVAT for images 1.1"'
        ) from error
    found: Annotations = {}
    for entry in root.iter('image'):
        image_id = id_of(entry.attrib['name'], images, path)
        size = (int(entry.attrib['height']), int(entry.attrib['width']))
        check_size(size, images[image_id], path)
        shapes = [shape for shape in entry if shape.tag not in _NO_REGION]
        shapes.sort(key=lambda shape: int(shape.attrib.get('z_order', 0)))  # the last is on top
        place = f'{entry.attrib["name"]} of {path}'
        found[image_id] = [_region(shape, size, classes, place) for shape in shapes]
    if not found:
        raise ValueError(f'{path} annotates no image: export "CVAT for images 1.1"')
    return found


def _region(shape: Element, size: tuple[int, int], classes: Sequence[str], image: str) -> Region:
    place = f'a {shape.tag} of {image}'
    values = shape.attrib
    label = label_of(values.get('label', ''), classes, place)
    if shape.tag == 'polygon':
        points = [pair.split(',') for pair in values['points'].split(';')]
        return Region(label, corners(points, place))
    if shape.tag == 'box':
        sides = (float(values[key]) for key in ('xtl', 'ytl', 'xbr', 'ybr'))
        return Region(label, box_ring(*sides))
    if shape.tag == 'mask':
        return Region(label, inside=_mask(shape, size))
    raise ValueError(f'{place} has no area: draw polygons, boxes or masks')


def _mask(shape: Element, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of run lengths, which begin outside, row by row of a part of the image."""
    left, top, width, height = (
        int(float(shape.attrib[key])) for key in ('left', 'top', 'width', 'height')
    )
    counts = [int(count) for count in shape.attrib['rle'].split(',')]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    inside = np.zeros(size, dtype=bool)
    inside[top : top + height, left : left + width] = flat.reshape(height, width)
    return inside
