"""One toy scene: which classes meet where, and their picture and mask."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from . import animals, vehicles
from .drawing import BACKGROUND, Canvas, Figure, Placement, grain
from .settings import SETTINGS, Ground, clutter

DRAWERS = {
    'cat': animals.cat,
    'dog': animals.dog,
    'horse': animals.horse,
    'cow': animals.cow,
    'bird': animals.bird,
    'car': vehicles.car,
    'bus': vehicles.bus,
    'train': vehicles.train,
    'boat': vehicles.boat,
    'aeroplane': vehicles.aeroplane,
}
CLASSES = ('background', *DRAWERS)

# How often a class is met in a setting. Rails, water and sky belong to one class and are seen
# without it as well. The first class of BINDING that is present decides.
HABITATS: dict[str, dict[str, float]] = {
    'cat': {'room': 0.6, 'meadow': 0.25, 'street': 0.15},
    'dog': {'room': 0.35, 'meadow': 0.3, 'street': 0.2, 'water': 0.15},
    'horse': {'meadow': 0.7, 'railway': 0.15, 'water': 0.15},
    'cow': {'meadow': 0.7, 'railway': 0.15, 'water': 0.15},
    'bird': {'sky': 0.35, 'meadow': 0.3, 'water': 0.25, 'railway': 0.1},
    'car': {'street': 0.6, 'meadow': 0.2, 'railway': 0.1, 'water': 0.1},
    'bus': {'street': 0.7, 'meadow': 0.15, 'railway': 0.15},
    'train': {'railway': 0.92, 'meadow': 0.08},
    'boat': {'water': 0.9, 'meadow': 0.1},
    'aeroplane': {'sky': 0.9, 'street': 0.1},
}
BINDING = ('train', 'boat', 'aeroplane')

# Each class is three times a companion, so that all are met about equally often.
COMPANIONS: dict[str, tuple[str, ...]] = {
    'cat': ('dog', 'bird', 'car'),
    'dog': ('cat', 'horse', 'car'),
    'horse': ('cow', 'dog', 'train'),
    'cow': ('horse', 'cat', 'train'),
    'bird': ('aeroplane', 'boat', 'boat'),
    'car': ('bus', 'dog', 'train'),
    'bus': ('car', 'cow', 'aeroplane'),
    'train': ('bus', 'cow', 'horse'),
    'boat': ('bird', 'cat', 'aeroplane'),
    'aeroplane': ('bird', 'bus', 'boat'),
}
OBJECT_COUNTS = (0.42, 0.38, 0.2)  # chance of 1, 2 and 3 objects
SAME_CLASS = 0.2  # chance that a further object is another one of the first class
EXTENTS = ((0.5, 0.8), (0.38, 0.6), (0.32, 0.48))  # longer side of an object, by object count
MAX_TURN = {True: 22.0, False: 5.0}  # degrees, in the air and on the ground
MAX_HIDDEN = 0.3  # share of an earlier object that a later one may hide
TRIES = 8
MIN_SHARE = 0.01  # of the image; a class that covers less is ignored
IGNORE_INDEX = 255


@dataclass(frozen=True)
class Instance:
    """An object of a scene: its class and the name of its appearance."""

    class_name: str
    variant: str


@dataclass(frozen=True)
class Scene:
    """A picture and the facts about it.

    Attributes:
        image: RGB ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` uint8; 0 background, 1..10 classes, 255 around the objects.
        setting: Name of the surroundings, a key of `SETTINGS`.
        instances: The objects, from back to front.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    setting: str
    instances: tuple[Instance, ...]

    @property
    def image_labels(self) -> list[str]:
        """Names of the classes in the mask, in the order of `CLASSES`."""
        found = np.unique(self.mask)
        return [CLASSES[i] for i in found if i not in (BACKGROUND, IGNORE_INDEX)]


def draw_scene(
    rng: np.random.Generator, size: tuple[int, int], class_name: str | None = None
) -> Scene:
    """Draw a scene that shows at least one object of `class_name`.

    Args:
        rng: Source of everything random.
        size: Height and width in pixels.
        class_name: The class of the first object; any class if None.

    Returns:
        The scene; the same for the same state of `rng`.

    Example:
        >>> scene = draw_scene(np.random.default_rng(0), (96, 128), 'train')
        >>> scene.image.shape, scene.instances[0].class_name
        ((96, 128, 3), 'train')
    """
    names = _choose_classes(rng, class_name or str(rng.choice(CLASSES[1:])))
    setting = _choose_setting(rng, names)
    canvas = Canvas(*size)
    ground = SETTINGS[setting](canvas, rng)
    clutter(canvas, rng, int(rng.integers(2, 6)), 0.06, 0.16)
    instances = _place_objects(canvas, rng, names, ground)
    if rng.random() < 0.4:
        clutter(canvas, rng, int(rng.integers(1, 3)), 0.04, 0.08)
    mask = label_map(
        canvas.instances, [CLASSES.index(instance.class_name) for instance in instances]
    )
    return Scene(_photograph(rng, canvas.image), mask, setting, tuple(instances))


def _choose_classes(rng: np.random.Generator, first: str) -> list[str]:
    """Return the classes of the objects, the first first."""
    names = [first]
    for _ in range(int(rng.choice(len(OBJECT_COUNTS), p=OBJECT_COUNTS))):
        same = rng.random() < SAME_CLASS
        names.append(first if same else str(rng.choice(COMPANIONS[first])))
    return names


def _choose_setting(rng: np.random.Generator, names: list[str]) -> str:
    host = next((name for name in BINDING if name in names), names[0])
    habitat = HABITATS[host]
    return str(rng.choice(list(habitat), p=list(habitat.values())))


def _place_objects(
    canvas: Canvas, rng: np.random.Generator, names: list[str], ground: Ground
) -> list[Instance]:
    """Draw the objects; one that finds no free place is left out."""
    instances: list[Instance] = []
    for name in names:
        figure = DRAWERS[name](rng)
        rails = ground.rails if name == 'train' else None
        for _ in range(TRIES):
            low, high = EXTENTS[len(names) - 1]
            extent = float(rng.uniform(low, high))
            placement = _place(rng, figure, canvas.size, extent, ground.horizon, rails)
            if _hidden(canvas, figure, placement) <= MAX_HIDDEN:
                instances.append(Instance(name, figure.variant))
                canvas.draw(rng, figure.parts, placement, len(instances))
                break
    return instances


def _place(
    rng: np.random.Generator,
    figure: Figure,
    size: tuple[int, int],
    extent: float,
    horizon: float,
    rails: float | None,
) -> Placement:
    """Choose size, turn, side and place of a figure; its feet are on the rails if there are any."""
    height, width = size
    limit = MAX_TURN[figure.airborne] if rails is None else 0.0
    turn = np.deg2rad(rng.uniform(-limit, limit))
    mirror = np.diag([1.0 if rng.random() < 0.5 else -1.0, 1.0])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = (rotation @ mirror).astype(np.float32)
    points = np.concatenate([part.points for part in figure.parts]) @ matrix.T
    low, high = points.min(0), points.max(0)
    scale = extent * float(np.min(np.array([width, height]) / (high - low)))
    low, high = low * scale, high * scale
    x = float(rng.uniform(0.02 * width - low[0], 0.98 * width - high[0]))
    if figure.airborne:
        y = float(rng.uniform(0.02 * height - low[1], 0.8 * height - high[1]))
    elif rails is not None:
        y = rails + 4 - high[1]
    else:
        nearest = max(horizon + 0.06 * height, 0.02 * height + high[1] - low[1])
        y = float(rng.uniform(min(nearest, 0.97 * height), 0.98 * height)) - high[1]
    return Placement(matrix * np.float32(scale), np.array([x, y], np.float32))


def _hidden(canvas: Canvas, figure: Figure, placement: Placement) -> float:
    """Return the largest share of an earlier object that the figure would hide."""
    if not canvas.instances.any():
        return 0.0
    covered = canvas.silhouette(figure.parts, placement)
    before = np.bincount(canvas.instances.ravel())[1:]
    hidden = np.bincount(canvas.instances[covered], minlength=len(before) + 1)[1:]
    return float(np.max(hidden / np.maximum(before, 1)))


def label_map(instances: NDArray[np.uint8], classes: list[int]) -> NDArray[np.uint8]:
    """Return the mask: classes, 255 on the edges, and 255 for a class that is hardly visible."""
    mask = np.array([BACKGROUND, *classes], np.uint8)[instances]
    kernel = np.ones((3, 3), np.uint8)
    mask[cv2.dilate(instances, kernel) != cv2.erode(instances, kernel)] = IGNORE_INDEX
    pixels = np.bincount(mask.ravel(), minlength=IGNORE_INDEX + 1)
    hardly_visible = np.flatnonzero(pixels < MIN_SHARE * mask.size)
    mask[np.isin(mask, hardly_visible)] = IGNORE_INDEX
    return mask


def _photograph(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the picture under some light, a little out of focus and with the sensor's noise."""
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 0.9)))
    across = np.linspace(*rng.uniform(0.8, 1.15, 2), width, dtype=np.float32)[None, :, None]
    tint = rng.uniform(0.93, 1.07, 3).astype(np.float32)
    light = float(rng.uniform(0.75, 1.15)) * across * tint
    noise = cv2.merge([grain(rng, height, width) for _ in range(3)])
    image = image * light + float(rng.uniform(2, 7)) * noise
    return np.clip(image, 0, 255).astype(np.uint8)
