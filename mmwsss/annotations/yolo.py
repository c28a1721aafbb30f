"""YOLO's segments: a text file per image, a line per region, corners as shares of the sides."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from mmwsss.structures import atomic_path

from .images import AnnotatedImage, Annotations, corners, id_of
from .regions import Region, box_ring, label_of

LABELS, NAMES = 'labels', 'data.yaml'
_NO_LABELS = ('classes.txt', 'obj.names', 'train.txt', 'val.txt', 'README.txt')
_BOX = 4  # numbers of a box: centre and sides


def write(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Write ``labels/<id>.txt`` of every image, and the names of the classes."""
    for image in images:
        height, width = image.size
        lines = []
        for region in image.regions:
            assert region.ring is not None
            shares = (region.ring / (width, height)).ravel()
            lines.append(' '.join([str(region.label - 1), *(f'{share:.7f}' for share in shares)]))
        with atomic_path(out / LABELS / f'{image.id}.txt') as temporary:
            temporary.write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')
    # JSON's strings are YAML's, too
    names = [f'  {label}: {json.dumps(name)}\n' for label, name in enumerate(classes[1:])]
    with atomic_path(out / NAMES) as temporary:
        temporary.write_text(f'names:\n{"".join(names)}', encoding='utf-8')


def read(source: Path, images: Mapping[str, AnnotatedImage], classes: Sequence[str]) -> Annotations:
    """Read a folder with ``labels/*.txt``, or of such files; an empty file is background.

    Raises:
        ValueError: There is no such file, an image was not exported, or a class is unknown.
    """
    folder = source / LABELS if (source / LABELS).is_dir() else source
    files = sorted(path for path in folder.rglob('*.txt') if path.name not in _NO_LABELS)
    if not files:
        raise ValueError(f'{source} has no {LABELS}/*.txt')
    names = _names(source, classes)
    found: Annotations = {}
    for path in files:
        image = images[id_of(path.name, images, path)]
        lines = enumerate(path.read_text(encoding='utf-8').splitlines(), start=1)
        found[image.id] = [
            _region(line.split(), image.size, names, classes, f'line {number} of {path}')
            for number, line in lines
            if line.strip()
        ]
    return found


def _names(source: Path, classes: Sequence[str]) -> dict[int, str]:
    """Return the names by number: those of the folder, or else those that were exported."""
    files = sorted(source.glob('*.y*ml'))
    names = yaml.safe_load(files[0].read_text(encoding='utf-8')).get('names') if files else None
    if names is None:
        names = list(classes[1:])
    return dict(names) if isinstance(names, dict) else dict(enumerate(names))


def _region(
    words: Sequence[str],
    size: tuple[int, int],
    names: Mapping[int, str],
    classes: Sequence[str],
    place: str,
) -> Region:
    try:
        number, shares = int(words[0]), np.array([float(word) for word in words[1:]])
    except ValueError as error:
        raise ValueError(f'{place} is no class with numbers ({error})') from error
    label = label_of(names.get(number, str(number)), classes, place)
    scale = (size[1], size[0])
    if len(shares) == _BOX:
        (x, y), (width, height) = shares[:2], shares[2:]
        box = box_ring(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return Region(label, box * scale)
    if len(shares) % 2:
        raise ValueError(f'{place} has an odd number of coordinates')
    return Region(label, corners(shares.reshape(-1, 2), place) * scale)
