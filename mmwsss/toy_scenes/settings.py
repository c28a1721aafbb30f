"""Where the toy scenes take place: six settings, cluttered with shapes that belong to no class.

A setting is background in every mask, rails and water included.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .animals import LARGE_COATS, SMALL_COATS
from .drawing import (
    Canvas,
    Colour,
    Paint,
    Part,
    Pattern,
    blob,
    box,
    clouds,
    limb,
    near,
    patches,
    pick,
    polygon,
    ripples,
    spots,
    stripes,
    tiles,
)
from .vehicles import PANELS

SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((92, 146, 206), (232, 238, 244)),
    ((150, 172, 190), (206, 212, 216)),
    ((226, 168, 120), (244, 214, 180)),
    ((60, 84, 130), (120, 136, 170)),
)
GREENS: tuple[Colour, ...] = ((86, 128, 54), (60, 96, 46), (128, 136, 66), (150, 132, 78))
GREYS: tuple[Colour, ...] = ((108, 108, 112), (78, 80, 86), (142, 136, 128))
WALLS: tuple[Colour, ...] = ((206, 190, 160), (160, 176, 180), (178, 120, 100), (120, 130, 96))
WATERS: tuple[Colour, ...] = ((52, 100, 132), (62, 122, 122), (92, 122, 150), (60, 76, 84))


@dataclass(frozen=True)
class Ground:
    """Where an object can stand: between `horizon` and the lower border; rows in pixels."""

    horizon: float
    rails: float | None = None


def _choose(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return near(rng, colours[int(rng.integers(len(colours)))])


def _area(
    canvas: Canvas, rng: np.random.Generator, top: float, bottom: float, paint: Paint
) -> None:
    """Fill the rows from `top` to `bottom`."""
    area = box(-2, top, canvas.size[1] + 2, bottom)
    canvas.draw(rng, [Part(area, paint)])


def _horizon(canvas: Canvas, rng: np.random.Generator, low: float, high: float) -> float:
    return canvas.size[0] * float(rng.uniform(low, high))


# ---- far away -----------------------------------------------------------------------------------


def _sky(canvas: Canvas, rng: np.random.Generator, bottom: float) -> None:
    blue, white = SKIES[int(rng.integers(len(SKIES)))]
    paint = Paint(near(rng, blue), clouds, near(rng, white), rng.uniform(25, 60), rough=0.01)
    _area(canvas, rng, -2, bottom, paint)


def _trees(canvas: Canvas, rng: np.random.Generator, bottom: float) -> None:
    _sky(canvas, rng, bottom)
    height, width = canvas.size
    for x in np.arange(0, width, 0.16 * width) + rng.uniform(-9, 9):
        tall = float(rng.uniform(0.2, 0.45)) * height
        leaves = Paint(_choose(rng, GREENS), spots, _choose(rng, GREENS), 9, rough=0.12)
        trunk = limb((x, bottom + 1), (x, bottom - tall), 7, 4)
        crown = blob(rng, x, bottom - 0.75 * tall, rng.uniform(0.1, 0.16) * width, 0.5 * tall)
        canvas.draw(rng, [Part(trunk, Paint((84, 62, 44), rough=0.1)), Part(crown, leaves)])


def _houses(canvas: Canvas, rng: np.random.Generator, bottom: float) -> None:
    _sky(canvas, rng, bottom)
    height, width = canvas.size
    left = -float(rng.uniform(0, 30))
    while left < width:
        right = left + float(rng.uniform(25, 60))
        top = bottom - float(rng.uniform(0.2, 0.5)) * height
        wall = Paint(
            _choose(rng, WALLS), tiles, _choose(rng, GREYS), rng.uniform(8, 18), rough=0.05
        )
        parts = [Part(box(left, top, right, bottom + 1), wall)]
        for x in np.arange(left + 6, right - 8, 13):
            for y in np.arange(top + 7, bottom - 10, 17):
                parts.append(Part(box(x, y, x + 6, y + 9), Paint((70, 86, 100))))
        canvas.draw(rng, parts)
        left = right


def _far(canvas: Canvas, rng: np.random.Generator, bottom: float) -> None:
    scenery = (_sky, _trees, _houses)[int(rng.integers(3))]
    scenery(canvas, rng, bottom)


# ---- the settings -------------------------------------------------------------------------------


def _meadow(canvas: Canvas, rng: np.random.Generator) -> Ground:
    horizon = _horizon(canvas, rng, 0.3, 0.6)
    (_sky, _trees)[int(rng.integers(2))](canvas, rng, horizon)
    pattern: Pattern = (patches, spots)[int(rng.integers(2))]
    grass = Paint(
        _choose(rng, GREENS), pattern, _choose(rng, GREENS), rng.uniform(8, 30), rough=0.12
    )
    _area(canvas, rng, horizon, canvas.size[0] + 2, grass)
    return Ground(horizon)


def _street(canvas: Canvas, rng: np.random.Generator) -> Ground:
    height, width = canvas.size
    horizon = _horizon(canvas, rng, 0.35, 0.6)
    _houses(canvas, rng, horizon)
    _area(
        canvas,
        rng,
        horizon,
        height + 2,
        Paint(_choose(rng, GREYS), patches, (90, 88, 86), 40, 0.07),
    )
    line = float(rng.uniform(horizon + 8, height - 4))
    dashes = [box(x, line, x + 16, line + 3) for x in np.arange(rng.uniform(-20, 0), width, 34)]
    canvas.draw(rng, [Part(dash, Paint((222, 218, 200))) for dash in dashes])
    return Ground(horizon)


def _room(canvas: Canvas, rng: np.random.Generator) -> Ground:
    height, width = canvas.size
    horizon = _horizon(canvas, rng, 0.45, 0.7)
    paper: Pattern | None = (None, stripes, tiles, spots)[int(rng.integers(4))]
    _area(canvas, rng, -2, horizon, Paint(_choose(rng, WALLS), paper, _choose(rng, WALLS), 14))
    planks: Pattern = (ripples, tiles, patches)[int(rng.integers(3))]
    floor = Paint(near(rng, (150, 108, 72)), planks, near(rng, (116, 84, 60)), 14, rough=0.05)
    _area(canvas, rng, horizon, height + 2, floor)
    for _ in range(int(rng.integers(1, 4))):
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0.02, 0.5)) * horizon
        wide, high = float(rng.uniform(15, 45)), float(rng.uniform(15, 40))
        picture = Paint(_choose(rng, WATERS), patches, _choose(rng, GREENS), 12)
        frame = box(x - 3, y - 3, x + wide + 3, y + high + 3)
        inside = box(x, y, x + wide, y + high)
        canvas.draw(rng, [Part(frame, Paint((84, 58, 40))), Part(inside, picture)])
    left = float(rng.uniform(-0.1, 0.6)) * width
    sofa = Paint(
        near(rng, (150, 60, 50), 50), stripes, near(rng, (110, 70, 80), 40), 12, rough=0.06
    )
    seat = box(left, horizon - 0.12 * height, left + 0.45 * width, horizon + 0.12 * height)
    canvas.draw(rng, [Part(seat, sofa)])
    return Ground(horizon)


def _railway(canvas: Canvas, rng: np.random.Generator) -> Ground:
    height, width = canvas.size
    horizon = _horizon(canvas, rng, 0.3, 0.55)
    _far(canvas, rng, horizon)
    verge = Paint(_choose(rng, GREENS), patches, _choose(rng, GREYS), 16, rough=0.12)
    _area(canvas, rng, horizon, height + 2, verge)
    rails = height * float(rng.uniform(0.7, 0.88))
    ballast = Paint(near(rng, (126, 116, 106)), spots, near(rng, (90, 82, 76)), 5, rough=0.16)
    _area(canvas, rng, rails - 7, rails + 16, ballast)
    wood = Paint(near(rng, (76, 58, 46)), rough=0.08)
    sleepers = [
        polygon((x, rails - 3), (x + 5, rails - 3), (x + 3, rails + 13), (x - 4, rails + 13))
        for x in np.arange(rng.uniform(-12, 0), width + 8, 12)
    ]
    steel = Paint((178, 176, 178))
    lines = [box(-2, rails + y, width + 2, rails + y + 2.2) for y in (0, 8)]
    canvas.draw(rng, [*(Part(s, wood) for s in sleepers), *(Part(r, steel) for r in lines)])
    return Ground(horizon, rails)


def _water(canvas: Canvas, rng: np.random.Generator) -> Ground:
    horizon = _horizon(canvas, rng, 0.35, 0.6)
    _far(canvas, rng, horizon)
    blue = _choose(rng, WATERS)
    lit: Colour = (min(blue[0] + 50, 255), min(blue[1] + 50, 255), min(blue[2] + 46, 255))
    waves = Paint(blue, ripples, lit, rng.uniform(5, 11), rough=0.03)
    _area(canvas, rng, horizon, canvas.size[0] + 2, waves)
    return Ground(horizon)


def _air(canvas: Canvas, rng: np.random.Generator) -> Ground:
    horizon = _horizon(canvas, rng, 0.82, 1.0)
    _sky(canvas, rng, canvas.size[0] + 2)
    if rng.random() < 0.6:
        hills = Paint(_choose(rng, GREENS), patches, _choose(rng, GREYS), 20, rough=0.1)
        _area(canvas, rng, horizon, canvas.size[0] + 2, hills)
    return Ground(horizon)


SETTINGS: dict[str, Callable[[Canvas, np.random.Generator], Ground]] = {
    'meadow': _meadow,
    'street': _street,
    'room': _room,
    'railway': _railway,
    'water': _water,
    'sky': _air,
}


# ---- clutter ------------------------------------------------------------------------------------


def _rock(rng: np.random.Generator, x: float, y: float, r: float) -> list[Part]:
    """Return a rock in the colours of an animal's coat."""
    coats = {**SMALL_COATS, **{f'large {name}': coat for name, coat in LARGE_COATS.items()}}
    colour, pattern, second, period = coats[pick(rng, coats)]
    paint = Paint(near(rng, colour), pattern, near(rng, second), period * 2 * r, rough=0.08)
    return [Part(blob(rng, x, y, 1.2 * r, 0.8 * r), paint)]


def _crate(rng: np.random.Generator, x: float, y: float, r: float) -> list[Part]:
    """Return a box in the colours of a vehicle's panel."""
    colour, pattern, second = PANELS[pick(rng, PANELS)]
    paint = Paint(near(rng, colour), pattern, near(rng, second), 0.5 * r)
    wide = r * float(rng.uniform(0.6, 1.5))
    lid = box(x - wide, y - 0.8 * r, x + wide, y - 0.6 * r)
    return [
        Part(box(x - wide, y - 0.8 * r, x + wide, y + 0.8 * r), paint),
        Part(lid, Paint((60, 56, 52))),
    ]


def _bush(rng: np.random.Generator, x: float, y: float, r: float) -> list[Part]:
    leaves = Paint(_choose(rng, GREENS), spots, _choose(rng, GREENS), 6, rough=0.14)
    return [Part(blob(rng, x, y, r, r), leaves)]


def _post(rng: np.random.Generator, x: float, y: float, r: float) -> list[Part]:
    paint = Paint(_choose(rng, GREYS), stripes, _choose(rng, WALLS), 12)
    return [Part(box(x - 0.15 * r, y - 3 * r, x + 0.15 * r, y + r), paint)]


CLUTTER = (_rock, _crate, _bush, _post)


def clutter(canvas: Canvas, rng: np.random.Generator, count: int, low: float, high: float) -> None:
    """Draw `count` shapes that belong to no class; over an object they hide it.

    Args:
        canvas: Where to draw.
        rng: Source of places and shapes.
        count: How many things lie about.
        low: Smallest radius, as a share of the shorter side.
        high: Largest radius, as a share of the shorter side.
    """
    height, width = canvas.size
    for _ in range(count):
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0.4, 1.0)) * height
        radius = float(rng.uniform(low, high)) * min(height, width)
        canvas.draw(rng, CLUTTER[int(rng.integers(len(CLUTTER)))](rng, x, y, radius))
