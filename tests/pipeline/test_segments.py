import numpy as np
import pytest
from PIL import Image

from mmwsss.commands import arguments
from mmwsss.commands.main import main
from mmwsss.models.segment_anything import SAM
from mmwsss.pipeline.segments import METHODS, SegmentItem, make_segments, segment_maker
from mmwsss.seeds.segments import load_segments
from mmwsss.seeds.superpixels import SLIC, Felzenszwalb
from mmwsss.structures import encode_run_lengths

SIZES = {'a': (20, 24), 'b': (16, 30)}


@pytest.fixture
def items(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in SIZES.items():
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'{name}.png')
    return [SegmentItem(name, tmp_path / f'{name}.png') for name in SIZES]


def test_superpixels_are_written_and_kept(items, tmp_path):
    maker = segment_maker('slic', {'n_segments': 12, 'compactness': 1000.0})
    assert make_segments(items, tmp_path / 'one', maker) == 2
    for item in items:
        found = load_segments(tmp_path / 'one' / f'{item.id}.png', SIZES[item.id])
        assert 4 < found.number < 25 and len(found.pixel) == np.prod(SIZES[item.id])
    assert make_segments(items, tmp_path / 'two', maker, processes=2) == 2
    for name in SIZES:
        one, two = (tmp_path / folder / f'{name}.png' for folder in ('one', 'two'))
        assert one.read_bytes() == two.read_bytes()
    (tmp_path / 'two' / 'b.png').write_bytes(one.read_bytes()[:-30])  # cut off
    assert make_segments(items, tmp_path / 'two', maker, resume=True) == 1
    assert (tmp_path / 'two' / 'b.png').read_bytes() == (tmp_path / 'one' / 'b.png').read_bytes()


class Generator:
    """Finds the left half of an image, and all of it."""

    def generate(self, image):
        half = np.zeros(image.shape[:2], dtype=bool)
        half[:, : image.shape[1] // 2] = True
        masks = half, np.ones_like(half)
        return [{'segmentation': encode_run_lengths(mask), 'predicted_iou': 1.0} for mask in masks]


def test_a_network_writes_json(items, tmp_path, monkeypatch):
    monkeypatch.setattr(SAM, 'check', lambda self: None)
    monkeypatch.setattr(SAM, 'build', lambda self: Generator())
    maker = segment_maker('sam', {'checkpoint': 'weights.pth'})
    assert make_segments(items, tmp_path / 'out', maker) == 2
    height, width = SIZES['b']
    found = load_segments(tmp_path / 'out' / 'b.json', (height, width))
    assert found.areas().tolist() == [height * (width // 2), height * width]
    monkeypatch.setattr(SAM, 'build', lambda self: pytest.fail('nothing is left to do'))
    assert make_segments(items, tmp_path / 'out', maker, resume=True) == 0


def test_options_of_a_method():
    assert segment_maker('felzenszwalb', {}) == Felzenszwalb()
    assert segment_maker('slic', {'compactness': 5.0}) == SLIC(compactness=5.0)
    with pytest.raises(ValueError, match="method is 'sim'; choose one of felzenszwalb, slic, sam"):
        segment_maker('sim', {})
    with pytest.raises(ValueError, match="option of here for slic is 'scale'; choose one of n_seg"):
        segment_maker('slic', {'scale': 1}, 'here')
    with pytest.raises(ValueError, match='here for sam2 needs checkpoint'):
        segment_maker('sam2', {}, 'here')
    assert set(arguments.SEGMENT_METHODS) == set(METHODS)


def test_an_image_that_fails_is_named(items, tmp_path, monkeypatch):
    items[1].image_path.write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'image b: .*b\.png is damaged'):
        make_segments(items, tmp_path / 'out', Felzenszwalb())


def test_the_command_makes_what_the_function_makes(items, tmp_path, capsys):
    (tmp_path / 'ids.txt').write_text('a\nb\n')
    words = ['segments', str(tmp_path / 'out'), '--images', str(tmp_path), '--processes', '1']
    words += ['--image-suffix', '.png', '--ids', str(tmp_path / 'ids.txt')]
    assert main([*words, '--options', 'scale=7', 'min_size=9']) == 0
    assert 'segments of 2 of 2 images' in capsys.readouterr().out
    make_segments(items, tmp_path / 'expected', Felzenszwalb(scale=7, min_size=9))
    for name in SIZES:
        one, two = (tmp_path / folder / f'{name}.png' for folder in ('out', 'expected'))
        assert one.read_bytes() == two.read_bytes()
    assert main([*words, '--method', 'sam', '--options', 'checkpoint=none.pth']) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert 'segment_anything' in error or 'none.pth' in error
