"""An image as annotation tools see it, and what all their formats need to find it again."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, TypeAlias

import numpy as np

from .regions import Region

# by id: the regions of an image, or the whole mask where the format has masks
Annotations: TypeAlias = dict[str, list[Region] | np.ndarray]


@dataclass(frozen=True)
class AnnotatedImage:
    """An image, its mask, and the mask's regions.

    Attributes:
        id: File name of the image without suffix.
        image: Its file.
        mask: File of the mask.
        size: ``(H, W)``.
        regions: Of the mask.
    """

    id: str
    image: Path
    mask: Path
    size: tuple[int, int]
    regions: list[Region]


def id_of(name: str, images: Mapping[str, AnnotatedImage], place: Path) -> str:
    """Return the id of the image that a tool calls `name`: a file name, a path or an address.

    Args:
        name: As the tool has it.
        images: What was exported, by id.
        place: The file that names it, for the message.

    Raises:
        ValueError: It was not exported.
    """
    path = PureWindowsPath(name)  # which takes both kinds of slashes
    if path.stem in images:
        return path.stem
    parts = path.parts
    same = [key for key, image in images.items() if image.image.parts[-len(parts) :] == parts]
    if len(same) == 1:
        return same[0]
    raise ValueError(
        f'{place} annotates {name}, which is none of the {len(images)} images that were '
        'exported: take it out, or export the masks of a run that has it'
    )


def file_names(images: Sequence[AnnotatedImage]) -> dict[str, str]:
    """Return by id what a tool is to call each image: its file name, or as much of its path.

    Example:
        >>> files = ('a/1', 'b/1', '2')
        >>> file_names([AnnotatedImage(f, Path('x', f), Path(), (1, 1), []) for f in files])
        {'a/1': 'a/1', 'b/1': 'b/1', '2': '2'}
    """
    names = {image.id: image.image.name for image in images}
    for length in range(2, 1 + max((len(image.image.parts) for image in images), default=0)):
        counts = Counter(names.values())
        longer = {
            image.id: Path(*image.image.parts[-length:]).as_posix()
            for image in images
            if counts[names[image.id]] > 1
        }
        if not longer:
            break
        names |= longer
    return names


def find_file(source: Path, name: str) -> Path:
    """Return the file that a tool has saved: itself, or the only one of its kind in a folder.

    Args:
        source: The file, or a folder, such as of an archive.
        name: That the file has when it is written here.

    Raises:
        FileNotFoundError: The folder has none, or several.
    """
    if not source.is_dir() or (source / name).is_file():
        return source / name if source.is_dir() else source
    found = sorted(source.rglob(f'*{Path(name).suffix}'))
    if len(found) == 1:
        return found[0]
    there = ', '.join(path.name for path in found[:3]) or 'none'
    raise FileNotFoundError(
        f'{source} has no {name}; of {Path(name).suffix} files there are {there}: give the file '
        'that the annotation tool has saved'
    )


def check_size(size: tuple[int, int], image: AnnotatedImage, place: Path) -> None:
    """Raise ValueError if a file knows an image in another size ``(H, W)`` than it has."""
    if tuple(size) != image.size:
        raise ValueError(
            f'{place} has {image.id} with {size[1]} x {size[0]} pixels, but it was exported with '
            f'{image.size[1]} x {image.size[0]}: annotate the image in its own size'
        )


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: It is none; with its name.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except ValueError as error:
        raise ValueError(f'{path} is no JSON ({error})') from error


def corners(points: Any, place: str) -> np.ndarray:
    """Return corners as ``(n, 2)`` float64.

    Args:
        points: Pairs of numbers.
        place: Where they stand, for the message.

    Raises:
        ValueError: They are less than three, or no pairs of finite numbers.
    """
    try:
        ring = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        ring = np.empty(0)
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not np.isfinite(ring).all():
        raise ValueError(f'{place} is no outline: it needs three corners of x and y')
    return ring
