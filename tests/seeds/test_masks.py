import numpy as np
import pytest
from PIL import Image

from mmwsss.seeds.masks import load_mask, save_mask, voc_palette

MASK = np.array([[0, 1, 20], [255, 7, 0]], dtype=np.uint8)


def test_round_trip(tmp_path):
    path = tmp_path / 'new' / 'a.png'
    save_mask(path, MASK)
    np.testing.assert_array_equal(load_mask(path), MASK)
    assert load_mask(path).dtype == np.uint8
    assert [p.name for p in path.parent.iterdir()] == ['a.png']


def test_colours(tmp_path):
    save_mask(tmp_path / 'a.png', MASK)
    image = Image.open(tmp_path / 'a.png')
    assert image.mode == 'P'
    colours = np.array(image.convert('RGB'))
    assert colours[1, 0].tolist() == [224, 224, 192]
    np.testing.assert_array_equal(colours, voc_palette()[MASK])

    palette = np.zeros((256, 3), dtype=np.uint8)
    palette[7] = 1, 2, 3
    save_mask(tmp_path / 'b.png', MASK, palette)
    colours = np.array(Image.open(tmp_path / 'b.png').convert('RGB'))
    assert colours[1, 1].tolist() == [1, 2, 3]
    assert not colours[0].any()


def test_palette_is_vocs():
    person, train, monitor = [192, 128, 128], [128, 192, 0], [0, 64, 128]  # VOC's devkit
    assert voc_palette()[[15, 19, 20]].tolist() == [person, train, monitor]
    assert len(np.unique(voc_palette(), axis=0)) == 256


def test_grey_masks_are_read(tmp_path):
    Image.fromarray(MASK).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(load_mask(tmp_path / 'a.png'), MASK)


def test_colour_images_are_refused(tmp_path):
    Image.fromarray(voc_palette()[MASK]).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png is a picture \(mode RGB\).*one class index'):
        load_mask(tmp_path / 'a.png')


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.png is missing'):
        load_mask(tmp_path / 'a.png')


@pytest.mark.parametrize('keep', [0, 20, -30])
def test_damaged(tmp_path, keep):
    path = tmp_path / 'a.png'
    save_mask(path, np.random.default_rng(0).integers(0, 21, (40, 50)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r'a\.png is damaged.*delete it'):
        load_mask(path)


@pytest.mark.parametrize('mask', [MASK.astype(np.int64), MASK[None], MASK.astype(float)])
def test_wrong_masks_are_not_written(tmp_path, mask):
    with pytest.raises(ValueError, match='uint8'):
        save_mask(tmp_path / 'a.png', mask)
    assert not list(tmp_path.iterdir())
