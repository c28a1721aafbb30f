"""The size of an image file, from its header."""

import os

from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base

_FIRST_TURNED_ORIENTATION = 5  # EXIF orientations 5 to 8 exchange width and height


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read ``(H, W)`` of an image after the rotation that its camera noted down.

    The loader of mmcv rotates, so everything made from the image has this size.

    Raises:
        ValueError: The file is no image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            # Asking a PNG without EXIF data for it would decode the pixels.
            exif = image.getexif() if 'exif' in image.info else {}
    except UnidentifiedImageError as error:
        raise ValueError(f'{path} is no image: {error}') from error
    is_turned = exif.get(Base.Orientation, 1) >= _FIRST_TURNED_ORIENTATION
    return (width, height) if is_turned else (height, width)
