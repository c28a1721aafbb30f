"""Label files: which classes each image shows, and nothing about where.

A JSON file maps the id of an image to its class names; an image that shows background only has an
empty list::

    {"2007_000032": ["aeroplane", "person"], "2007_000033": []}

A CSV file (UTF-8, commas) has one image per row, the id first. The header ``image_id,classes`` may
be there or not. The classes follow in one column or several; within a column they are separated by
semicolons, or, where no semicolon is written, by spaces. A column that is a class name as it stands
is that class, so names with spaces need a semicolon or a column each. A row ``id,`` (with the
comma) is an image that shows background only::

    image_id,classes
    2007_000032,aeroplane person
    2007_000033,dining table;potted plant
    2007_000034,dining table,cat
    2007_000035,

A text file has one image per line, the id and the class names separated by spaces; a line with the
id alone is an image that shows background only::

    2007_000032 aeroplane person
    2007_000033

An id is the image's file name without folder and suffix.
"""

import csv
import difflib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmwsss import structures
from mmwsss.structures.files import atomic_path

_CONVERTER = '`mmwsss convert labels`'
_HEADER = ['image_id', 'classes']
_PICKLES = ('.npy', '.npz', '.pkl', '.pickle', '.pth', '.pt')


def foreground_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """Give the classes of a data set without its background.

    Args:
        classes: All class names; the first one may be the background, in any case.

    Example:
        >>> foreground_classes(['Background', 'cat', 'dog'])
        ('cat', 'dog')
        >>> foreground_classes(['cat', 'dog'])
        ('cat', 'dog')
    """
    first_is_background = bool(classes) and classes[0].lower() == 'background'
    return tuple(classes[1:] if first_is_background else classes)


def to_multi_hot(names: Collection[str], classes: Sequence[str]) -> np.ndarray:
    """Give an image label as zeros and ones, int64 of shape ``(N,)``.

    Args:
        names: The classes in the image, all of them in `classes`.
        classes: The N foreground classes.

    Example:
        >>> to_multi_hot(['dog'], ['cat', 'dog', 'cow'])
        array([0, 1, 0])
    """
    return np.array([name in names for name in classes], dtype=np.int64)


def load_image_labels(
    path: str | os.PathLike[str], classes: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Read a label file; the formats are described at the top of this module.

    Args:
        path: A ``.json``, ``.csv`` or ``.txt`` file.
        classes: The foreground classes; a name that is not among them is an error.

    Returns:
        For each image id its classes, each once, in the order of `classes`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed; the message names the place and the cure.
    """
    path = Path(path)
    labels: dict[str, tuple[str, ...]] = {}
    for place, image_id, names in _entries(path, classes):
        if image_id in labels:
            raise ValueError(f'{place}: image {image_id!r} is there twice; merge the two entries.')
        for name in names:
            _check_class(name, classes, place)
        labels[image_id] = tuple(name for name in classes if name in names)
    if not labels:
        raise ValueError(f'{path} has no image in it; write it anew with {_CONVERTER}.')
    return labels


def save_image_labels(path: str | os.PathLike[str], labels: Mapping[str, Collection[str]]) -> None:
    """Write a JSON label file, one image per line, ids and class names sorted.

    The file appears when it is complete. Equal labels give equal bytes.

    Args:
        path: The ``.json`` file.
        labels: The class names of each image id.

    Raises:
        ValueError: `path` does not end with ``.json``.
    """
    if Path(path).suffix.lower() != '.json':
        raise ValueError(f'{path}: label files are written as JSON; give a name ending in .json.')
    lines = [
        f'{json.dumps(image_id, ensure_ascii=False)}: '
        + json.dumps(sorted(set(labels[image_id])), ensure_ascii=False)
        for image_id in sorted(labels)
    ]
    with atomic_path(path) as temporary:
        temporary.write_text('{\n' + ',\n'.join(lines) + '\n}\n', encoding='utf-8')


def _entries(path: Path, classes: Sequence[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield ``(place in the file, image id, class names)`` of each entry."""
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        raise ValueError(
            f'{path} is not read, because a {suffix} file of labels is a pickle and a pickle runs '
            f'code; write a JSON file with {_CONVERTER}.'
        )
    if suffix not in ('.json', '.csv', '.txt'):
        raise ValueError(
            f'{path}: a label file ends in .json, .csv or .txt, not {suffix!r}; '
            f'write one with {_CONVERTER}.'
        )
    text = read_text(path)
    if suffix == '.json':
        return _json_entries(path, text)
    return text_entries(path, text) if suffix == '.txt' else _csv_entries(path, text, classes)


def text_entries(path: Path, text: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield ``(place in the file, image id, class names)`` of lines ``id name name ...``."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            image_id, *names = line.split()
            yield f'{path}, line {number}', image_id, names


def read_text(path: Path) -> str:
    """Read a label file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, or no text.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no label file {path}; check `label_file`, or write it with {_CONVERTER}.'
        )
    text = structures.read_text(path)
    if not text.strip():
        raise ValueError(f'{path} is empty; write it anew with {_CONVERTER}.')
    return text


def _json_entries(path: Path, text: str) -> Iterator[tuple[str, str, list[str]]]:
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise ValueError(
            f'{path}, line {error.lineno}: not JSON ({error.msg}); '
            f'correct the line, or write the file anew with {_CONVERTER}.'
        ) from error
    if not isinstance(pairs, _Pairs):
        raise ValueError(
            f'{path} holds a JSON {type(pairs).__name__}; '
            'it must be one object like {"image id": ["cat", "dog"]}.'
        )
    for image_id, names in pairs:
        place = f'{path}, image {image_id!r}'
        is_list = isinstance(names, list) and not isinstance(names, _Pairs)
        if not is_list or not all(isinstance(name, str) for name in names):
            raise ValueError(f'{place}: the classes must be a list of names like ["cat", "dog"].')
        yield place, image_id, names


class _Pairs(list[tuple[str, Any]]):
    """A JSON object that keeps a key which is there twice."""


def _csv_entries(
    path: Path, text: str, classes: Sequence[str]
) -> Iterator[tuple[str, str, list[str]]]:
    reader = csv.reader(text.splitlines())
    for number, row in enumerate(reader):
        cells = [cell.strip() for cell in row]
        place = f'{path}, line {reader.line_num}'
        if not any(cells) or (number == 0 and [cell.lower() for cell in cells] == _HEADER):
            continue
        if not cells[0]:
            raise ValueError(f'{place}: the image id is missing; a row is `id,class class`.')
        if len(cells) == 1:
            raise ValueError(
                f'{place}: no comma after the image id {cells[0]!r}; a row is `id,class class`, '
                'or `id,` for an image that shows background only.'
            )
        yield place, cells[0], [name for cell in cells[1:] for name in _split(cell, classes)]


def _split(cell: str, classes: Sequence[str]) -> list[str]:
    """Give the class names in one column of a CSV file."""
    if cell in classes:
        return [cell]
    names = cell.split(';') if ';' in cell else cell.split()
    return [name.strip() for name in names if name.strip()]


def _check_class(name: str, classes: Sequence[str], place: str) -> None:
    if name in classes:
        return
    lower = {known.lower(): known for known in classes}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    cure = f'did you mean {lower[close[0]]!r}?' if close else f'known are {", ".join(classes)}.'
    raise ValueError(f'{place}: unknown class {name!r}; {cure}')
