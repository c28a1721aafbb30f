"""Making files of segments: by superpixels in several processes, or by a network."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from mmwsss.models.segment_anything import NETWORKS, SegmentAnything
from mmwsss.seeds.processes import run_in_processes
from mmwsss.seeds.segments import load_segments, save_segment_map, save_segment_masks
from mmwsss.seeds.superpixels import SUPERPIXELS, Superpixels, check_scikit_image
from mmwsss.structures import check_choice, image_size, read_image
from mmwsss.terminal import progress

METHODS: dict[str, type[Superpixels] | type[SegmentAnything]] = {**SUPERPIXELS, **NETWORKS}
Maker = Superpixels | SegmentAnything


@dataclass(frozen=True)
class SegmentItem:
    """One image to make segments of.

    Attributes:
        id: Name of the file, without its suffix.
        image_path: File of the image.
    """

    id: str
    image_path: Path


def segment_maker(method: str, options: Mapping[str, Any], where: str = 'options') -> Maker:
    """Return what makes segments, with its settings.

    Args:
        method: One of `METHODS`.
        options: Fields of its class that differ from the defaults.
        where: Place of the options, for messages.

    Raises:
        ValueError: The method or an option is unknown, or one is missing or out of its range.
    """
    check_choice('method', method, METHODS)
    kind = METHODS[method]
    for name in options:
        check_choice(f'an option of {where} for {method}', name, [f.name for f in fields(kind)])
    needed = [field.name for field in fields(kind) if field.default is MISSING]
    if missing := [name for name in needed if not options.get(name)]:
        raise ValueError(f'{where} for {method} needs {", ".join(missing)}')
    return kind(**options)


def check_maker(maker: Maker) -> None:
    """Look for the packages and files that making segments needs.

    Raises:
        ModuleNotFoundError: A package is missing.
        FileNotFoundError: Weights are missing.
    """
    if isinstance(maker, SegmentAnything):
        maker.check()
    else:
        check_scikit_image()


def make_segments(
    items: Sequence[SegmentItem],
    out_dir: str | os.PathLike[str],
    maker: Maker,
    processes: int = 1,
    resume: bool = False,
) -> int:
    """Write the segments of every image: ``<id>.png`` of superpixels, ``<id>.json`` of a network.

    Args:
        items: The images, each id once.
        out_dir: Where the files go.
        maker: What cuts the images, of `segment_maker`.
        processes: For superpixels; a network works in this one.
        resume: Keep files that can be read and fit their image. They must come from the same
            settings.

    Returns:
        Number of files written.

    Raises:
        ValueError: An image failed; the message names it.
    """
    check_maker(maker)
    out_dir = Path(out_dir)
    is_network = isinstance(maker, SegmentAnything)
    suffix = '.json' if is_network else '.png'
    todo = [item for item in items if not (resume and _is_made(item, out_dir, suffix))]
    if isinstance(maker, SegmentAnything):
        generator = maker.build() if todo else None
        work = partial(_ask_network, generator=generator, out_dir=out_dir)
    else:
        work = partial(_cut, superpixels=maker, out_dir=out_dir)
    with progress('segments', len(items), initial=len(items) - len(todo)) as bar:
        for _ in run_in_processes(work, todo, 1 if is_network else processes):
            bar.update()
    return len(todo)


def _cut(item: SegmentItem, superpixels: Superpixels, out_dir: Path) -> None:
    try:
        label_map = superpixels.cut(read_image(item.image_path))
        save_segment_map(out_dir / f'{item.id}.png', label_map)
    except Exception as error:
        raise ValueError(f'image {item.id}: {error}') from error


def _ask_network(item: SegmentItem, generator: Any, out_dir: Path) -> None:
    try:
        annotations = generator.generate(read_image(item.image_path))
        save_segment_masks(out_dir / f'{item.id}.json', annotations)
    except Exception as error:
        raise ValueError(f'image {item.id}: {error}') from error


def _is_made(item: SegmentItem, out_dir: Path, suffix: str) -> bool:
    try:
        load_segments(out_dir / f'{item.id}{suffix}', image_size(item.image_path))
    except (FileNotFoundError, ValueError):
        return False
    return True
