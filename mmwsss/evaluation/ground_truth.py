"""A look at ground truth before anything is judged by it."""

import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmwsss.seeds.masks import IGNORE_INDEX, load_mask
from mmwsss.structures import image_size, read_header

MASKS_OPENED = 200  # ours: of a large data set so many, evenly spread
_THREADS = 4
_CURE = (
    '0 is the background, 1 the first class, 2 the second, and {ignore} is ignored: write the '
    "objects' pixels with the numbers of their classes"
)


@dataclass(frozen=True)
class MaskToCheck:
    """A mask of ground truth and what is known of its image.

    Attributes:
        path: Of the mask.
        image_path: Of its image, or None.
        classes: Foreground classes of the image label, 0..N-1; None where there is no label.
    """

    path: Path
    image_path: str | None = None
    classes: Collection[int] | None = None


def mask_fault(mask: MaskToCheck) -> str | None:
    """Say why a mask could not be the ground truth of its image, by the headers.

    Returns:
        The reason with the file's name, or None.
    """
    try:
        header = read_header(mask.path)
        size = image_size(mask.image_path) if mask.image_path else header.size
    except (OSError, ValueError) as error:
        return str(error)
    if header.mode not in ('P', 'L'):
        return (
            f'{mask.path} is a picture (mode {header.mode}), but a mask holds one class index per '
            'pixel'
        )
    if header.size != size:
        (height, width), (image_height, image_width) = header.size, size
        return (
            f'{mask.path} is {width} x {height} pixels, its image {mask.image_path} '
            f'{image_width} x {image_height}'
        )
    return None if header.whole else f'{mask.path} is cut off: its end is missing'


def check_masks(masks: Sequence[MaskToCheck], classes: Sequence[str], limit: int = 3) -> str | None:
    """Look whether masks hold the classes of a data set, in all of them or in evenly spread ones.

    Args:
        masks: Ground truth, with the image labels where there are any.
        classes: Names of the foreground classes.
        limit: How many masks a message names.

    Returns:
        A sentence about masks that hold none of the classes of their image, or None.

    Raises:
        ValueError: A mask cannot be opened or has a value that is no class; or no mask holds a
            class; or most hold none of those that their images are labelled with.
    """
    step = -(-len(masks) // MASKS_OPENED)
    opened = list(masks[:: max(step, 1)])
    with ThreadPoolExecutor(_THREADS) as pool:
        values = list(pool.map(_values, opened))
    _refuse_other_values(dict(zip((mask.path for mask in opened), values, strict=True)), classes)
    labels = [{value - 1 for value in found} - {-1, IGNORE_INDEX - 1} for found in values]
    if not any(labels):
        seen = sorted(set().union(*values))
        raise ValueError(
            f'none of the {len(opened)} masks in {opened[0].path.parent} that were opened holds a '
            f'class, they have the values {", ".join(map(str, seen))}: {_cure()}'
        )
    labelled = [(mask, found) for mask, found in zip(opened, labels, strict=True) if mask.classes]
    strangers = [mask.path.name for mask, found in labelled if not found & set(mask.classes or ())]
    if not strangers:
        return None
    text = (
        f'of {len(labelled)} masks of labelled images in {opened[0].path.parent} {len(strangers)} '
        f"hold none of their image's classes, among them {', '.join(strangers[:limit])}"
    )
    if 2 * len(strangers) > len(labelled):
        raise ValueError(f'{text}: they belong to other images, or {_cure()}')
    return text


def _values(mask: MaskToCheck) -> set[int]:
    return set(np.unique(load_mask(mask.path)).tolist())


def _refuse_other_values(
    values: Mapping[str | os.PathLike[str], Collection[int]], classes: Sequence[str]
) -> None:
    for path, found in values.items():
        odd = [value for value in found if len(classes) < value != IGNORE_INDEX]
        if odd:
            raise ValueError(
                f'{path} has the value {min(odd)}, but there are {len(classes)} classes, '
                f'{", ".join(classes[:3])}{", ..." if len(classes) > 3 else ""}: {_cure()}'
            )


def _cure() -> str:
    return _CURE.format(ignore=IGNORE_INDEX)
