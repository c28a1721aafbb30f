"""Small pictures for a page of many: a photograph once, and layers that lie over it."""

import base64
import functools
import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmwsss.seeds.masks import IGNORE_INDEX
from mmwsss.structures import read_image
from mmwsss.visualization import fit_image, heatmap_colors

SIDES = (320, 256, 192, 144, 112, 88, 64)  # longest sides, in pixels
_QUALITY, _EFFORT = 70, 2  # of WebP; more effort takes twice as long and saves a twentieth
_LEVELS = 15  # of a map; with the line of the threshold a pixel has four bits
_OPAQUE = 178  # of 255: a class, and a map from half of its range on
_WHITE = (255, 255, 255)


def photograph(path: str | Path, side: int) -> tuple[str, tuple[int, int]]:
    """Return a photograph as a data address, and its ``(H, W)`` there.

    Args:
        path: The image file.
        side: Longest side, in pixels.
    """
    pixels = fit_image(read_image(path, side), side)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, 'WEBP', quality=_QUALITY, method=_EFFORT)
    return _address('webp', buffer), (pixels.shape[0], pixels.shape[1])


def mask_layer(mask: np.ndarray, size: tuple[int, int], palette: np.ndarray) -> str:
    """Return a mask as a layer: classes in their colours, background clear, unsure pixels white.

    Args:
        mask: ``(H, W)`` uint8.
        size: ``(H, W)`` of the photograph.
        palette: Colours by label, uint8.
    """
    small = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST)
    labels = np.flatnonzero(np.bincount(small.ravel()))
    places = np.zeros(labels[-1] + 1, dtype=np.uint8)
    places[labels] = np.arange(len(labels))
    colors = [_WHITE if label == IGNORE_INDEX else tuple(palette[label]) for label in labels]
    alphas = [0 if label == 0 else 150 if label == IGNORE_INDEX else _OPAQUE for label in labels]
    return _layer(places[small], colors, alphas)


def map_layer(heatmap: np.ndarray, size: tuple[int, int], threshold: float | None = None) -> str:
    """Return a map as a layer of half the photograph's size: clear where it is weak.

    Args:
        heatmap: ``(h, w)`` in [0, 1]; the colours are of these values.
        size: ``(H, W)`` of the photograph.
        threshold: Where the map crosses it, a white line is drawn; None for none.
    """
    height, width = (max(1, side // 2) for side in size)
    small = cv2.resize(heatmap, (width, height), interpolation=cv2.INTER_AREA).clip(0, 1)
    levels = np.rint(small * (_LEVELS - 1)).astype(np.uint8)
    colors, alphas = _scale()
    if threshold is not None:
        above = (small > threshold).astype(np.uint8)
        levels[above != cv2.erode(above, np.ones((3, 3), np.uint8))] = _LEVELS
    return _layer(levels, [*colors, _WHITE], [*alphas, 255])


@functools.cache
def _scale() -> tuple[list[tuple[int, ...]], list[int]]:
    """Return colour and opacity of every level of a map."""
    values = np.linspace(0, 1, _LEVELS)
    colors = [tuple(color) for color in heatmap_colors(values).tolist()]
    return colors, [round(_OPAQUE * min(2 * value, 1)) for value in values.tolist()]


def _layer(places: np.ndarray, colors: list, alphas: list[int]) -> str:
    """Return a palette PNG whose colours are more or less clear."""
    image = Image.fromarray(places.astype(np.uint8))
    image.putpalette([int(value) for color in colors for value in color])
    buffer = io.BytesIO()
    image.save(buffer, 'PNG', transparency=bytes(alphas))
    return _address('png', buffer)


def _address(kind: str, buffer: io.BytesIO) -> str:
    return f'data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode("ascii")}'
