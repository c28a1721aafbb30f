"""Shapes, paints and the canvas that the toy scenes are drawn with.

A shape is a polygon ``(n, 2)`` of x (right) and y (down), in units of the object. A `Paint` says
how it is filled, a `Placement` where it lands in the image, and the `Canvas` keeps picture and
instance map in step, so that the masks are exact by construction.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Colour = tuple[int, int, int]
Pattern = Callable[[np.random.Generator, int, int, float], NDArray[np.float32]]

BLACK: Colour = (25, 22, 22)
WHITE: Colour = (236, 232, 224)

BACKGROUND = 0  # value of the background in masks and instance maps
SUBPIXEL_BITS = 4  # fixed-point bits of OpenCV's polygon corners
TURN = np.linspace(0, 2 * np.pi, 28, endpoint=False, dtype=np.float32)
CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], 1)
NOISE_SIDE = 1024
NOISE_GRAIN = 8  # pixels between two grid points of the smooth noise


# ---- shapes -------------------------------------------------------------------------------------


def polygon(*points: tuple[float, float]) -> Points:
    """Return the polygon with these corners."""
    return np.array(points, np.float32)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Return an upright rectangle."""
    return polygon((left, top), (right, top), (right, bottom), (left, bottom))


def ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0.0) -> Points:
    """Return an ellipse with centre (x, y) and half axes rx, ry, turned clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    axes = np.array([[rx * cos, rx * sin], [-ry * sin, ry * cos]], np.float32)
    return CIRCLE @ axes + np.array([x, y], np.float32)


def limb(
    start: tuple[float, float], end: tuple[float, float], start_width: float, end_width: float
) -> Points:
    """Return a tapered bar from `start` to `end`."""
    a, b = np.array(start, np.float32), np.array(end, np.float32)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-6)
    side = np.array([-along[1], along[0]], np.float32) / 2
    corners = [a + side * start_width, a - side * start_width]
    return np.stack([*corners, b - side * end_width, b + side * end_width])


def smooth(points: Points, rounds: int = 2) -> Points:
    """Cut the corners of a closed polygon (Chaikin): each round doubles its points.

    Example:
        >>> smooth(box(0, 0, 4, 4), rounds=1)[:2].tolist()
        [[1.0, 0.0], [3.0, 0.0]]
    """
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1)
        points = cut.reshape(-1, 2)
    return points


def blob(rng: np.random.Generator, x: float, y: float, rx: float, ry: float) -> Points:
    """Return an irregular round shape, as a rock or a bush."""
    outline = ellipse(x, y, rx, ry)[::3]
    wobble = rng.uniform(0.75, 1.2, (len(outline), 1)).astype(np.float32)
    centre = np.array([x, y], np.float32)
    return smooth(centre + (outline - centre) * wobble)


# ---- paints -------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _white_noise() -> NDArray[np.float32]:
    white = np.random.default_rng(0).standard_normal((NOISE_SIDE, NOISE_SIDE))
    return white.astype(np.float32)


@lru_cache(maxsize=1)
def _smooth_noise() -> NDArray[np.float32]:
    coarse = _white_noise()[: NOISE_SIDE // NOISE_GRAIN, : NOISE_SIDE // NOISE_GRAIN]
    return cv2.resize(coarse, (NOISE_SIDE, NOISE_SIDE), interpolation=cv2.INTER_CUBIC)


def _crop(
    rng: np.random.Generator, field: NDArray[np.float32], height: int, width: int
) -> NDArray[np.float32]:
    top = int(rng.integers(field.shape[0] - height + 1))
    left = int(rng.integers(field.shape[1] - width + 1))
    return field[top : top + height, left : left + width]


def grain(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Return noise ``(height, width)`` without correlation, mean 0 and deviation 1."""
    return _crop(rng, _white_noise(), height, width)


def smooth_noise(
    rng: np.random.Generator, height: int, width: int, period: float
) -> NDArray[np.float32]:
    """Return smooth noise ``(height, width)`` with about one hill every `period` pixels."""
    zoom = NOISE_GRAIN / max(period, 3.0)
    rows, columns = (min(max(round(side * zoom), 2), NOISE_SIDE) for side in (height, width))
    return cv2.resize(_crop(rng, _smooth_noise(), rows, columns), (width, height))


def stripes(
    rng: np.random.Generator, height: int, width: int, period: float
) -> NDArray[np.float32]:
    """Draw stripes in a random direction, slightly wavy."""
    angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    y, x = np.ogrid[:height, :width]
    distance = x * np.cos(angle) + y * np.sin(angle)
    wave = smooth_noise(rng, height, width, 3 * period)
    sine = np.sin(2 * np.pi * distance / period + phase + wave)
    return np.clip(2 * sine + 0.5, 0, 1).astype(np.float32)


def ripples(
    rng: np.random.Generator, height: int, width: int, period: float
) -> NDArray[np.float32]:
    """Draw level bands that waver, as on water or layered stone."""
    y = np.arange(height, dtype=np.float32)[:, None]
    wave = smooth_noise(rng, height, width, 2.5 * period)
    return 0.5 + 0.5 * np.sin(2 * np.pi * y / period + 2.5 * wave)


def spots(rng: np.random.Generator, height: int, width: int, period: float) -> NDArray[np.float32]:
    """Draw round spots apart from each other."""
    return np.clip(4 * smooth_noise(rng, height, width, 0.6 * period) - 2.5, 0, 1)


def patches(
    rng: np.random.Generator, height: int, width: int, period: float
) -> NDArray[np.float32]:
    """Draw large patches that cover about half of the area."""
    return np.clip(6 * smooth_noise(rng, height, width, 1.6 * period) + 0.5, 0, 1)


def clouds(rng: np.random.Generator, height: int, width: int, period: float) -> NDArray[np.float32]:
    """Draw soft clouds."""
    field = smooth_noise(rng, height, width, 2 * period)
    field = field + 0.5 * smooth_noise(rng, height, width, 0.7 * period)
    return np.clip(0.6 * field, 0, 1)


def tiles(rng: np.random.Generator, height: int, width: int, period: float) -> NDArray[np.float32]:
    """Draw the joints of a grid of tiles, each row shifted by half a tile."""
    y, x = np.ogrid[:height, :width]
    row = (y / (0.6 * period)).astype(np.int32)
    joints = (y % (0.6 * period) < 1.2) | ((x + (row % 2) * period / 2) % period < 1.2)
    return joints.astype(np.float32)


@dataclass(frozen=True)
class Paint:
    """How a shape is filled: an RGB colour in 0..255, and a pattern that mixes in a second one.

    `period` is the size of the pattern in units of the object; `rough` the deviation of the fine
    grain, as a share of full brightness.
    """

    colour: Colour
    pattern: Pattern | None = None
    second: Colour = (0, 0, 0)
    period: float = 0.25
    rough: float = 0.03

    def fill(
        self, rng: np.random.Generator, height: int, width: int, scale: float
    ) -> NDArray[np.float32]:
        """Return a filled rectangle ``(height, width, 3)``, lit from above.

        Args:
            rng: Source of the pattern's phase.
            height: Of the rectangle, in pixels.
            width: Of the rectangle, in pixels.
            scale: Pixels for one unit of the object.
        """
        ramp = np.arange(height, dtype=np.float32)[:, None] * (-0.3 / height)
        shade = (1.12 + ramp + self.rough * grain(rng, height, width))[..., None]
        if self.pattern is None:
            return shade * np.array(self.colour, np.float32)
        weight = self.pattern(rng, height, width, max(self.period * scale, 3.0))[..., None]
        first, second = np.array(self.colour, np.float32), np.array(self.second, np.float32)
        return shade * (first + weight * (second - first))


def near(rng: np.random.Generator, colour: Colour, spread: float = 16) -> Colour:
    """Return a colour close to `colour`."""
    brighter, *tint = rng.uniform(-spread, spread, 4).tolist()
    red, green, blue = (
        int(min(max(value + brighter + shift / 2, 0), 255))
        for value, shift in zip(colour, tint, strict=True)
    )
    return red, green, blue


def pick(rng: np.random.Generator, names: Iterable[str]) -> str:
    """Return one of these names."""
    names = tuple(names)
    return names[int(rng.integers(len(names)))]


# ---- canvas -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """One painted polygon of an object."""

    points: Points
    paint: Paint


@dataclass(frozen=True)
class Figure:
    """An object in its own units.

    Attributes:
        parts: Its parts, from back to front.
        variant: Name of the appearance, as ``'sitting-tabby'``.
        airborne: Whether it may hang in the air.
    """

    parts: tuple[Part, ...]
    variant: str
    airborne: bool = False


@dataclass(frozen=True)
class Placement:
    """Turn, mirror, enlarge and move: ``pixel = matrix @ point + offset``."""

    matrix: NDArray[np.float32]
    offset: NDArray[np.float32]

    @property
    def scale(self) -> float:
        """Pixels for one unit of the object."""
        return float(np.hypot(*self.matrix[:, 0]))

    def __call__(self, points: Points) -> Points:
        """Map points of an object to pixels."""
        return points @ self.matrix.T + self.offset


IDENTITY = Placement(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))


class Canvas:
    """A picture and, in step with it, the map of which instance each pixel shows.

    Attributes:
        image: RGB ``(H, W, 3)``, float, about 0..255.
        instances: ``(H, W)`` uint8; 0 is background.
    """

    def __init__(self, height: int, width: int) -> None:
        self.image = np.zeros((height, width, 3), np.float32)
        self.instances = np.zeros((height, width), np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.instances.shape

    def draw(
        self,
        rng: np.random.Generator,
        parts: Sequence[Part],
        placement: Placement = IDENTITY,
        instance: int = BACKGROUND,
    ) -> None:
        """Draw parts in order, the last in front; pixels that are mostly covered get `instance`."""
        for part in parts:
            points = placement(part.points)
            left, top, right, bottom = self._window(points)
            if left >= right or top >= bottom:
                continue
            alpha = np.zeros((bottom - top, right - left), np.uint8)
            _fill(alpha, points - np.array([left, top], np.float32))
            paint = part.paint.fill(rng, *alpha.shape, placement.scale)
            image = self.image[top:bottom, left:right]
            image += (alpha * np.float32(1 / 255))[..., None] * (paint - image)
            self.instances[top:bottom, left:right][alpha >= 128] = instance

    def _window(self, points: Points) -> tuple[int, int, int, int]:
        """Return left, top, right, bottom of the pixels that a polygon can touch."""
        (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
        height, width = self.size
        return (
            max(math.floor(left) - 1, 0),
            max(math.floor(top) - 1, 0),
            min(math.ceil(right) + 2, width),
            min(math.ceil(bottom) + 2, height),
        )

    def silhouette(self, parts: Sequence[Part], placement: Placement) -> NDArray[np.bool_]:
        """Return where these parts would land, ``(H, W)``, without drawing them."""
        covered = np.zeros(self.size, np.uint8)
        for part in parts:
            _fill(covered, placement(part.points))
        return covered >= 128


def _fill(alpha: NDArray[np.uint8], points: Points) -> None:
    """Write the anti-aliased coverage of a polygon, 0..255, into `alpha`."""
    corners = np.round(points * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(alpha, [corners], 255, lineType=cv2.LINE_AA, shift=SUBPIXEL_BITS)
