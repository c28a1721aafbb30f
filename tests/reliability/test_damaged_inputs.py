"""Files that are cut off, damaged or of another kind: read, or named in one sentence.

The damage is drawn from a seed, so that a failure can be drawn again.
"""

import json
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mmwsss.datasets import load_image_labels
from mmwsss.errors import USER_ERRORS
from mmwsss.models.weights import read_state_dict
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.workspace import read_record
from mmwsss.seeds import Seed, load_mask, load_seed, save_mask, save_seed
from mmwsss.structures import image_fault, read_ids, read_image

DAMAGES = 60  # of each kind of file
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
CLASSES = ('cat', 'dog')


def write_all(folder):
    """Write one sound file of every kind."""
    for suffix in ('.jpg', '.png', '.tif', '.webp', '.bmp'):
        Image.fromarray(PIXELS).save(folder / f'image{suffix}')
    save_mask(folder / 'mask.png', PIXELS[..., 0] % 3)
    save_seed(folder / 'seed.npz', Seed(np.array([0, 1]), np.full((2, 4, 6), 0.5), (16, 24)))
    (folder / 'labels.json').write_text(json.dumps({'a': ['cat'], 'b': []}))
    (folder / 'labels.csv').write_text('image_id,classes\na,cat dog\nb,\n')
    (folder / 'labels.txt').write_text('a cat dog\nb\n')
    (folder / 'list.txt').write_text('a\nb\n')
    (folder / 'done.json').write_text(json.dumps({'key': 'k', 'figures': {}}))
    (folder / 'config.py').write_text('model = dict(depth=18)\nload_from = None\n')
    torch.save({'state_dict': {'w': torch.randn(100)}}, folder / 'epoch_1.pth')


def look_then_read(path):
    fault = image_fault(path)
    if fault is not None:
        raise ValueError(fault)
    return read_image(path)


READERS = {
    'image.jpg': look_then_read,
    'image.png': look_then_read,
    'image.tif': look_then_read,
    'image.webp': look_then_read,
    'image.bmp': look_then_read,
    'mask.png': load_mask,
    'seed.npz': load_seed,
    'labels.json': lambda path: load_image_labels(path, CLASSES),
    'labels.csv': lambda path: load_image_labels(path, CLASSES),
    'labels.txt': lambda path: load_image_labels(path, CLASSES),
    'list.txt': read_ids,
    'done.json': read_record,
    'epoch_1.pth': read_state_dict,
    'config.py': load_config,
}


def damage(content, others, draw):
    """Return a file's content as accidents leave it."""
    kind = draw.choice(['cut', 'bits', 'swap', 'zeros', 'doubled'])
    if kind == 'cut':
        return content[: draw.randrange(len(content))]
    if kind == 'swap':
        return draw.choice(others)
    if kind == 'doubled':
        return content + content
    damaged = bytearray(content)
    begin = draw.randrange(len(content))
    if kind == 'zeros':
        damaged[begin:] = bytes(len(content) - begin)
    for _ in range(draw.randint(1, 8) if kind == 'bits' else 0):
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


@pytest.mark.parametrize('name', READERS)
def test_a_damaged_file_is_read_or_named_in_one_sentence(tmp_path, name, monkeypatch):
    write_all(tmp_path)
    path = tmp_path / name
    sound = path.read_bytes()
    READERS[name](path)  # as long as it is
    others = [file.read_bytes() for file in sorted(tmp_path.iterdir()) if file != path] + [b'']
    if name == 'config.py':  # a config is code, and what chance writes is not run
        monkeypatch.setattr('mmengine.config.Config._file2dict', compile_only)
    draw = random.Random(name)
    refused = 0
    for number in range(DAMAGES):
        content = damage(sound, others, draw)
        path.write_bytes(content)
        try:
            READERS[name](path)
        except USER_ERRORS as error:
            refused += 1
            text = str(error)
            assert name in text, f'damage {number} of {name}: {text}'
            assert len(text.splitlines()) == 1, f'damage {number} of {name}: {text}'
        except Exception as error:
            pytest.fail(f'damage {number} of {name}: {error!r}')
    assert refused or name == 'done.json'  # a record that is damaged is as none


def compile_only(filename, *unused, **options):
    compile(Path(filename).read_text(encoding='utf-8'), filename, 'exec')
    return {}, '', {}


def test_no_image_of_any_size_takes_the_memory(tmp_path):
    """A header may promise what no machine holds."""
    cv2.imwrite(str(tmp_path / 'a.png'), PIXELS)
    content = bytearray((tmp_path / 'a.png').read_bytes())
    content[16:24] = (2**30).to_bytes(4, 'big') * 2
    (tmp_path / 'a.png').write_bytes(content)
    assert 'a.png' in image_fault(tmp_path / 'a.png')
    with pytest.raises(USER_ERRORS, match=r'a\.png'):
        read_image(tmp_path / 'a.png')
    with pytest.raises(USER_ERRORS, match=r'a\.png'):
        load_mask(tmp_path / 'a.png')
