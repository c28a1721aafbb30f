from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmwsss.datasets import save_image_labels

LABELS = {'a': ['cat', 'person'], 'b': ['dog'], 'c': [], 'd': ['train']}


@dataclass
class TinyVOC:
    """Four images of 24x16 pixels in VOC layout, with image labels and without masks."""

    root: Path

    @property
    def label_file(self):
        return self.root / 'labels.json'

    @property
    def config(self):
        return {
            'type': 'mmseg.PascalVOCDataset',
            'data_root': str(self.root),
            'serialize_data': False,
            'ann_file': 'train.txt',
            'data_prefix': {'img_path': 'JPEGImages', 'seg_map_path': 'SegmentationClass'},
        }

    def image(self, image_id):
        return self.root / 'JPEGImages' / f'{image_id}.jpg'

    def write_masks(self, folder, mode='P', size=(24, 16)):
        (self.root / folder).mkdir()
        for index, image_id in enumerate(LABELS):
            mask = Image.fromarray(np.full(size[::-1], index, dtype=np.uint8))
            mask.putpalette([0, 0, 128] * 256) if mode == 'P' else None
            mask.convert(mode).save(self.root / folder / f'{image_id}.png')
        return self.root / folder


@pytest.fixture
def voc(tmp_path):
    folder = tmp_path / 'JPEGImages'
    folder.mkdir()
    generator = np.random.default_rng(0)
    for image_id in LABELS:
        pixels = generator.integers(0, 256, (16, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f'{image_id}.jpg')
    (tmp_path / 'train.txt').write_text(''.join(f'{image_id}\n' for image_id in LABELS))
    save_image_labels(tmp_path / 'labels.json', LABELS)
    return TinyVOC(tmp_path)
