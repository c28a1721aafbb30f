"""Maps and masks over photographs; pictures are ``(H, W, 3)`` uint8 in RGB order."""

from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np

from mmwsss.seeds.masks import IGNORE_INDEX

_OPACITY = 0.7  # of a full map, and of a mask
_OPAQUE_FROM = 0.5  # a map is as opaque as it gets from here on
_STRIPE, _STRIPE_DISTANCE = 3, 9  # pixels
_WHITE = 255


def fit_image(image: np.ndarray, longest: int) -> np.ndarray:
    """Shrink a picture so that its long side is `longest`; a smaller one stays as it is.

    Args:
        image: ``(H, W, 3)`` uint8.
        longest: Longest side that the picture may have, in pixels.

    Returns:
        ``(h, w, 3)`` uint8.

    Example:
        >>> fit_image(np.zeros((40, 100, 3), dtype=np.uint8), 50).shape
        (20, 50, 3)
    """
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def heatmap_colors(values: np.ndarray) -> np.ndarray:
    """Return the colours of map values: matplotlib's turbo, blue over green to red.

    Args:
        values: ``(...)`` in [0, 1].

    Returns:
        ``(..., 3)`` uint8.
    """
    return matplotlib.colormaps['turbo'](np.asarray(values, dtype=np.float64), bytes=True)[..., :3]


def overlay_heatmap(
    image: np.ndarray, heatmap: np.ndarray, threshold: float | None = None
) -> np.ndarray:
    """Lay a map over a photograph; where the map is weak, the photograph is seen.

    Args:
        image: ``(H, W, 3)`` uint8.
        heatmap: ``(H, W)`` in [0, 1]; the colours are of these values, not stretched to the
            picture's own range, so that pictures can be compared.
        threshold: Where the map crosses this value, a white line is drawn.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        ValueError: The sizes differ, or a value lies outside [0, 1].
    """
    _check_sizes(image, heatmap)
    if not (heatmap.min() >= 0 and heatmap.max() <= 1):
        raise ValueError(f'a map must lie in [0, 1]: {heatmap.min()}..{heatmap.max()}')
    opacity = _OPACITY * np.clip(heatmap / _OPAQUE_FROM, 0, 1)[..., None]
    picture = _blend(image, heatmap_colors(heatmap), opacity)
    if threshold is None:
        return picture
    above = (heatmap > threshold).astype(np.uint8)
    lines, _ = cv2.findContours(above, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(picture, lines, -1, (_WHITE,) * 3, 1, cv2.LINE_AA)


def overlay_mask(
    image: np.ndarray,
    mask: np.ndarray,
    palette: np.ndarray,
    ignore_index: int = IGNORE_INDEX,
) -> np.ndarray:
    """Lay a mask over a photograph: classes in their colours, the background as it is.

    The edge of a class is drawn in the full colour; ignored pixels are hatched in white.

    Args:
        image: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` uint8, 0 background, 1..N classes.
        palette: ``(N + 1, 3)`` or more rows, uint8.
        ignore_index: Pixels to hatch.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        ValueError: The sizes differ, or a label has no colour.
    """
    _check_sizes(image, mask)
    ignored = mask == ignore_index
    label = int(np.where(ignored, 0, mask).max())
    if label >= len(palette):
        raise ValueError(f'the mask has label {label}, but the palette {len(palette)} colours')
    classes = ~ignored & (mask != 0)
    colors = palette[np.where(ignored, 0, mask)]
    opacity = _OPACITY * classes + (1 - _OPACITY) * (classes & _edges(mask))
    picture = _blend(image, colors, opacity[..., None])
    rows, columns = np.indices(mask.shape)
    stripes = (rows + columns) % _STRIPE_DISTANCE < _STRIPE
    opacity = ignored * np.where(stripes, 0.9, 0.4)
    return _blend(picture, np.full_like(image, _WHITE), opacity[..., None])


def class_legend(classes: Sequence[str], palette: np.ndarray) -> dict[str, str]:
    """Return the colour of every class as CSS writes it.

    Args:
        classes: Names in the order of the labels.
        palette: ``(len(classes), 3)`` or more rows, uint8.

    Raises:
        ValueError: A class has no colour.

    Example:
        >>> class_legend(['background', 'cat'], np.array([[0, 0, 0], [64, 0, 255]]))
        {'background': '#000000', 'cat': '#4000ff'}
    """
    if len(classes) > len(palette):
        raise ValueError(f'{len(classes)} classes, but the palette has {len(palette)} colours')
    colors = (tuple(int(value) for value in color) for color in palette[: len(classes)])
    return {
        name: f'#{red:02x}{green:02x}{blue:02x}'
        for name, (red, green, blue) in zip(classes, colors, strict=True)
    }


def _blend(image: np.ndarray, colors: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Mix two pictures ``(H, W, 3)``; opacity ``(H, W, 1)`` is the share of the second."""
    mixed = image + opacity * (colors.astype(np.float64) - image)
    return np.rint(mixed).astype(np.uint8)


def _edges(mask: np.ndarray) -> np.ndarray:
    """Return where a pixel's lower or right neighbour has another label, ``(H, W)`` bool."""
    edges = np.zeros(mask.shape, dtype=bool)
    edges[:-1] |= mask[:-1] != mask[1:]
    edges[1:] |= mask[:-1] != mask[1:]
    edges[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    edges[:, 1:] |= mask[:, :-1] != mask[:, 1:]
    return edges


def _check_sizes(image: np.ndarray, layer: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f'a picture is (H, W, 3) uint8, not {image.shape} {image.dtype}')
    if layer.shape != image.shape[:2]:
        raise ValueError(f'the picture is {image.shape[:2]}, what lies over it {layer.shape}')
