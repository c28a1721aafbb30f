"""The animals of the toy scenes.

Cat and dog share pose and coat and differ in the head; so do horse and cow. The head is the small,
telling part; the body is large and says only "one of the two".
"""

import numpy as np

from .drawing import (
    BLACK,
    WHITE,
    Colour,
    Figure,
    Paint,
    Part,
    Pattern,
    blob,
    box,
    ellipse,
    limb,
    near,
    patches,
    pick,
    polygon,
    smooth,
    spots,
    stripes,
)

Point = tuple[float, float]
Coat = tuple[Colour, Pattern | None, Colour, float]

PINK: Colour = (214, 140, 135)

# Coats: name -> body colour, pattern, second colour, period. One list for both of a pair.
SMALL_COATS: dict[str, Coat] = {
    'tabby': ((150, 138, 122), stripes, (84, 76, 68), 0.2),
    'ginger': ((206, 132, 66), stripes, (228, 176, 118), 0.24),
    'pied': ((232, 228, 220), patches, (44, 40, 40), 0.4),
    'brown': ((112, 76, 48), None, (90, 60, 40), 0.3),
    'cream': ((222, 196, 156), None, (190, 160, 120), 0.3),
    'spotted': ((228, 218, 204), spots, (70, 58, 50), 0.22),
}
LARGE_COATS: dict[str, Coat] = {
    'bay': ((124, 72, 40), None, (90, 52, 30), 0.3),
    'pied': ((234, 230, 222), patches, (40, 36, 36), 0.42),
    'skewbald': ((228, 214, 192), patches, (142, 82, 44), 0.42),
    'grey': ((176, 174, 172), spots, (140, 138, 138), 0.2),
    'black': ((52, 46, 46), None, (40, 36, 36), 0.3),
}
PLUMAGES = {
    'crow': ((46, 46, 54), (30, 30, 36), (60, 56, 50)),
    'robin': ((196, 96, 56), (118, 96, 74), (70, 60, 50)),
    'parrot': ((62, 158, 74), (206, 60, 48), (230, 190, 80)),
    'jay': ((84, 132, 196), (52, 84, 150), (60, 60, 60)),
    'gull': ((238, 238, 234), (150, 156, 164), (236, 168, 52)),
}


def _coat(rng: np.random.Generator, coats: dict[str, Coat]) -> tuple[str, Paint]:
    name = pick(rng, coats)
    colour, pattern, second, period = coats[name]
    return name, Paint(near(rng, colour), pattern, near(rng, second), period, rough=0.06)


def _eyes(x: float, y: float, apart: float, radius: float, colour: Colour) -> list[Part]:
    parts = []
    for side in (-1, 1):
        parts.append(Part(ellipse(x + side * apart, y, radius, radius), Paint(colour)))
        pupil = ellipse(x + side * apart, y, radius * 0.4, radius * 0.8)
        parts.append(Part(pupil, Paint(BLACK)))
    return parts


# ---- cat and dog --------------------------------------------------------------------------------


def _small_body(
    rng: np.random.Generator, fur: Paint
) -> tuple[str, list[Part], tuple[float, float]]:
    """Return pose, parts and the place of the head of a cat or a dog."""
    pose = pick(rng, ('sitting', 'standing', 'lying'))
    lift = float(rng.uniform(-0.12, 0.12))
    if pose == 'sitting':
        shapes = [
            smooth(polygon((0.3, 0.85), (0.9, 0.8), (1.0, 0.3), (1.1, 0.4), (1.05, 1.0))),
            smooth(polygon((-0.3, -0.5), (0.3, -0.5), (0.75, 0.9), (0.5, 1.1), (-0.45, 1.05))),
            ellipse(0.35, 0.75, 0.36, 0.28),
            limb((-0.25, 0.1), (-0.28, 1.02), 0.24, 0.18),
            limb((0.05, 0.1), (0.06, 1.02), 0.24, 0.18),
        ]
        head = (-0.05, -0.62 + lift)
    elif pose == 'standing':
        shapes = [
            limb((0.8, -0.05), (1.2, -0.45 + lift), 0.16, 0.1),
            *(limb((x, 0.15), (x + step, 0.9), 0.26, 0.15) for x, step in _stride(rng, 0.45, 0.6)),
            smooth(polygon((-0.85, -0.3), (0.8, -0.3), (1.0, 0.1), (0.7, 0.42), (-0.7, 0.45))),
        ]
        head = (-0.85, -0.4 + lift)
    else:
        shapes = [
            limb((0.9, 0.6), (1.3, 0.7 + lift), 0.18, 0.12),
            smooth(polygon((-0.8, 0.1), (0.5, -0.05), (1.15, 0.3), (1.1, 0.85), (-0.8, 0.85))),
            ellipse(0.7, 0.62, 0.34, 0.22),
            limb((-0.6, 0.75), (-1.1, 0.8), 0.2, 0.16),
        ]
        head = (-0.8, 0.0 + lift)
    return pose, [Part(shape, fur) for shape in shapes], head


def _stride(rng: np.random.Generator, front: float, back: float) -> list[tuple[float, float]]:
    """Return four legs as (place, forward step)."""
    step = float(rng.uniform(-0.15, 0.15))
    return [(-front - 0.15, step), (-front + 0.1, -step), (back - 0.1, step), (back + 0.15, -step)]


def cat(rng: np.random.Generator) -> Figure:
    """Draw a cat: pointed ears, slit eyes, whiskers; sometimes with a dark mask."""
    coat, fur = _coat(rng, SMALL_COATS)
    pose, parts, (x, y) = _small_body(rng, fur)
    face = Paint((84, 62, 52), rough=0.06) if rng.random() < 0.25 else fur
    r = 0.36
    for side in (-1, 1):
        ear = (
            (x + side * 0.9 * r, y),
            (x + side * 0.95 * r, y - 1.5 * r),
            (x + side * 0.1 * r, y - 0.7 * r),
        )
        parts.append(Part(polygon(*ear), face))
        inner = [
            (0.55 * ex + 0.45 * (x + side * 0.6 * r), 0.6 * ey + 0.4 * (y - 0.7 * r))
            for ex, ey in ear
        ]
        parts.append(Part(polygon(*inner), Paint(PINK)))
    parts.append(Part(ellipse(x, y, 1.08 * r, 0.9 * r), face))
    parts.append(Part(ellipse(x, y + 0.42 * r, 0.5 * r, 0.32 * r), Paint(WHITE)))
    iris = ((206, 190, 60), (120, 180, 90), (110, 170, 210))[int(rng.integers(3))]
    parts += _eyes(x, y - 0.12 * r, 0.45 * r, 0.25 * r, iris)
    nose = polygon((x - 0.14 * r, y + 0.2 * r), (x + 0.14 * r, y + 0.2 * r), (x, y + 0.4 * r))
    parts.append(Part(nose, Paint(PINK)))
    for side in (-1, 1):
        for rise in (0.25, 0.5):
            whisker = limb(
                (x + side * 0.3 * r, y + 0.4 * r), (x + side * 1.25 * r, y + rise * r), 0.03, 0.02
            )
            parts.append(Part(whisker, Paint(WHITE)))
    return Figure(tuple(parts), f'{pose}-{coat}')


def dog(rng: np.random.Generator) -> Figure:
    """Draw a dog: hanging ears and a muzzle, from the front or from the side."""
    coat, fur = _coat(rng, SMALL_COATS)
    pose, parts, place = _small_body(rng, fur)
    ear_paint = Paint(near(rng, ((70, 50, 38), fur.second)[int(rng.integers(2))]), rough=0.06)
    head = _dog_front if rng.random() < 0.5 else _dog_side
    return Figure((*parts, *head(place, 0.36, fur, ear_paint)), f'{pose}-{coat}')


def _dog_front(place: Point, r: float, fur: Paint, ears: Paint) -> list[Part]:
    x, y = place
    return [
        Part(ellipse(x, y, 0.85 * r, r), fur),
        Part(ellipse(x - 0.9 * r, y + 0.15 * r, 0.32 * r, 0.85 * r, 12), ears),
        Part(ellipse(x + 0.9 * r, y + 0.15 * r, 0.32 * r, 0.85 * r, -12), ears),
        Part(ellipse(x, y + 1.05 * r, 0.2 * r, 0.35 * r), Paint((216, 96, 104))),
        Part(ellipse(x, y + 0.55 * r, 0.58 * r, 0.5 * r), Paint(WHITE, rough=0.05)),
        Part(ellipse(x, y + 0.35 * r, 0.28 * r, 0.2 * r), Paint(BLACK)),
        *_eyes(x, y - 0.25 * r, 0.36 * r, 0.15 * r, (80, 50, 30)),
    ]


def _dog_side(place: Point, r: float, fur: Paint, ears: Paint) -> list[Part]:
    x, y = place
    return [
        Part(ellipse(x, y, 0.9 * r, 0.85 * r), fur),
        Part(
            smooth(
                limb((x - 0.3 * r, y + 0.1 * r), (x - 1.8 * r, y + 0.4 * r), 1.2 * r, 0.7 * r), 1
            ),
            fur,
        ),
        Part(ellipse(x - 1.6 * r, y + 0.15 * r, 0.26 * r, 0.22 * r), Paint(BLACK)),
        Part(
            limb((x - 0.6 * r, y + 0.62 * r), (x - 1.5 * r, y + 0.62 * r), 0.08 * r, 0.08 * r),
            Paint(BLACK),
        ),
        Part(ellipse(x + 0.5 * r, y + 0.25 * r, 0.35 * r, 0.8 * r, -15), ears),
        Part(ellipse(x - 0.4 * r, y - 0.25 * r, 0.14 * r, 0.16 * r), Paint(BLACK)),
    ]


# ---- horse and cow ------------------------------------------------------------------------------


def _large_body(rng: np.random.Generator, hide: Paint) -> list[Part]:
    tail = smooth(polygon((0.85, -0.3), (1.0, -0.25), (1.12, 0.5), (0.98, 0.55), (0.95, 0.1)), 1)
    barrel = polygon(
        (-0.75, -0.4),
        (-0.3, -0.38),
        (0.4, -0.42),
        (0.95, -0.45),
        (1.05, 0.2),
        (0.3, 0.36),
        (-0.7, 0.3),
    )
    parts = [Part(tail, Paint(near(rng, (48, 38, 34)), rough=0.08))]
    for x, step in _stride(rng, 0.4, 0.75):
        parts.append(Part(limb((x, 0.1), (x + step, 0.98), 0.3, 0.13), hide))
        parts.append(Part(box(x + step - 0.08, 0.92, x + step + 0.08, 1.02), Paint((40, 34, 30))))
    return [*parts, Part(smooth(barrel), hide)]


def horse(rng: np.random.Generator) -> Figure:
    """Draw a horse: a long neck with a mane and a long head, up or grazing."""
    coat, hide = _coat(rng, LARGE_COATS)
    pose = pick(rng, ('standing', 'grazing'))
    body = _large_body(rng, hide)
    nape, muzzle = (
        ((-1.0, -0.95), (-1.42, -0.55)) if pose == 'standing' else ((-1.2, 0.25), (-1.5, 0.75))
    )
    mane = Paint(near(rng, ((40, 30, 28), (214, 190, 146))[int(rng.integers(2))]), rough=0.1)
    x, y = nape
    parts = [
        *body,
        Part(limb((-0.42, -0.32), (x + 0.1, y - 0.06), 0.26, 0.3), mane),
        Part(limb((-0.5, -0.08), nape, 0.5, 0.28), hide),
        Part(polygon((x - 0.06, y), (x + 0.02, y - 0.3), (x + 0.12, y)), hide),
        Part(polygon((x + 0.04, y), (x + 0.14, y - 0.28), (x + 0.2, y + 0.02)), hide),
        Part(smooth(limb((x + 0.1, y - 0.08), muzzle, 0.42, 0.24), 1), hide),
        Part(limb((x, y - 0.1), (x + 0.24, y + 0.12), 0.14, 0.12), mane),
        Part(ellipse(muzzle[0] + 0.06, muzzle[1] - 0.06, 0.12, 0.11), Paint((70, 56, 54))),
        Part(ellipse(x - 0.1, y + 0.08, 0.045, 0.05), Paint(BLACK)),
    ]
    return Figure(tuple(parts), f'{pose}-{coat}')


def cow(rng: np.random.Generator) -> Figure:
    """Draw a cow: a broad face with horns and a pink muzzle, up or grazing."""
    coat, hide = _coat(rng, LARGE_COATS)
    pose = pick(rng, ('standing', 'grazing'))
    x, y = (-1.05, -0.5) if pose == 'standing' else (-1.15, 0.5)
    horn = Paint((226, 212, 176))
    parts = [*_large_body(rng, hide), Part(limb((-0.55, -0.05), (x + 0.1, y), 0.62, 0.4), hide)]
    for side in (-1, 1):
        curve = polygon(
            (x + side * 0.1, y - 0.2),
            (x + side * 0.36, y - 0.34),
            (x + side * 0.34, y - 0.62),
            (x + side * 0.2, y - 0.38),
        )
        parts.append(Part(smooth(curve, 1), horn))
        parts.append(Part(ellipse(x + side * 0.34, y - 0.12, 0.17, 0.08, side * 15), hide))
    parts += [
        Part(
            smooth(
                polygon(
                    (x - 0.28, y - 0.32),
                    (x + 0.28, y - 0.32),
                    (x + 0.2, y + 0.36),
                    (x - 0.2, y + 0.36),
                )
            ),
            hide,
        ),
        Part(ellipse(x, y + 0.28, 0.23, 0.16), Paint(near(rng, PINK))),
        Part(ellipse(x - 0.09, y + 0.27, 0.04, 0.05), Paint(BLACK)),
        Part(ellipse(x + 0.09, y + 0.27, 0.04, 0.05), Paint(BLACK)),
        *_eyes(x, y - 0.06, 0.15, 0.05, (60, 40, 30)),
    ]
    return Figure(tuple(parts), f'{pose}-{coat}')


# ---- bird ---------------------------------------------------------------------------------------


def bird(rng: np.random.Generator) -> Figure:
    """Draw a bird: perched, flying or swimming with a long neck."""
    plumage = pick(rng, PLUMAGES)
    body, wing, beak = (Paint(near(rng, colour), rough=0.06) for colour in PLUMAGES[plumage])
    pose = pick(rng, ('perched', 'flying', 'swimming'))
    if pose == 'perched':
        parts = _perched(body, wing, beak)
    elif pose == 'flying':
        parts = _flying(rng, body, wing, beak)
    else:
        parts = _swimming(rng, body, wing, beak)
    return Figure(tuple(parts), f'{pose}-{plumage}', airborne=pose == 'flying')


def _bird_head(x: float, y: float, r: float, body: Paint, beak: Paint) -> list[Part]:
    bill = polygon(
        (x - 0.7 * r, y - 0.4 * r), (x - 1.9 * r, y + 0.2 * r), (x - 0.7 * r, y + 0.5 * r)
    )
    return [
        Part(bill, beak),
        Part(ellipse(x, y, r, r), body),
        Part(ellipse(x - 0.35 * r, y - 0.2 * r, 0.3 * r, 0.3 * r), Paint(WHITE)),
        Part(ellipse(x - 0.38 * r, y - 0.2 * r, 0.16 * r, 0.18 * r), Paint(BLACK)),
    ]


def _perched(body: Paint, wing: Paint, beak: Paint) -> list[Part]:
    return [
        Part(polygon((0.4, 0.1), (1.25, 0.5), (1.15, 0.72), (0.4, 0.45)), wing),
        Part(limb((0.0, 0.5), (-0.05, 1.0), 0.07, 0.06), beak),
        Part(limb((0.22, 0.5), (0.2, 1.0), 0.07, 0.06), beak),
        Part(ellipse(0.05, 0.1, 0.7, 0.48, 25), body),
        Part(ellipse(0.25, 0.1, 0.5, 0.28, 30), wing),
        *_bird_head(-0.5, -0.4, 0.32, body, beak),
    ]


def _flying(rng: np.random.Generator, body: Paint, wing: Paint, beak: Paint) -> list[Part]:
    rise = float(rng.uniform(0.5, 1.0))
    far_wing = polygon((-0.3, 0.0), (0.0, -rise), (0.75, -1.1 * rise), (0.45, -0.4), (0.3, 0.0))
    near_wing = polygon(
        (-0.2, 0.05), (0.15, 0.6 * rise), (0.85, 0.9 * rise), (0.6, 0.3), (0.4, 0.0)
    )
    return [
        Part(smooth(far_wing, 1), wing),
        Part(polygon((0.5, -0.05), (1.1, -0.2), (1.2, 0.05), (1.05, 0.2), (0.5, 0.15)), wing),
        Part(ellipse(0.05, 0.03, 0.7, 0.24, 2), body),
        Part(smooth(near_wing, 1), wing),
        *_bird_head(-0.68, -0.08, 0.24, body, beak),
    ]


def _swimming(rng: np.random.Generator, body: Paint, wing: Paint, beak: Paint) -> list[Part]:
    hull = polygon((-0.75, 0.2), (0.2, -0.05), (1.15, -0.15), (0.9, 0.5), (-0.4, 0.62))
    return [
        Part(smooth(polygon((-0.75, 0.3), (-0.8, -0.6), (-0.5, -0.6), (-0.3, 0.1))), body),
        Part(smooth(hull), body),
        Part(blob(rng, 0.3, 0.18, 0.5, 0.22), wing),
        *_bird_head(-0.68, -0.6, 0.25, body, beak),
    ]
