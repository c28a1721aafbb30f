"""Image files: the one reader of all stages, and what a header tells before they begin."""

import os
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base

from .file_kinds import odd_content

IMAGE_SUFFIXES = (  # in any case
    '.avif',
    '.bmp',
    '.gif',
    '.heic',  # said to be one, as nothing here reads it
    '.heif',
    '.jfif',
    '.jpe',
    '.jpeg',
    '.jpg',
    '.png',
    '.tif',
    '.tiff',
    '.webp',
)
MIN_SIDE = 8  # ours: pixels, two cells of the seeds' grid
_FIRST_TURNED_ORIENTATION = 5  # EXIF orientations 5 to 8 exchange width and height
_UNREAD_MODES = {'F': '32-bit pixels', 'I': '32-bit pixels', 'LAB': 'colours in LAB'}
_PARTS = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)
_TAIL = 4096  # bytes at the end of a file that its last mark is looked for in
_LAST_MARK = {'JPEG': b'\xff\xd9', 'MPO': b'\xff\xd9', 'PNG': b'IEND'}
_STRIPS = ((273, 279), (324, 325))  # TIFF tags: where strips, or tiles, begin, and their bytes

# an image of 90 to 179 megapixels is large, and no reason to print; Pillow refuses larger ones
warnings.filterwarnings('ignore', category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an image file says.

    Attributes:
        size: ``(H, W)`` after the rotation that the camera noted down.
        mode: As Pillow names it: ``RGB``, ``L``, ``P``, ...
        whole: Whether the end of the file is there.
    """

    size: tuple[int, int]
    mode: str
    whole: bool


def read_header(path: str | os.PathLike[str]) -> ImageHeader:
    """Read the header of an image file, once while this program runs and the file stays the same.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no image, or one of more than 178 megapixels.
    """
    status = Path(path).stat()
    return _read_header(Path(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2**18)  # several stages look at the same files
def _read_header(path: Path, written: int, length: int) -> ImageHeader:
    try:
        with Image.open(path) as image:
            width, height = _stored_size(image)
            # Asking a PNG without EXIF data for it would decode the pixels.
            noted = image.format == 'TIFF' or 'exif' in image.info
            orientation = image.getexif().get(Base.Orientation, 1) if noted else 1
            mode, whole = image.mode, _is_whole(image, path, length)
    except Image.DecompressionBombError as error:
        pixels = re.search(r'\d+', str(error))
        count = f'{int(pixels[0]) / 1e6:.0f} megapixels' if pixels else 'too many pixels'
        raise ValueError(f'{path} has {count}: cut it into tiles, or make it smaller') from error
    except UnidentifiedImageError as error:
        raise ValueError(f'{path} is damaged, or no image{odd_content(path)}') from error
    except Exception as error:  # Pillow's readers of damaged files raise what they like
        if isinstance(error, OSError) and error.errno:
            raise ValueError(f'{path} cannot be opened ({error.strerror})') from error
        raise ValueError(f'{path} is damaged ({error})') from error
    turned = orientation in range(_FIRST_TURNED_ORIENTATION, 9)
    return ImageHeader((width, height) if turned else (height, width), mode, whole)


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read ``(H, W)`` of an image after the rotation that its camera noted down.

    `read_image` rotates, so everything made from the image has this size.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no image, or one of more than 178 megapixels.
    """
    return read_header(path).size


def image_fault(path: str | os.PathLike[str]) -> str | None:
    """Say why a photograph could not go through all stages, by its header.

    Returns:
        The reason with the file's name, or None for an image that can be read.
    """
    try:
        header = read_header(path)
    except FileNotFoundError:
        return (
            f'{path} is a link to a file that is gone'
            if Path(path).is_symlink()
            else (f'{path} is not there')
        )
    except (OSError, ValueError) as error:
        return str(error)
    height, width = header.size
    if min(height, width) < MIN_SIDE:
        return f'{path} is {width} x {height} pixels, and a side needs at least {MIN_SIDE}'
    if header.mode in _UNREAD_MODES:
        return f'{path} has {_UNREAD_MODES[header.mode]}: save it with 8 bits a channel, as RGB'
    return None if header.whole else f'{path} is cut off: its end is missing'


def read_image(path: str | os.PathLike[str], side: int | None = None) -> np.ndarray:
    """Read an image of any kind as 8-bit RGB, turned as its EXIF entry says.

    Grey images and palettes become RGB, 16 bits become their upper 8, transparency is left out,
    and of several frames the first is taken.

    Args:
        path: The file.
        side: Long side in pixels that is enough, for a small picture: a larger image comes at a
            half, a quarter or an eighth, which is faster. None for all of its pixels.

    Returns:
        ``(H, W, 3)`` uint8, RGB.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or no image.
    """
    content = np.fromfile(path, dtype=np.uint8)
    try:
        # imread of OpenCV 5 cannot turn a TIFF, imdecode can
        image = cv2.imdecode(content, _decoding(path, side)) if len(content) else None
    except cv2.error as error:
        raise ValueError(f'{path} cannot be decoded as an image ({error.err})') from error
    if image is not None:
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return _read_with_pillow(path)


def _decoding(path: str | os.PathLike[str], side: int | None) -> int:
    """Return OpenCV's flag for the smallest image whose long side is enough."""
    if side is None:
        return cv2.IMREAD_COLOR
    longest = max(image_size(path))
    return next((flag for part, flag in _PARTS if longest >= part * side), cv2.IMREAD_COLOR)


def _read_with_pillow(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a format that OpenCV lacks, such as TGA."""
    try:
        with Image.open(path) as image:
            if image.mode in _UNREAD_MODES:
                raise ValueError(f'it has {_UNREAD_MODES[image.mode]}')
            return np.array(image.convert('RGB'))
    except Exception as error:  # of damaged files, anything
        raise ValueError(
            f'{path} is damaged or no image ({error}): replace the file, or take its id out of the '
            'image list'
        ) from error


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height before any rotation; newer Pillows turn those of a TIFF."""
    if image.format == 'TIFF':
        tags = image.tag_v2  # type: ignore[attr-defined]
        return tags[Base.ImageWidth], tags[Base.ImageLength]
    return image.size


def _is_whole(image: Image.Image, path: Path, length: int) -> bool:
    """Whether a file has its end; the pixels are decoded where the look at it is not enough."""
    if image.format == 'TIFF':
        tags = image.tag_v2  # type: ignore[attr-defined]
        ends = [
            start + size
            for starts, sizes in _STRIPS
            for start, size in zip(tags.get(starts, ()), tags.get(sizes, ()), strict=False)
        ]
        return max(ends, default=0) <= length
    mark = _LAST_MARK.get(image.format or '')
    if mark is None:
        return True
    with path.open('rb') as file:
        file.seek(max(0, length - _TAIL))
        if mark in file.read():
            return True
    try:
        image.load()  # cameras may write more after the end
    except (OSError, SyntaxError):
        return False
    return True
