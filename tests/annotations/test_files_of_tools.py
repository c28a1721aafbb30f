"""What annotation tools hand out: archives, folders, images of one name, files of another tool."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mmwsss.annotations import FORMATS, MaskedImage, export_masks, import_masks
from mmwsss.seeds.masks import load_mask, save_mask

CLASSES = ('background', 'cat', 'dog')
IDS = {'cat__1': 'cat/1.jpg', 'dog__1': 'dog/1.jpg', '2': 'dog/2.jpg'}
SIZE = (12, 16)


@pytest.fixture
def exported(tmp_path):
    """Export masks of images of which two have one name; return how to import."""
    images = []
    for number, (image_id, name) in enumerate(IDS.items()):
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', SIZE[::-1]).save(path)
        mask = np.zeros(SIZE, dtype=np.uint8)
        mask[2:8, 2 + number : 9] = 1
        mask[9:, 9:] = 255
        save_mask(tmp_path / 'masks' / f'{image_id}.png', mask)
        images.append(MaskedImage(image_id, path, tmp_path / 'masks' / f'{image_id}.png'))

    def export(kind):
        export_masks(images, CLASSES, kind, tmp_path / 'out', tmp_path / 'record')
        return lambda source: import_masks(
            kind, source, tmp_path / 'record', tmp_path / 'corrected'
        )

    return export


def annotate(kind, out):
    """Send the tasks of Label Studio in; of other tools all images are annotated."""
    if kind == 'label-studio':
        tasks = json.loads((out / 'tasks.json').read_text())
        for task in tasks:
            task['annotations'] = task['predictions']
            del task['data']['image_id']
        (out / 'tasks.json').write_text(json.dumps(tasks))


@pytest.mark.parametrize('kind', FORMATS)
def test_an_archive_with_images_of_one_name_is_read(exported, tmp_path, kind):
    read = exported(kind)
    annotate(kind, tmp_path / 'out')
    archive = shutil.make_archive(str(tmp_path / 'archive'), 'zip', tmp_path, 'out')
    shutil.rmtree(tmp_path / 'out')
    imported = read(tmp_path / archive)
    assert (imported.changed, imported.untouched) == ((), len(IDS))


@pytest.mark.parametrize('kind', FORMATS)
def test_an_empty_archive_is_named(exported, tmp_path, kind):
    (tmp_path / 'empty').mkdir()
    shutil.make_archive(str(tmp_path / 'archive'), 'zip', tmp_path / 'empty')
    with pytest.raises((OSError, ValueError), match=r'archive\.zip'):
        exported(kind)(tmp_path / 'archive.zip')


@pytest.mark.parametrize('other', FORMATS)
@pytest.mark.parametrize('kind', FORMATS)
def test_a_file_of_another_tool_is_named(exported, tmp_path, kind, other):
    if kind == other:
        return
    exported(other)
    (tmp_path / 'out').rename(tmp_path / 'other')
    read = exported(kind)
    files = [path for path in (tmp_path / 'other').rglob('*') if path.is_file()]
    for source in (tmp_path / 'other', *files):
        with pytest.raises((OSError, ValueError)) as caught:
            read(source)
        text = str(caught.value)
        assert source.name in text and len(text.splitlines()) == 1
    assert not (tmp_path / 'corrected').exists()


@pytest.mark.parametrize(
    ('mask', 'message'),
    [
        (np.full(SIZE, 3), 'mask of 2 has the value 3, which is no class: write 0 background, 1'),
        (np.where(np.eye(*SIZE), 255, 0), 'mask of 2 is black and white, and 255 means an unsure'),
        (np.ones((5, 5)), r'mask of 2 has the size \(5, 5\)'),
    ],
)
def test_masks_that_cannot_be_meant_are_refused_and_none_is_taken(
    exported, tmp_path, mask, message
):
    read = exported('voc')
    changed = np.zeros(SIZE, dtype=np.uint8)
    save_mask(tmp_path / 'given/cat__1.png', changed)
    save_mask(tmp_path / 'given/2.png', mask.astype(np.uint8))
    with pytest.raises(ValueError, match=message):
        read(tmp_path / 'given')
    assert not (tmp_path / 'corrected').exists()
    (tmp_path / 'given/2.png').unlink()
    assert read(tmp_path / 'given').changed == ('cat__1',)
    assert not load_mask(tmp_path / 'corrected/cat__1.png').any()


def test_a_damaged_shape_is_named(exported, tmp_path):
    read = exported('labelme')
    path = tmp_path / 'out/2.json'
    content = json.loads(path.read_text())
    content['shapes'][0] = {'shape_type': 'mask', 'label': 'cat', 'mask': '?', 'points': [[0, 0]]}
    path.write_text(json.dumps(content))
    with pytest.raises((OSError, ValueError), match='out'):
        read(tmp_path / 'out')
    content['shapes'][0] = {'shape_type': 'polygon'}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"out is not whole, or not of labelme \(KeyError: 'lab"):
        read(tmp_path / 'out')
