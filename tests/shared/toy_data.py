"""Toy scenes in the layouts of VOC, of COCO, and of one's own images."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmwsss.datasets import save_image_labels
from mmwsss.datasets.coco_objects import COCO_CLASSES
from mmwsss.registry import DATASETS
from mmwsss.seeds.masks import IGNORE_INDEX, save_mask
from mmwsss.toy_scenes.scene import CLASSES
from mmwsss.toy_scenes.writer import draw_numbered_scene

TRAIN, VAL = 4, 2
SIDES = (72, 96)
VOC_CLASSES = DATASETS.get('PascalVOCDataset').METAINFO['classes']
COCO_NAMES = {'aeroplane': 'airplane'}


@dataclass
class Photo:
    """A toy scene with the classes of another data set."""

    id: str
    image: np.ndarray
    mask: np.ndarray
    names: list[str]

    def save_image(self, folder, suffix='.jpg'):
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.image).save(folder / f'{self.id}{suffix}', quality=95)


def draw(split, number, image_id, classes, renamed=None):
    scene = draw_numbered_scene(0, split, number, SIDES)
    names = [(renamed or {}).get(name, name) for name in CLASSES]
    table = np.full(256, IGNORE_INDEX, dtype=np.uint8)
    table[: len(names)] = [classes.index(name) for name in names]
    labels = [(renamed or {}).get(name, name) for name in scene.image_labels]
    return Photo(image_id, scene.image, table[scene.mask], labels)


def write_voc(root: Path) -> None:
    """Write what the documents want from VOC 2012, SBD's masks and VOC's test list among it."""
    train = [draw('train', n, f'2007_{n:06}', VOC_CLASSES) for n in range(TRAIN)]
    val = [draw('val', n, f'2008_{n:06}', VOC_CLASSES) for n in range(VAL)]
    for photo in (*train, *val):
        _write_voc_photo(root, photo)
        _write_voc_xml(root / 'Annotations' / f'{photo.id}.xml', photo)
        save_mask(root / 'SegmentationClassAug' / f'{photo.id}.png', photo.mask)
    _write_lists(root, train=train, val=val, trainaug=train, test=val[:1])
    save_image_labels(root / 'image_labels.json', {p.id: p.names for p in train})


def write_voc_mini(root: Path) -> None:
    """Write a few photographs in VOC's layout, with labels as text."""
    train = [draw('train', n, f'2007_{n:06}', VOC_CLASSES) for n in range(TRAIN)]
    val = [draw('val', n, f'2008_{n:06}', VOC_CLASSES) for n in range(VAL)]
    for photo in (*train, *val):
        _write_voc_photo(root, photo)
    _write_lists(root, train=train, val=val)
    lines = [' '.join([photo.id, *photo.names]) for photo in (*train, *val)]
    (root / 'image_labels.txt').write_text('\n'.join(lines) + '\n')


def write_coco(root: Path) -> None:
    """Write images and instance annotations; masks, lists and labels are the converter's."""
    for split, number in (('train', TRAIN), ('val', VAL)):
        photos = [
            draw(split, n, f'COCO_{split}2014_{n:012}', COCO_CLASSES, COCO_NAMES)
            for n in range(number)
        ]
        for photo in photos:
            photo.save_image(root / f'{split}2014')
        path = root / 'annotations' / f'instances_{split}2014.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_instances(photos)))


def write_own_images(root: Path) -> None:
    """Write images and a label file, as one would have them, and a new photograph; no masks."""
    numbers = [n for n in range(60) if _names(n) <= {'cat', 'dog'}][:TRAIN]
    photos = [
        draw('train', number, f'garden_{index:02}', CLASSES)
        for index, number in enumerate(numbers, start=1)
    ]
    lawn = np.random.default_rng(0).integers(60, 120, photos[-1].image.shape, dtype=np.uint8)
    photos[-1] = Photo(photos[-1].id, lawn, photos[-1].mask, [])  # background only
    for photo in photos:
        photo.save_image(root)
    lines = ['image_id,classes', *(f'{photo.id},{" ".join(photo.names)}' for photo in photos)]
    (root / 'labels.csv').write_text('\n'.join(lines) + '\n')
    Photo('photo', photos[0].image[:60], photos[0].mask, []).save_image(root.parents[1])


def _names(number):
    return set(draw_numbered_scene(0, 'train', number, SIDES).image_labels)


def _write_voc_photo(root, photo):
    photo.save_image(root / 'JPEGImages')
    save_mask(root / 'SegmentationClass' / f'{photo.id}.png', photo.mask)


def _write_voc_xml(path, photo):
    path.parent.mkdir(parents=True, exist_ok=True)
    objects = ''.join(f'<object><name>{name}</name></object>' for name in photo.names)
    path.write_text(f'<annotation>{objects}</annotation>\n')


def _write_lists(root, **splits):
    folder = root / 'ImageSets' / 'Segmentation'
    folder.mkdir(parents=True, exist_ok=True)
    for split, photos in splits.items():
        (folder / f'{split}.txt').write_text(''.join(f'{photo.id}\n' for photo in photos))


def _instances(photos):
    """COCO's own numbers of categories have gaps; so have these."""
    number = {index: 2 * index for index in range(1, len(COCO_CLASSES))}
    categories = [{'id': number[i], 'name': COCO_CLASSES[i]} for i in number]
    images, annotations = [], []
    for image_number, photo in enumerate(photos):
        height, width = photo.mask.shape
        size = {'height': height, 'width': width}
        images.append({'id': image_number, 'file_name': f'{photo.id}.jpg', **size})
        for index in sorted(set(photo.mask.flat) - {0, IGNORE_INDEX}):
            annotations.append(
                {
                    'id': len(annotations),
                    'image_id': image_number,
                    'category_id': number[int(index)],
                    'segmentation': _polygons(photo.mask == index),
                    'iscrowd': 0,
                }
            )
    return {'images': images, 'annotations': annotations, 'categories': categories}


def _polygons(region):
    outlines, _ = cv2.findContours(
        region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    return [outline.reshape(-1).tolist() for outline in outlines if len(outline) > 2]
