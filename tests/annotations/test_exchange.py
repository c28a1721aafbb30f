"""Masks out and back, through every format."""

import base64
import io
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from mmwsss.annotations import FORMATS, MaskedImage, export_masks, fill_ring, import_masks
from mmwsss.commands import export
from mmwsss.seeds.masks import load_mask, save_mask

CLASSES = ('background', 'cat', 'dining table')
SIZE = (40, 60)
IDS = ('a', 'b', 'ü c')


def mask_of(image_id):
    mask = np.zeros(SIZE, dtype=np.uint8)
    if image_id != 'b':  # which is background only
        mask[5:25, 5:30] = 1
        mask[10:15, 10:15] = 0  # a hole
        mask[20:36, 35:58] = 2
        mask[20:23, 35:40] = 255
        mask[38, 2] = 1
    return mask


@pytest.fixture
def exchange(tmp_path):
    """Export in a format; return how to import."""
    images = []
    for image_id in IDS:
        save_mask(tmp_path / 'masks' / f'{image_id}.png', mask_of(image_id))
        path = tmp_path / 'images' / f'{image_id}.jpg'
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', SIZE[::-1]).save(path)
        mask = tmp_path / 'masks' / f'{image_id}.png'
        images.append(MaskedImage(image_id, path, mask))
    folders = tmp_path / 'out', tmp_path / 'record', tmp_path / 'corrected'

    def run(kind, tolerance=1.0, given=images):
        count = export_masks(given, CLASSES, kind, *folders[:2], tolerance)
        assert count == 6 or kind != 'coco' or given is not images
        return lambda source=folders[0]: import_masks(kind, source, *folders[1:])

    run.out, run.corrected, run.images = folders[0], folders[2], images
    return run


@pytest.mark.parametrize('kind', FORMATS)
def test_what_nobody_touched_stays(exchange, kind):
    imported = exchange(kind)()
    assert imported.changed == ()
    assert not list(exchange.corrected.glob('*'))
    assert imported.untouched + imported.absent == len(IDS)


def send_in(tasks):
    """Label Studio: the predictions of the first task become an annotation."""
    tasks[0]['annotations'] = [{'result': tasks[0]['predictions'][0]['result']}]
    return tasks[0]['annotations'][0]['result']


def change_coco(out):
    path = out / 'annotations.json'
    content = json.loads(path.read_text())
    first = [entry for entry in content['annotations'] if entry['image_id'] == 1]
    table = next(entry for entry in first if entry['category_id'] == 2)
    table['segmentation'] = [[40, 20, 50, 20, 50, 30, 40, 30]]
    path.write_text(json.dumps(content))


def change_cvat(out):
    tree = ElementTree.parse(out / 'annotations.xml')
    table = tree.find(".//polygon[@label='dining table']")
    table.set('points', '40,20;50.00,20;50,30;40,30')
    tree.write(out / 'annotations.xml', encoding='utf-8')


def change_label_studio(out):
    tasks = json.loads((out / 'tasks.json').read_text())
    for result in send_in(tasks):
        if result['value']['polygonlabels'] == ['dining table']:
            corners = np.array([[40, 20], [50, 20], [50, 30], [40, 30]]) / SIZE[::-1] * 100
            result['value']['points'] = corners.tolist()
    (out / 'tasks.json').write_text(json.dumps(tasks))


def change_labelme(out):
    content = json.loads((out / 'a.json').read_text())
    table = next(shape for shape in content['shapes'] if shape['label'] == 'dining table')
    table['points'] = [[40, 20], [50, 20], [50, 30], [40, 30]]
    (out / 'a.json').write_text(json.dumps(content))


def change_yolo(out):
    lines = (out / 'labels/a.txt').read_text().splitlines()
    corners = (np.array([[40, 20], [50, 20], [50, 30], [40, 30]]) / SIZE[::-1]).ravel()
    table = ' '.join(['1', *map(str, corners)])
    kept = [table if line.startswith('1 ') else line for line in lines]
    (out / 'labels/a.txt').write_text('\n'.join(kept))


CHANGES = {
    'coco': change_coco,
    'cvat': change_cvat,
    'label-studio': change_label_studio,
    'labelme': change_labelme,
    'yolo': change_yolo,
}


@pytest.mark.parametrize('kind', CHANGES)
def test_only_the_region_that_was_touched_is_drawn_anew(exchange, kind):
    read = exchange(kind)
    CHANGES[kind](exchange.out)
    assert read().changed == ('a',)
    expected = mask_of('a')
    expected[expected == 2] = 0  # unsure pixels, and those of the cat, hole and all, stay
    expected[20:30, 40:50] = 2
    found = load_mask(exchange.corrected / 'a.png')
    assert np.array_equal(found, expected)
    assert [path.name for path in exchange.corrected.iterdir()] == ['a.png']
    assert read().changed == ('a',)  # a second time
    assert np.array_equal(load_mask(exchange.corrected / 'a.png'), expected)
    before = (exchange.corrected / 'a.png').read_bytes()
    # the corrected one goes out, comes back as it was, and stays to the bit
    images = [
        MaskedImage('a', exchange.images[0].image, exchange.corrected / 'a.png', True),
        *exchange.images[1:],
    ]
    assert exchange(kind, given=images)().changed == ()
    assert (exchange.corrected / 'a.png').read_bytes() == before


def test_a_correction_that_is_taken_back_is_gone(exchange):
    read = exchange('labelme')
    before = (exchange.out / 'a.json').read_text()
    change_labelme(exchange.out)
    read()
    assert (exchange.corrected / 'a.png').is_file()
    (exchange.out / 'a.json').write_text(before)
    assert read().changed == ()
    assert not list(exchange.corrected.iterdir())


def test_a_region_that_is_gone_becomes_background_and_a_new_one_lies_on_top(exchange):
    read = exchange('labelme')
    content = json.loads((exchange.out / 'a.json').read_text())
    content['shapes'] = [shape for shape in content['shapes'] if shape['label'] != 'dining table']
    stamp = np.array([[255, 0], [255, 255]], dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(stamp).save(buffer, 'PNG')
    content['shapes'] += [
        {'label': 'cat', 'shape_type': 'rectangle', 'points': [[50, 1], [55, 3]]},
        {
            'label': 'dining table',
            'shape_type': 'mask',
            'points': [[6, 7], [7, 8]],
            'mask': base64.b64encode(buffer.getvalue()).decode(),
        },
    ]
    (exchange.out / 'a.json').write_text(json.dumps(content))
    read()
    expected = mask_of('a')
    expected[expected == 2] = 0
    expected[1:3, 50:55] = 1
    expected[7, 6] = expected[8, 6] = expected[8, 7] = 2
    assert np.array_equal(load_mask(exchange.corrected / 'a.png'), expected)


def test_coco_outlines_are_those_of_its_own_tools(exchange):
    from pycocotools.coco import COCO

    exchange('coco', 0)
    coco = COCO(str(exchange.out / 'annotations.json'))
    drawn = np.zeros(SIZE, dtype=np.uint8)
    for entry in coco.loadAnns(coco.getAnnIds(imgIds=[1])):
        inside = coco.annToMask(entry) == 1
        assert abs(int(inside.sum()) - entry['area']) <= 0.06 * entry['area'] + 1
        left, top, width, height = entry['bbox']
        assert inside[top : top + height, left : left + width].sum() >= 0.95 * inside.sum()
        drawn[inside] = entry['category_id']
    expected = np.where(mask_of('a') == 255, 0, mask_of('a'))
    assert (drawn != expected).mean() < 0.02


def test_cvat_masks_begin_outside_and_lie_in_their_box(exchange):
    read = exchange('cvat')
    tree = ElementTree.parse(exchange.out / 'annotations.xml')
    image = tree.find(".//image[@name='b.jpg']")
    box = {'left': '3', 'top': '2', 'width': '4', 'height': '2'}
    ElementTree.SubElement(image, 'mask', label='cat', rle='1,2,3,2', z_order='0', **box)
    tree.write(exchange.out / 'annotations.xml')
    assert read().changed == ('b',)
    expected = np.zeros(SIZE, dtype=np.uint8)
    expected[2, 4:6] = expected[3, 5:7] = 1
    assert np.array_equal(load_mask(exchange.corrected / 'b.png'), expected)


def test_voc_masks_mean_what_they_look_like_or_what_their_numbers_say(exchange):
    read = exchange('voc')
    path = exchange.out / 'SegmentationClass/a.png'
    assert path.read_bytes() == exchange.images[0].mask.read_bytes()
    mask = mask_of('a')
    mask[30:, :10] = 2
    with Image.open(path) as image:
        image.load()
        changed = Image.fromarray(mask)
        changed.putpalette(image.getpalette())
    changed.convert('RGB').save(path)
    assert read().changed == ('a',)
    assert np.array_equal(load_mask(exchange.corrected / 'a.png'), mask)
    (exchange.out / 'labelmap.txt').unlink()
    with pytest.raises(ValueError, match='is a picture'):
        read()
    save_mask(path, mask)
    assert read().changed == ('a',)


def test_tasks_that_were_not_sent_in_are_left_alone(exchange):
    read = exchange('label-studio')
    tasks = json.loads((exchange.out / 'tasks.json').read_text())
    send_in(tasks)
    tasks[2]['annotations'] = [{'was_cancelled': True, 'result': []}]
    (exchange.out / 'tasks.json').write_text(json.dumps(tasks))
    imported = read()
    assert (imported.changed, imported.untouched, imported.absent) == ((), 1, 2)


@pytest.mark.parametrize(
    ('kind', 'name', 'change', 'message'),
    [
        ('coco', 'annotations.json', ('"a.jpg"', '"z.jpg"'), 'annotates z.jpg, which is none of'),
        ('coco', 'annotations.json', ('"cat"', '"cow"'), "has the class 'cow', but the run knows"),
        ('coco', 'annotations.json', ('"height": 40', '"height": 80'), 'in its own size'),
        ('coco', 'annotations.json', ('"images"', '"pictures"'), 'is no file of COCO'),
        ('cvat', 'annotations.xml', ('</image>', '<image>'), 'no XML of CVAT'),
        ('cvat', 'annotations.xml', ('polygon', 'polyline'), 'a polyline of a.jpg of .* no area'),
        ('labelme', 'a.json', ('"polygon"', '"circle"'), r'shape 1 of .*a\.json is a circle'),
        ('labelme', 'a.json', ('{', ''), r'a\.json is no JSON'),
        ('yolo', 'labels/a.txt', ('0 ', '7 '), "line 1 of .* has the class '7'"),
        ('yolo', 'labels/a.txt', ('0 0.', '0 x0.'), 'is no class with numbers'),
        ('label-studio', 'tasks.json', ('"data"', '"date"'), 'is no list of tasks'),
        ('voc', 'labelmap.txt', ('cat:', 'cow:'), "has the class 'cow'"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(exchange, kind, name, change, message):
    read = exchange(kind)
    path = exchange.out / name
    text = path.read_text(encoding='utf-8')
    assert change[0] in text
    path.write_text(text.replace(*change), encoding='utf-8')
    with pytest.raises(ValueError, match=message):
        read()
    assert not exchange.corrected.exists()


def test_an_import_needs_an_export_and_a_file(exchange, tmp_path):
    with pytest.raises(FileNotFoundError, match='no masks were exported as coco'):
        import_masks('coco', tmp_path, tmp_path / 'none', tmp_path)
    read = exchange('coco')
    with pytest.raises(FileNotFoundError, match=r'there is no absent\.json'):
        import_masks('coco', export.Path('absent.json'), tmp_path / 'record', tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / 'absent')


def test_the_command_knows_the_formats():
    assert set(export.FORMATS) == set(FORMATS)


def test_labelme_finds_the_images_from_its_folder(exchange):
    exchange('labelme')
    content = json.loads((exchange.out / 'ü c.json').read_text(encoding='utf-8'))
    assert (exchange.out / content['imagePath']).resolve() == exchange.images[2].image
    ring = np.array(content['shapes'][0]['points'])
    assert fill_ring(ring, SIZE).sum() == pytest.approx((mask_of('a') == 1).sum(), abs=2)
