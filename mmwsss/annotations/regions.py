"""Regions of a mask as outlines that a person can edit, and outlines as pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import KDTree

from mmwsss.seeds.masks import IGNORE_INDEX

TOLERANCE = 1.0  # ours: pixels by which an outline may leave out corners
_NEAR = 0.05  # pixels; annotation tools round what they save


@dataclass(frozen=True)
class Region:
    """A connected part of an image that shows one class.

    Attributes:
        label: In a mask, 1..N.
        ring: Outline, ``(n, 2)`` float, x and y in pixels; the pixel in row r and column c covers
            the square from (c, r) to (c + 1, r + 1). None where the pixels are given.
        inside: The pixels, ``(H, W)`` bool, where the file has pixels and no outline.
        at: Row and column of one pixel of the mask that the region was made of, or None.
    """

    label: int
    ring: np.ndarray | None = None
    inside: np.ndarray | None = None
    at: tuple[int, int] | None = None

    def pixels(self, size: tuple[int, int]) -> np.ndarray:
        """Return the pixels whose centre is inside, ``(H, W)`` bool."""
        if self.inside is not None:
            return self.inside
        assert self.ring is not None
        return fill_ring(self.ring, size)

    def is_same(self, other: 'Region', size: tuple[int, int]) -> bool:
        """Say whether two regions are one: the same outline up to rounding, or the same pixels."""
        if self.label != other.label:
            return False
        if _are_near(self.ring, other.ring):
            return True
        return np.array_equal(self.pixels(size), other.pixels(size))


def regions_of(mask: np.ndarray, tolerance: float = TOLERANCE) -> list[Region]:
    """Return the connected regions of every class of a mask; unsure pixels belong to none.

    A hole is cut into the outline by a slit, as most annotation tools know polygons without holes.

    Args:
        mask: ``(H, W)`` uint8, 0 background, 1..N classes, 255 ignored.
        tolerance: By how many pixels an outline may leave out corners; 0 for every corner.

    Returns:
        By class, then from top to bottom. With a `tolerance` of 0 `fill_ring` gives the same
        pixels.

    Example:
        >>> [region] = regions_of(np.array([[0, 0, 0], [0, 2, 2]], dtype=np.uint8))
        >>> region.label, region.at, region.ring.tolist()
        (2, (1, 1), [[1.25, 1.25], [1.25, 1.75], [2.75, 1.75], [2.75, 1.25]])
    """
    found = []
    for label in np.unique(mask).tolist():
        if label in (0, IGNORE_INDEX):
            continue
        count, parts, boxes, _ = cv2.connectedComponentsWithStats((mask == label).astype(np.uint8))
        for part in range(1, count):
            left, top, width, height = boxes[part, :4]
            inside = parts[top : top + height, left : left + width] == part
            ring = _outline(inside, tolerance) + np.array([left, top])
            at = (int(top), int(left + inside[0].argmax()))
            found.append(Region(label, ring, at=at))
    return found


def fill_ring(ring: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centre is inside of an outline, by the even-odd rule.

    Args:
        ring: ``(n, 2)`` float, x and y; the last corner is joined to the first.
        size: ``(H, W)``.

    Returns:
        ``(H, W)`` bool.

    Example:
        >>> fill_ring(np.array([[0.4, 0], [2, 0], [2, 1], [0.4, 1]]), (1, 3)).astype(int).tolist()
        [[1, 1, 0]]
    """
    height, width = size
    rows = np.arange(height) + 0.5
    x, y = ring.T
    x_next, y_next = np.roll(x, -1), np.roll(y, -1)
    crosses = (y[:, None] <= rows) != (y_next[:, None] <= rows)  # (n, H)
    edge, row = np.nonzero(crosses)
    slope = (x_next - x)[edge] / (y_next - y)[edge]
    place = x[edge] + slope * (rows[row] - y[edge])
    # from the first pixel on whose centre lies right of the crossing
    column = np.clip(np.floor(place + 0.5), 0, width).astype(int)
    changes = np.zeros((height, width + 1), dtype=np.int32)
    np.add.at(changes, (row, column), 1)
    return changes[:, :-1].cumsum(axis=1) % 2 == 1


def box_ring(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Return a rectangle as an outline, ``(4, 2)``."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


def _outline(inside: np.ndarray, tolerance: float) -> np.ndarray:
    """Return the outline of a connected region, ``(n, 2)``, x and y, a quarter pixel inside of it.

    On a grid of half pixels OpenCV's outlines run through centres of the region's own cells, so
    that no centre of a pixel comes to lie on them.
    """
    doubled = inside.repeat(2, axis=0).repeat(2, axis=1).astype(np.uint8)
    outlines, hierarchy = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = [(_simplify(outline, 2 * tolerance) + 0.5) / 2 for outline in outlines]
    outer = next(place for place, links in enumerate(hierarchy[0]) if links[3] < 0)
    ring = rings[outer]
    for place, hole in enumerate(rings):
        if place != outer:
            ring = _cut(ring, hole)
    return ring


def _are_near(ring: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Say whether two outlines have the same corners, up to rounding."""
    if ring is None or other is None or len(ring) != len(other):
        return False
    return bool(np.abs(ring - other).max() <= _NEAR)


def _simplify(outline: np.ndarray, tolerance: float) -> np.ndarray:
    """Leave out corners of ``(n, 1, 2)``, but never so many that no area is left; ``(m, 2)``."""
    if tolerance > 0:
        simple = cv2.approxPolyDP(outline, tolerance, closed=True)
        if len(simple) > 2:
            return simple[:, 0].astype(np.float64)
    return outline[:, 0].astype(np.float64)


def _cut(ring: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Join a hole to an outline by a slit between their nearest corners."""
    distances, nearest = KDTree(ring).query(hole)
    start = int(distances.argmin())
    at = int(nearest[start])
    turned = np.roll(hole, -start, axis=0)
    return np.concatenate([ring[: at + 1], turned, turned[:1], ring[at:]])


def label_of(name: str, classes: Sequence[str], place: str) -> int:
    """Return the label of a class in a mask.

    Args:
        name: Of the class.
        classes: Names by label, background first.
        place: Where the name stands, for the message.

    Raises:
        ValueError: There is no such class.
    """
    if name not in classes:
        known = ', '.join(classes[1:])
        raise ValueError(f'{place} has the class {name!r}, but the run knows {known}')
    return classes.index(name)
