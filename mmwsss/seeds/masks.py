"""Masks on disk: palette PNG, 0 background, 1..N classes, 255 ignore."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from mmwsss.structures.files import atomic_path

IGNORE_INDEX = 255  # VOC's


def voc_palette() -> np.ndarray:
    """Return VOC's colour map, ``(256, 3)`` uint8.

    The bits of an index, three at a time, become the high bits of red, green and blue.

    Example:
        >>> voc_palette()[[0, 1, 15, 255]].tolist()
        [[0, 0, 0], [128, 0, 0], [192, 128, 128], [224, 224, 192]]
    """
    index = np.arange(256)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= ((index >> (3 * bit + channel) & 1) << (7 - bit)).astype(
                np.uint8
            )
    return palette


def save_mask(
    path: str | os.PathLike[str], mask: np.ndarray, palette: np.ndarray | None = None
) -> None:
    """Write a mask as a palette PNG.

    Args:
        path: Where to, ``<id>.png``.
        mask: ``(H, W)`` uint8.
        palette: Colours, ``(256, 3)`` uint8; VOC's by default.

    Raises:
        ValueError: The mask is no ``(H, W)`` uint8 array.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise ValueError(f'a mask is (H, W) uint8, not {mask.shape} {mask.dtype}: {path}')
    image = Image.fromarray(mask)
    image.putpalette((voc_palette() if palette is None else palette).tobytes())
    with atomic_path(path) as temporary:
        image.save(temporary, format='PNG')


def save_grey(path: str | os.PathLike[str], values: np.ndarray) -> None:
    """Write a map of ``(H, W)`` uint8 as a grey PNG."""
    with atomic_path(path) as temporary:
        Image.fromarray(values).save(temporary, format='PNG')


def load_mask(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a mask.

    Args:
        path: A palette or grey-scale PNG whose values are class indices.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or a colour image.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'mask {path} is missing; pseudo masks are made by `mmwsss refine`')
    try:
        with Image.open(path) as image:
            mode, mask = image.mode, np.array(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f'mask {path} is damaged ({error}): if it is a pseudo mask, delete it and run '
            '`mmwsss refine` again'
        ) from error
    if mode not in ('P', 'L'):
        raise ValueError(
            f'mask {path} is a picture (mode {mode}), but a mask holds one class index per pixel: '
            'give the palette or grey-scale PNG, not the coloured picture of it'
        )
    return mask
