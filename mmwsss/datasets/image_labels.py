"""Label files: which classes each image shows, and nothing about where.

A JSON file maps the id of an image to its class names; an image that shows background only has an
empty list::

    {"2007_000032": ["aeroplane", "person"], "2007_000033": []}

A CSV file has one image per row, the id first. A header such as ``image_id,classes`` may be there.
The classes follow in one column or several; within a column they are separated by semicolons
or bars, or, where there is none in the file, by spaces (`mmwsss.datasets.class_names`). A column
that is a class name as it stands is that class. A row ``id,`` (with the comma) is an image that
shows background only::

    image_id,classes
    2007_000032,aeroplane person
    2007_000033,dining table;potted plant
    2007_000034,dining table,cat
    2007_000035,

A table of 0 and 1 has a class per column; columns may be parted by tabs or semicolons, too::

    image,aeroplane,person
    2007_000032,1,1
    2007_000035,0,0

A text file has one image per line, the id and the class names separated by spaces; a line with the
id alone is an image that shows background only::

    2007_000032 aeroplane person
    2007_000033

Files that annotation tools export are read as they are (`mmwsss.datasets.label_exports`): JSON and
CSV of Label Studio, JSON of COCO, XML of CVAT.

An id is the image's file name without folder and suffix. Where two images would have the same, it
is their path, with two underscores between the parts: ``cat/1.jpg`` is ``cat__1``.
"""

import difflib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np

from mmwsss import structures
from mmwsss.structures import IMAGE_SUFFIXES, atomic_path

from .class_names import name_splitter, says_nothing
from .label_exports import cvat_export, folder_export, json_export
from .label_tables import read_table

_CONVERTER = '`mmwsss convert labels`'
_SUFFIXES = ('.json', '.csv', '.tsv', '.txt', '.xml')
_TABLE = re.compile(r'\s*[^\s,;|]+[,;|]')  # whatever its suffix
_WORD = re.compile(r'\s*(\S+)')
_IMAGE = re.compile(rf'\s*(\S.*?({"|".join(map(re.escape, IMAGE_SUFFIXES))}))(?=[\s:]|$)', re.I)
_BETWEEN = re.compile(r'[+/&|,;:\\]')  # what people write between names
_SHEETS = ('.xlsx', '.xls', '.ods')
_PICKLES = ('.npy', '.npz', '.pkl', '.pickle', '.pth', '.pt')

NO_CLASS = (
    'an image of background only has no class (an empty list, or nothing after the id), and one '
    'that nobody has looked at has no entry.'
)

_Entry = tuple[str, str, list[str]]


class _Pairs(list[tuple[str, Any]]):
    """A JSON object that keeps a key which is there twice."""


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
        path: A ``.json``, ``.csv``, ``.tsv``, ``.txt`` or ``.xml`` file.
        classes: The foreground classes; a name that is not among them is an error.

    Returns:
        For each image id its classes, each once, in the order of `classes`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed; the message names the place and the cure.
    """
    path = Path(path)
    _, entries = _read_entries(path, classes)
    for place, _, names in entries:
        for name in names:
            _check_class(name, classes, place)
    labels = {
        image_id: tuple(name for name in classes if name in names) for _, image_id, names in entries
    }
    if not labels:
        raise ValueError(f'{path} has no image in it; write it anew with {_CONVERTER}.')
    return labels


def read_image_labels(
    path: str | os.PathLike[str], images: Collection[str] = ()
) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Read labels whose classes are not known: those of a data set nobody has described.

    Where nothing but spaces is between names, words are classes (`name_splitter`).

    Args:
        path: A file as for `load_image_labels`, or a folder of files of LabelMe, YOLO or Pascal
            VOC.
        images: Ids that there are. One that is the end of an image's path in the file, as
            ``train__1`` of ``data/train/1.jpg``, is its id.

    Returns:
        What the file is, in words; and for each image id its class names, each once, sorted.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is malformed; the message names the place and the cure.
    """
    kind, entries = _read_entries(Path(path), (), images)
    return kind, {image_id: tuple(sorted(set(names))) for _, image_id, names in entries}


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


def _read_entries(
    path: Path, classes: Sequence[str], images: Collection[str] = ()
) -> tuple[str, list[_Entry]]:
    """Return what a file is, and ``(place in the file, image id, class names)`` of each entry."""
    kind, found = _entries(path, classes)
    entries = list(found)
    ids = image_ids([image for _, image, _ in entries], images)
    places: set[str] = set()
    for image_id, (place, _, _) in zip(ids, entries, strict=True):
        if image_id in places:
            raise ValueError(f'{place}: image {image_id!r} is there twice; merge the two entries.')
        places.add(image_id)
    return kind, [(place, i, names) for i, (place, _, names) in zip(ids, entries, strict=True)]


def image_ids(names: Sequence[str], images: Collection[str] = ()) -> list[str]:
    """Return the ids of images: their names without folders and suffix, where these differ.

    Args:
        names: Names or paths of images.
        images: Ids that are taken where they are the end of a path.

    Example:
        >>> image_ids(['cat_1', 'a/2.JPG', 'v1.5'])
        ['cat_1', '2', 'v1.5']
        >>> image_ids(['cat/1.jpg', 'dog/1.jpg'])
        ['cat__1', 'dog__1']
        >>> image_ids(['https://host/my%20cat.jpg?size=2'])
        ['my cat']
        >>> image_ids(['data/train/1.jpg', 'data/2.jpg'], ['train__1', 'test__1', '2'])
        ['train__1', '2']
    """
    paths = [PurePosixPath(_path_of(name)) for name in names]
    paths = [p.with_suffix('') if p.suffix.lower() in IMAGE_SUFFIXES else p for p in paths]
    counts = Counter(path.name for path in paths)
    ids = []
    for path in paths:
        tails = ('__'.join(path.parts[start:]) for start in range(len(path.parts)))
        usual = '__'.join(path.parts) if counts[path.name] > 1 else path.name
        ids.append(next((tail for tail in tails if tail in images), usual))
    return ids


def _path_of(name: str) -> str:
    """Return the path in the name of an image, which may be a URL or one of Windows."""
    return unquote(urlsplit(name).path) if '://' in name else name.replace('\\', '/')


def _entries(path: Path, classes: Sequence[str]) -> tuple[str, Iterable[_Entry]]:
    """Return what a file is, and its entries with the names of images as they stand there."""
    suffix = path.suffix.lower()
    if path.is_dir():
        return _named(path, _damage_named(path, folder_export, path))
    if suffix in _PICKLES:
        raise ValueError(
            f'{path} is not read, because a {suffix} file of labels is a pickle and a pickle runs '
            f'code; write a JSON file with {_CONVERTER}.'
        )
    if suffix in _SHEETS:
        raise ValueError(f'{path} is a spreadsheet: save its table as CSV.')
    if suffix not in _SUFFIXES:
        raise ValueError(
            f'{path}: a label file ends in .json, .csv or .txt, not {suffix!r}; '
            f'write one with {_CONVERTER}.'
        )
    text = read_text(path)
    if suffix in ('.csv', '.tsv', '.txt') and text.lstrip().startswith(('{', '[{')):
        raise ValueError(f'{path} holds JSON: give it a name that ends in .json')
    if suffix == '.json':
        return _json_entries(path, text)
    if suffix == '.xml':
        return _named(path, _damage_named(path, cvat_export, _parse_xml(path, text)))
    if suffix == '.txt' and not _TABLE.match(text):
        return 'a text file of names', text_entries(path, text, classes)
    return read_table(path, text, classes)


def _damage_named(path: Path, read: Callable[[Any], Any], content: Any) -> Any:
    """Read an export; what it should have and has not is said with its file."""
    try:
        return read(content)
    except (KeyError, TypeError, AttributeError, IndexError, StopIteration) as error:
        said = f'{type(error).__name__}: {error}'
        raise ValueError(
            f'{path} looks like the export of an annotation tool, but is not whole ({said}): '
            f'export it anew, or write a label file with {_CONVERTER}.'
        ) from error


def _named(
    path: Path, export: tuple[str, list[tuple[str, list[str]]]] | None
) -> tuple[str, Iterable[_Entry]]:
    if export is None:
        raise ValueError(
            f'{path} is no export that is known: XML of CVAT ("for images"), or a folder of files '
            'of LabelMe, YOLO (with classes.txt or data.yaml) or Pascal VOC.'
        )
    kind, found = export
    return kind, ((f'{path}, image {image!r}', image, names) for image, names in found)


def _parse_xml(path: Path, text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f'{path} is not XML ({error}); export it anew.') from error


def text_entries(
    path: Path, text: str, classes: Sequence[str] = ()
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield ``(place in the file, image id, class names)`` of lines ``id name name ...``.

    A colon after the id is none of it, commas may part names, and lines of ``#`` are remarks.

    Args:
        path: For messages.
        text: The content of the file.
        classes: The known classes.

    Raises:
        ValueError: Words may be one name or several.
    """
    lines = []
    for number, line in enumerate(text.replace('\t', ' ').splitlines(), start=1):
        if line.strip() and not line.startswith('#'):
            # a name of an image with its suffix may have spaces
            image = _IMAGE.match(line) or _WORD.match(line)
            assert image is not None
            lines.append((number, image[1], line[image.end() :]))
    cells = [(number, rest.strip(' ,')) for number, _, rest in lines if rest.strip(' ,')]
    split = name_splitter(path, cells, classes)
    for number, image_id, rest in lines:
        yield f'{path}, line {number}', image_id.rstrip(':'), split(rest.strip(' ,'))


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
    if what := structures.odd_content(path):
        if 'ZIP' in what:
            what = ': it is a spreadsheet, or another archive: save its table as CSV'
        if 'empty' not in what:
            raise ValueError(f'{path} is no text{what}')
    text = structures.read_text(path)
    if not text.strip():
        raise ValueError(f'{path} is empty; write it anew with {_CONVERTER}.')
    return text


def _json_entries(path: Path, text: str) -> tuple[str, Iterable[_Entry]]:
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise ValueError(
            f'{path}, line {error.lineno}: not JSON ({error.msg}); '
            f'correct the line, or write the file anew with {_CONVERTER}.'
        ) from error
    if export := _damage_named(path, json_export, json.loads(text)):
        return _named(path, export)
    if not isinstance(pairs, _Pairs):
        raise ValueError(
            f'{path} holds a JSON {type(pairs).__name__}; '
            'it must be one object like {"image id": ["cat", "dog"]}.'
        )
    return 'a JSON file of names', _pair_entries(path, pairs)


def _pair_entries(path: Path, pairs: _Pairs) -> Iterator[_Entry]:
    for image_id, names in pairs:
        place = f'{path}, image {image_id!r}'
        is_list = isinstance(names, list) and not isinstance(names, _Pairs)
        if not is_list or not all(isinstance(name, str) for name in names):
            raise ValueError(f'{place}: the classes must be a list of names like ["cat", "dog"].')
        yield place, image_id, names


def _check_class(name: str, classes: Sequence[str], place: str) -> None:
    if name in classes:
        return
    lower = {known.lower(): known for known in classes}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    cure = f'did you mean {lower[close[0]]!r}?' if close else f'known are {", ".join(classes)}.'
    if not close and place.endswith(', line 1'):
        cure += ' A line that names the columns is `image,class`.'
    if says_nothing(name):
        cure = NO_CLASS
    elif several := name_parts(name, classes):
        cure = f'for {" and ".join(several)}, part names by semicolons.'
    raise ValueError(f'{place}: unknown class {name!r}; {cure}')


def name_parts(name: str, classes: Collection[str]) -> list[str]:
    """Return the names that one is made of by a mark between them; none if none is a class.

    Example:
        >>> name_parts('cat+dog', ['cat', 'cow']), name_parts('cat', ['cat'])
        (['cat', 'dog'], [])
    """
    parts = [part.strip() for part in _BETWEEN.split(name)]
    return parts if len(parts) > 1 and any(part in classes for part in parts) else []
