"""Which images a page shows, and how large it becomes."""

import numpy as np
import pytest
from PIL import Image

from mmwsss.pipeline.report import gallery
from mmwsss.pipeline.report.gallery import Judged, choose_shown, draw_images
from mmwsss.pipeline.report.judging import Judgement
from mmwsss.pipeline.report_pictures import read_images


def test_images_of_one_name_in_two_folders_are_two(tmp_path):
    for name in ('cat/1', 'dog/1', '2'):
        path = tmp_path / f'{name}.png'
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (8, 8)).save(path)
    metainfo = {'classes': ('background', 'cat', 'dog')}
    config = {'type': 'mmwsss.ImageFolderDataset', 'data_root': str(tmp_path), 'metainfo': metainfo}
    images = read_images(config)
    assert list(images.infos) == ['2', 'cat__1', 'dog__1']
    assert images.infos['dog__1']['img_path'] == str(tmp_path / 'dog/1.png')


class Many:
    """A set of images that are not there."""

    kind = 'training'

    def __init__(self, count):
        self.ids = [f'{index:04d}' for index in range(count)]

    def labels(self, image_id):
        return []


def judged(images):
    found = Judged(found={image_id: [] for image_id in images.ids})
    for place, image_id in enumerate(images.ids):
        score = None if place == 5 else float(place * 7 % 100)
        found.judgements[image_id] = Judgement(score, 'good', '')
    return found


def test_the_worst_and_the_best_are_shown_and_others_evenly():
    images = Many(100)
    found = judged(images)
    shown = choose_shown(images, found, 30)
    assert len(shown) == len(set(shown)) == 30 and shown == sorted(shown)
    scores = {image_id: found.judgements[image_id].score for image_id in shown}
    ranked = sorted(one.score for one in found.judgements.values() if one.score is not None)
    assert set(ranked[:10]) <= set(scores.values())
    assert set(ranked[-4:]) <= set(scores.values())
    assert choose_shown(images, found, 100) == images.ids


@pytest.mark.parametrize(
    ('count', 'bytes_a_square'), [(10, 0.2), (500, 0.2), (2000, 0.2), (2000, 9)]
)
def test_a_page_holds_any_number_of_images(monkeypatch, count, bytes_a_square):
    images = Many(count)
    sides = set()

    def draw(image_set, side, image_id):
        sides.add(side)
        length = int(side**2 * bytes_a_square)
        return image_id, {'photo': 'x' * length, 'size': (side, side), 'layers': []}

    monkeypatch.setattr(gallery, '_draw_image', draw)
    monkeypatch.setattr(gallery, '_WORTH_PROCESSES', 10_000)
    entries = draw_images({'training': (images, judged(images))}, 2000, 1)
    total = sum(len(entry['photo']) for entry in entries)
    assert total <= 1.01 * gallery._BYTES
    assert len(entries) == count or min(sides) == gallery.SIDES[-1]
    if count == 10:
        assert entries[0]['size'] == (gallery.SIDES[0],) * 2
    assert np.all([entry['id'] in images.ids for entry in entries])
