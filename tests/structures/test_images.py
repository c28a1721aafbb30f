import cv2
import numpy as np
import pytest
from PIL import Image

from mmwsss.structures import image_fault, image_size, read_header, read_image
from mmwsss.structures.images import MIN_SIDE

WIDTH, HEIGHT = 30, 40
ORIENTATION = 0x0112


@pytest.fixture
def pixels():
    """Smooth colours, so that a lossy format comes near."""
    coarse = np.random.default_rng(0).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def turned(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.tif', '.webp', '.ppm', '.tga', '.PNG'])
def test_colours_come_as_they_are_from_every_lossless_format(tmp_path, pixels, suffix):
    path = tmp_path / f'a{suffix}'
    options = {'lossless': True} if suffix == '.webp' else {}
    Image.fromarray(pixels).save(path, **options)
    assert image_fault(path) is None
    np.testing.assert_array_equal(read_image(path), pixels)


@pytest.mark.parametrize('mode', ['L', 'LA', 'RGBA', 'P', '1', 'CMYK'])
@pytest.mark.parametrize('suffix', ['.png', '.tif', '.jpg'])
def test_other_modes_become_rgb(tmp_path, pixels, mode, suffix):
    if (mode, suffix) in {('CMYK', '.png'), ('LA', '.jpg'), ('RGBA', '.jpg'), ('P', '.jpg')}:
        pytest.skip('there is no such file')
    path = tmp_path / f'a{suffix}'
    image = Image.fromarray(pixels).convert(mode)
    image.save(path, **({'quality': 100, 'subsampling': 0} if suffix == '.jpg' else {}))
    assert image_fault(path) is None
    expected = np.asarray(image.convert('RGB')).astype(int)
    assert np.abs(read_image(path) - expected).max() <= (4 if suffix == '.jpg' else 0)


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('channels', [1, 3, 4])
def test_of_16_bits_the_upper_8_are_taken(tmp_path, pixels, suffix, channels):
    wide = pixels[..., ::-1].astype(np.uint16) * 256 + 77
    if channels == 1:
        wide = wide[..., 2]
    if channels == 4:
        wide = np.dstack([wide, np.full((HEIGHT, WIDTH), 65535, np.uint16)])
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), wide)
    assert image_fault(path) is None
    expected = np.repeat(pixels[..., :1], 3, axis=2) if channels == 1 else pixels
    # the reader of TIFF rounds
    assert np.abs(read_image(path).astype(int) - expected).max() <= (suffix == '.tif')


@pytest.mark.parametrize('suffix', ['.jpg', '.tif', '.png', '.webp'])
@pytest.mark.parametrize(('orientation', 'turns'), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_header_and_pixels_agree_on_orientation(tmp_path, pixels, suffix, orientation, turns):
    path = tmp_path / f'a{suffix}'
    options = {'quality': 100, 'subsampling': 0} if suffix == '.jpg' else {}
    options = {'lossless': True} if suffix == '.webp' else options
    Image.fromarray(pixels).save(path, exif=turned(orientation), **options)
    image, expected = read_image(path), np.rot90(pixels, turns)
    assert image.shape[:2] == image_size(path) == expected.shape[:2]
    assert np.abs(image.astype(int) - expected).max() <= 4


def test_the_first_of_several_frames_is_taken(tmp_path, pixels):
    first = Image.fromarray(pixels)
    first.save(tmp_path / 'a.png', save_all=True, append_images=[first.rotate(180)])
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), pixels)


@pytest.mark.parametrize('content', [b'', b'no image', b'\xff\xd8\xff\xe0 cut off'])
def test_what_is_no_image_is_named(tmp_path, content):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    assert 'a.jpg' in image_fault(path)
    with pytest.raises(ValueError, match=r'a\.jpg is damaged or no image'):
        read_image(path)
    with pytest.raises(ValueError, match=r'a\.jpg is'):
        image_size(path)


def test_a_missing_image_is_named(tmp_path):
    assert 'b.jpg' in image_fault(tmp_path / 'b.jpg')
    with pytest.raises(FileNotFoundError, match=r'b\.jpg'):
        read_image(tmp_path / 'b.jpg')


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif'])
@pytest.mark.parametrize('share', [0.5, 0.9])
def test_a_file_that_is_cut_off_is_found_without_its_pixels(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    path = tmp_path / f'a{suffix}'
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    assert image_fault(path) is None
    path.write_bytes(content[: int(len(content) * share)])
    assert 'a' + suffix in image_fault(path)
    with pytest.raises(ValueError, match=r'a\.\w+ is damaged or no image'):
        read_image(path)


def test_what_a_camera_writes_behind_an_image_does_no_harm(tmp_path, pixels):
    path = tmp_path / 'a.jpg'
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes() + bytes(10_000))
    assert image_fault(path) is None
    assert read_image(path).shape == pixels.shape


@pytest.mark.parametrize('size', [(1, 1), (300, 2), (MIN_SIDE - 1, 40)])
def test_sides_of_few_pixels_are_refused(tmp_path, size):
    Image.new('RGB', size).save(tmp_path / 'a.png')
    assert f'a.png is {size[0]} x {size[1]} pixels' in image_fault(tmp_path / 'a.png')


def test_the_least_side_is_taken(tmp_path):
    Image.new('RGB', (MIN_SIDE, MIN_SIDE)).save(tmp_path / 'a.png')
    assert image_fault(tmp_path / 'a.png') is None


def test_too_many_pixels_are_counted(tmp_path):
    """A header says so; no file of that size is needed."""
    Image.new('L', (8, 8)).save(tmp_path / 'a.bmp')
    content = bytearray((tmp_path / 'a.bmp').read_bytes())
    content[18:26] = (20_000).to_bytes(4, 'little') * 2  # width and height
    (tmp_path / 'a.bmp').write_bytes(content)
    assert image_fault(tmp_path / 'a.bmp') == (
        f'{tmp_path}/a.bmp has 400 megapixels: cut it into tiles, or make it smaller'
    )


def test_32_bit_pixels_are_refused_and_not_guessed_at(tmp_path):
    Image.new('F', (20, 20), 0.5).save(tmp_path / 'a.tif')
    assert 'a.tif has 32-bit pixels: save it with 8 bits' in image_fault(tmp_path / 'a.tif')
    with pytest.raises(ValueError, match=r'a\.tif .*32-bit pixels'):
        read_image(tmp_path / 'a.tif')


def test_a_header_tells_size_and_mode(tmp_path):
    Image.new('P', (20, 10)).save(tmp_path / 'a.png')
    header = read_header(tmp_path / 'a.png')
    assert (header.size, header.mode, header.whole) == ((10, 20), 'P', True)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_for_a_small_picture_a_part_of_the_pixels_is_read_upright(tmp_path, suffix):
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f'a{suffix}'
    Image.fromarray(image).save(path, exif=exif)
    whole = read_image(path)
    assert whole.shape == read_image(path, 400).shape == (640, 480, 3)
    for side, size in ((320, (320, 240)), (100, (160, 120)), (9, (80, 60))):
        small = read_image(path, side)
        assert small.shape[:2] == size
        expected = cv2.resize(whole, size[::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(float) - expected).mean() < 5
