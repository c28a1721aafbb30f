"""The vehicles of the toy scenes.

Car, bus and train share the painted body panel and its colours; what tells them apart is small:
the cabin, the row of windows, chimney, nose or pantograph.
"""

from collections.abc import Iterable

import numpy as np

from .drawing import (
    BLACK,
    WHITE,
    Figure,
    Paint,
    Part,
    box,
    ellipse,
    limb,
    near,
    pick,
    polygon,
    smooth,
    stripes,
)

PANELS = {
    'red': ((186, 44, 38), None, (120, 30, 26)),
    'blue': ((48, 88, 168), None, (30, 60, 120)),
    'silver': ((184, 188, 192), None, (140, 144, 148)),
    'yellow': ((226, 186, 52), None, (180, 140, 40)),
    'striped': ((228, 226, 218), stripes, (56, 120, 96)),
    'rusty': ((142, 110, 84), stripes, (104, 72, 52)),
}
GLASS = Paint((112, 150, 172), stripes, (176, 206, 220), period=0.5)
DARK = Paint((44, 44, 48), rough=0.05)
METAL = Paint((150, 150, 152))
LAMP = Paint((250, 236, 170))


def _panel(rng: np.random.Generator) -> tuple[str, Paint]:
    name = pick(rng, PANELS)
    colour, pattern, second = PANELS[name]
    return name, Paint(near(rng, colour), pattern, near(rng, second), period=0.35)


def _wheels(places: Iterable[float], y: float, radius: float) -> list[Part]:
    parts = []
    for x in places:
        parts.append(Part(ellipse(x, y, radius, radius), DARK))
        parts.append(Part(ellipse(x, y, 0.5 * radius, 0.5 * radius), METAL))
    return parts


def _windows(left: float, right: float, top: float, bottom: float, count: int) -> list[Part]:
    step = (right - left) / count
    return [
        Part(box(left + (i + 0.1) * step, top, left + (i + 0.9) * step, bottom), GLASS)
        for i in range(count)
    ]


# ---- car and bus --------------------------------------------------------------------------------


def _road_body(panel: Paint) -> list[Part]:
    """Return the lower body that car and bus share."""
    hull = polygon(
        (-1.0, -0.12), (0.96, -0.12), (1.04, 0.1), (1.04, 0.44), (-1.06, 0.44), (-1.06, 0.1)
    )
    return [
        Part(smooth(hull, 1), panel),
        Part(box(-1.04, 0.34, 1.02, 0.44), DARK),
        Part(ellipse(-0.98, 0.12, 0.07, 0.08), LAMP),
        Part(ellipse(0.99, 0.12, 0.05, 0.08), Paint((190, 30, 30))),
        *_wheels((-0.6, 0.6), 0.44, 0.22),
    ]


CABINS = {
    'saloon': polygon((-0.62, -0.1), (-0.28, -0.56), (0.38, -0.56), (0.74, -0.1)),
    'estate': polygon((-0.6, -0.1), (-0.3, -0.6), (0.9, -0.58), (1.0, -0.1)),
    'pickup': polygon((-0.6, -0.1), (-0.38, -0.6), (0.12, -0.6), (0.16, -0.1)),
    'beetle': smooth(polygon((-0.8, -0.1), (-0.5, -0.72), (0.5, -0.78), (0.85, -0.1))),
}


def car(rng: np.random.Generator) -> Figure:
    """Draw a car: a low cabin with two panes."""
    colour, panel = _panel(rng)
    shape = pick(rng, CABINS)
    cabin = CABINS[shape]
    centre = np.array([cabin[:, 0].mean(), cabin[:, 1].mean()], np.float32)
    glass = centre + (cabin - centre) * np.array([0.82, 0.66], np.float32)
    pillar = box(float(centre[0]) - 0.04, float(glass[:, 1].min()), float(centre[0]) + 0.04, -0.1)
    top = [Part(cabin, panel), Part(glass, GLASS), Part(pillar, panel)]
    return Figure((*top, *_road_body(panel)), f'{shape}-{colour}')


def bus(rng: np.random.Generator) -> Figure:
    """Draw a bus: a tall body with a row of windows; one deck, two decks or a bonnet."""
    colour, panel = _panel(rng)
    shape = pick(rng, ('single', 'double', 'school'))
    roof = -1.35 if shape == 'double' else -0.82
    front = -0.5 if shape == 'school' else -1.0
    parts = [
        Part(smooth(box(front, roof, 1.02, 0.1), 1), panel),
        Part(box(front + 0.05, roof + 0.02, 0.95, 0.0), panel),
        *_road_body(panel),
        *_windows(front + 0.06, 0.95, -0.62, -0.2, 4 if shape == 'school' else 5),
        Part(box(front + 0.08, roof + 0.06, front + 0.5, roof + 0.15), LAMP),
    ]
    if shape == 'double':
        parts += _windows(front + 0.06, 0.95, -1.15, -0.78, 5)
    return Figure(tuple(parts), f'{shape}-{colour}')


# ---- train --------------------------------------------------------------------------------------


def train(rng: np.random.Generator) -> Figure:
    """Draw a train: steam, electric or express."""
    colour, panel = _panel(rng)
    shape = pick(rng, ('steam', 'electric', 'express'))
    build = {'steam': _steam, 'electric': _electric, 'express': _express}[shape]
    return Figure(tuple(build(panel)), f'{shape}-{colour}')


def _wagon(left: float, right: float, panel: Paint) -> list[Part]:
    bogies = (left + 0.15, left + 0.38, right - 0.38, right - 0.15)
    return [
        Part(box(left - 0.1, 0.22, left + 0.05, 0.32), DARK),
        Part(box(left, -0.45, right, 0.35), panel),
        Part(box(left, -0.5, right, -0.4), METAL),
        *_windows(left + 0.08, right - 0.08, -0.3, -0.02, 4),
        *_wheels(bogies, 0.4, 0.11),
    ]


def _steam(panel: Paint) -> list[Part]:
    iron = Paint((52, 54, 58), rough=0.05)
    return [
        *_wagon(0.62, 1.75, panel),
        Part(polygon((-1.22, 0.5), (-0.95, 0.15), (-0.95, 0.5)), DARK),
        Part(polygon((-0.86, -0.35), (-0.92, -0.75), (-0.6, -0.75), (-0.66, -0.35)), iron),
        Part(ellipse(-0.3, -0.38, 0.13, 0.16), Paint((190, 150, 70))),
        Part(smooth(box(-1.0, -0.4, 0.3, 0.15), 1), iron),
        Part(box(-0.95, 0.1, 0.55, 0.25), Paint((160, 40, 34))),
        Part(box(0.1, -0.65, 0.55, 0.2), panel),
        Part(box(0.02, -0.72, 0.6, -0.62), DARK),
        Part(box(0.2, -0.5, 0.45, -0.22), GLASS),
        Part(ellipse(-1.0, -0.12, 0.09, 0.1), LAMP),
        *_wheels((-0.72, -0.3, 0.12), 0.33, 0.2),
        Part(box(-0.75, 0.3, 0.15, 0.36), METAL),
    ]


def _electric(panel: Paint) -> list[Part]:
    return [
        *_wagon(0.35, 1.75, panel),
        Part(limb((-0.6, -0.45), (-0.35, -0.75), 0.05, 0.05), DARK),
        Part(limb((-0.35, -0.75), (-0.55, -0.95), 0.05, 0.05), DARK),
        Part(box(-0.8, -0.98, -0.3, -0.92), DARK),
        Part(polygon((-1.1, -0.1), (-0.98, -0.5), (0.25, -0.5), (0.25, 0.35), (-1.1, 0.35)), panel),
        Part(polygon((-1.06, -0.1), (-0.97, -0.4), (-0.75, -0.4), (-0.75, -0.1)), GLASS),
        Part(box(-1.1, 0.05, 0.25, 0.14), Paint(WHITE)),
        Part(ellipse(-1.02, 0.2, 0.07, 0.07), LAMP),
        *_wheels((-0.9, -0.65, -0.15, 0.1), 0.4, 0.13),
    ]


def _express(panel: Paint) -> list[Part]:
    nose = polygon(
        (-1.55, 0.36), (-1.5, 0.12), (-0.9, -0.42), (-0.6, -0.5), (1.7, -0.5), (1.7, 0.36)
    )
    return [
        Part(smooth(nose, 1), panel),
        Part(box(1.5, -0.46, 1.7, 0.36), panel),
        Part(polygon((-1.12, -0.14), (-0.9, -0.34), (-0.68, -0.34), (-0.68, -0.14)), GLASS),
        Part(box(-0.5, -0.32, 1.62, -0.06), Paint((40, 48, 62))),
        *_windows(-0.45, 1.6, -0.28, -0.1, 8),
        Part(box(-1.3, 0.12, 1.7, 0.2), Paint((200, 50, 44))),
        Part(box(0.58, -0.48, 0.62, 0.36), DARK),
        Part(ellipse(-1.4, 0.2, 0.07, 0.05), LAMP),
        *_wheels((-0.9, -0.65, 0.3, 0.9, 1.4), 0.4, 0.11),
    ]


# ---- boat and aeroplane -------------------------------------------------------------------------


def boat(rng: np.random.Generator) -> Figure:
    """Draw a boat: with sails, with a cabin or with decks and a funnel."""
    colour, panel = _panel(rng)
    shape = pick(rng, ('sailing', 'motor', 'ferry'))
    build = {'sailing': _sails, 'motor': _cabin, 'ferry': _decks}[shape]
    hull = smooth(polygon((-1.15, 0.3), (1.05, 0.35), (0.85, 0.8), (-0.7, 0.8)), 1)
    keel = polygon((-0.92, 0.62), (0.92, 0.62), (0.82, 0.76), (-0.74, 0.76))
    parts = [*build(rng), Part(hull, panel), Part(keel, Paint(near(rng, (90, 40, 34))))]
    return Figure(tuple(parts), f'{shape}-{colour}')


def _sails(rng: np.random.Generator) -> list[Part]:
    second = near(rng, ((200, 60, 50), (60, 90, 160), (230, 224, 200))[int(rng.integers(3))])
    cloth = Paint(near(rng, WHITE, 8), stripes, second, period=0.5)
    return [
        Part(box(-0.05, -1.3, 0.03, 0.4), Paint((110, 80, 50))),
        Part(polygon((0.05, -1.25), (0.9, 0.15), (0.05, 0.15)), cloth),
        Part(polygon((-0.07, -1.1), (-0.07, 0.15), (-0.85, 0.15)), cloth),
    ]


def _cabin(rng: np.random.Generator) -> list[Part]:
    return [
        Part(polygon((-0.6, 0.4), (-0.35, -0.1), (0.55, -0.1), (0.6, 0.4)), Paint(WHITE)),
        Part(polygon((-0.44, 0.2), (-0.3, 0.0), (-0.05, 0.0), (-0.05, 0.2)), GLASS),
        *_windows(0.02, 0.52, 0.0, 0.2, 2),
        Part(limb((0.3, -0.1), (0.4, -0.55), 0.05, 0.03), Paint(BLACK)),
        Part(polygon((0.4, -0.55), (0.7, -0.48), (0.38, -0.38)), Paint(near(rng, (200, 50, 50)))),
    ]


def _decks(rng: np.random.Generator) -> list[Part]:
    funnel = Paint(near(rng, (206, 80, 40)))
    return [
        Part(polygon((0.1, -0.3), (0.15, -0.85), (0.5, -0.85), (0.5, -0.3)), funnel),
        Part(box(0.14, -0.85, 0.5, -0.72), DARK),
        Part(box(-0.75, 0.02, 0.8, 0.45), Paint(WHITE)),
        Part(box(-0.55, -0.35, 0.7, 0.05), Paint(WHITE)),
        *_windows(-0.7, 0.75, 0.1, 0.24, 7),
        *_windows(-0.5, 0.65, -0.25, -0.1, 5),
    ]


def aeroplane(rng: np.random.Generator) -> Figure:
    """Draw an aeroplane: airliner from the side, jet from above or biplane."""
    colour, panel = _panel(rng)
    skin = Paint(near(rng, (214, 216, 220)), rough=0.02) if rng.random() < 0.4 else panel
    shape = pick(rng, ('airliner', 'jet', 'biplane'))
    build = {'airliner': _airliner, 'jet': _jet, 'biplane': _biplane}[shape]
    return Figure(tuple(build(skin, panel)), f'{shape}-{colour}', airborne=True)


def _airliner(skin: Paint, accent: Paint) -> list[Part]:
    fuselage = polygon(
        (-1.3, 0.05),
        (-1.15, -0.14),
        (-0.8, -0.2),
        (0.7, -0.2),
        (1.35, -0.2),
        (0.8, 0.17),
        (-1.0, 0.19),
    )
    return [
        Part(polygon((-0.1, -0.15), (0.25, -0.5), (0.42, -0.5), (0.3, -0.15)), METAL),
        Part(polygon((0.75, -0.15), (1.1, -0.75), (1.4, -0.75), (1.3, -0.15)), accent),
        Part(smooth(fuselage, 1), skin),
        Part(polygon((-1.16, -0.02), (-1.06, -0.12), (-0.92, -0.12), (-0.92, -0.02)), DARK),
        *_windows(-0.75, 0.8, -0.1, -0.01, 12),
        Part(polygon((0.85, -0.08), (1.35, -0.02), (1.45, 0.06), (1.0, 0.02)), METAL),
        Part(ellipse(-0.15, 0.3, 0.22, 0.1), DARK),
        Part(polygon((-0.35, 0.06), (0.2, 0.06), (0.75, 0.58), (0.5, 0.6)), METAL),
    ]


def _jet(skin: Paint, accent: Paint) -> list[Part]:
    return [
        Part(
            polygon(
                (-0.35, -0.1),
                (0.35, -1.1),
                (0.6, -1.1),
                (0.35, 0.0),
                (0.6, 1.1),
                (0.35, 1.1),
                (-0.35, 0.1),
            ),
            skin,
        ),
        Part(
            polygon(
                (0.85, 0.0), (1.15, -0.45), (1.3, -0.45), (1.2, 0.0), (1.3, 0.45), (1.15, 0.45)
            ),
            accent,
        ),
        Part(ellipse(0.1, -0.5, 0.2, 0.08), DARK),
        Part(ellipse(0.1, 0.5, 0.2, 0.08), DARK),
        Part(
            smooth(polygon((-1.4, 0.0), (-1.1, -0.16), (1.2, -0.1), (1.2, 0.1), (-1.1, 0.16))), skin
        ),
        Part(ellipse(-0.98, 0.0, 0.13, 0.07), GLASS),
    ]


def _biplane(skin: Paint, accent: Paint) -> list[Part]:
    return [
        Part(polygon((0.85, -0.05), (1.05, -0.5), (1.3, -0.45), (1.3, 0.05)), accent),
        Part(polygon((-0.95, -0.24), (0.1, -0.24), (1.3, -0.06), (1.3, 0.08), (-0.95, 0.24)), skin),
        Part(ellipse(-0.95, 0.0, 0.12, 0.26), DARK),
        Part(ellipse(-1.1, 0.0, 0.03, 0.6), Paint((120, 90, 60))),
        Part(limb((-0.45, -0.6), (-0.45, 0.3), 0.05, 0.05), DARK),
        Part(limb((0.0, -0.6), (0.0, 0.3), 0.05, 0.05), DARK),
        Part(box(-0.7, -0.66, 0.25, -0.52), accent),
        Part(box(-0.7, 0.18, 0.25, 0.3), accent),
        Part(ellipse(0.25, -0.26, 0.12, 0.1), GLASS),
        *_wheels((-0.45,), 0.5, 0.13),
    ]
