"""Images that are there twice, or nearly: by a difference hash of their brightness."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from mmwsss.structures import read_image
from mmwsss.terminal import track

_CELLS = 16  # of the hash, to a side: 256 bits
NEAR = 10  # bits that two versions of one photograph may differ by (ours)
_PLAIN = 20  # a picture with fewer bits of either kind has nothing to compare by
_ROWS = 256  # compared with all others at once


def difference_hash(image: np.ndarray) -> np.ndarray:
    """Return whether each cell of a coarse grid is brighter than its left neighbour.

    Size, compression, brightness and contrast hardly change it; a mirror image has another.

    Args:
        image: ``(H, W, 3)`` uint8.

    Returns:
        ``(256,)`` bool.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_CELLS + 1, _CELLS), interpolation=cv2.INTER_AREA).astype(np.int16)
    return (np.diff(small, axis=1) > 0).flatten()


def find_doubles(images: Mapping[str, Path]) -> list[tuple[str, str]]:
    """List pairs of images that are the same photograph, or nearly.

    Args:
        images: Paths by id; pictures of one colour are not compared.

    Returns:
        Pairs of ids, in the order of `images`.
    """
    ids = list(images)
    paths = track('compare', list(images.values()), 'image')
    hashes = np.stack([difference_hash(read_image(path)) for path in paths])
    count = hashes.sum(axis=1)
    telling = (count >= _PLAIN) & (count <= hashes.shape[1] - _PLAIN)
    bits = hashes.astype(np.float32)
    pairs: list[tuple[str, str]] = []
    for start in range(0, len(ids), _ROWS):
        rows = slice(start, start + _ROWS)
        both = bits[rows] @ bits.T
        distance = count[rows, None] + count[None] - 2 * both
        near = (distance <= NEAR) & telling[rows, None] & telling[None]
        pairs += [(ids[start + i], ids[j]) for i, j in np.argwhere(near) if j > start + i]
    return pairs
