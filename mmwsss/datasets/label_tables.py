"""Label files that are tables: what their rows and columns mean, whatever they are separated by."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

ID_COLUMNS = (
    'image_id', 'image', 'id', 'img', 'file', 'filename', 'file_name', 'image_name', 'name', 'path',
)  # fmt: skip
CLASS_COLUMNS = (
    'class', 'classes', 'label', 'labels', 'tag', 'tags', 'category', 'categories', 'choice',
)  # fmt: skip
_LABEL_STUDIO = 'choice'  # its column; the image has one of its own
_YES, _NO = {'1', '1.0', 'true', 'yes'}, {'0', '0.0', 'false', 'no', ''}
_COLUMNS, _WORDS = (',', '\t', ';', '|'), (';', '|')  # between columns; between names in a column

Entry = tuple[str, str, list[str]]


def read_table(path: Path, text: str, classes: Sequence[str]) -> tuple[str, Iterator[Entry]]:
    """Read a table with one image per row.

    A table of 0 and 1 has a class per column, named in its header; any other has the names of the
    classes of an image in one column or in several. The first column is the image. ``background``
    alone in a row is no class.

    Args:
        path: For messages.
        text: The content of the file.
        classes: The known classes; a column that is one as it stands is not split at its spaces.

    Returns:
        What the table is, in words; and ``(place in the file, image, class names)`` of each row.

    Raises:
        ValueError: A row has no image, or no class column, or a cell of a 0/1 table is neither.
    """
    separator = _separator(text)
    reader = csv.reader(text.splitlines(), delimiter=separator)
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    rows = [(number, row) for number, row in rows if any(row)]
    header = [cell.lower() for cell in rows[0][1]]
    named = {',': 'commas', '\t': 'tabs', ';': 'semicolons', '|': 'bars'}[separator]
    if _LABEL_STUDIO in header and 'image' in header:
        columns = header.index('image'), header.index(_LABEL_STUDIO)
        return 'a CSV export of Label Studio', _choices(path, rows[1:], *columns)
    if _is_one_hot(rows):
        names = rows[0][1][1:]
        kind = f'a table of 0 and 1 between {named}: columns are classes'
        return kind, _one_hot(path, rows[1:], names)
    if header[0] in ID_COLUMNS and all(name in CLASS_COLUMNS for name in header[1:]):
        rows = rows[1:]
    # semicolons or bars anywhere: what they are not, is one name
    between = next((word for word in _WORDS if word != separator and word in text), None)
    return (
        f'a table of names between {named}',
        _names(path, rows, classes, between if between != ';' else None),
    )


def _separator(text: str) -> str:
    """Return what parts columns: what every line has; of several, the first that a line has."""
    lines = [line for line in text.splitlines() if line.strip()]
    common = [mark for mark in _COLUMNS if all(mark in line for line in lines)]
    if not common:
        return ','
    return min(common, key=lines[0].index)


def _is_one_hot(rows: Sequence[tuple[int, list[str]]]) -> bool:
    (_, header), body = rows[0], [row for _, row in rows[1:]]
    cells = {cell.lower() for row in body for cell in row[1:]}
    return (
        len(header) > 1
        and bool(body)
        and all(len(row) == len(header) for row in body)
        and bool(cells & _YES)
        and cells <= _YES | _NO
        and not any(name.lower() in (*CLASS_COLUMNS, *_YES, *_NO) for name in header[1:])
    )


def _one_hot(
    path: Path, rows: Sequence[tuple[int, list[str]]], names: Sequence[str]
) -> Iterator[Entry]:
    for number, row in rows:
        present = [name for name, cell in zip(names, row[1:], strict=True) if cell.lower() in _YES]
        yield f'{path}, line {number}', row[0], [n for n in present if n.lower() != 'background']


def _choices(
    path: Path, rows: Sequence[tuple[int, list[str]]], image: int, choice: int
) -> Iterator[Entry]:
    for number, row in rows:
        if len(row) > max(image, choice):
            yield f'{path}, line {number}', row[image], choices_of(row[choice])


def choices_of(value: object) -> list[str]:
    """Return the names in a choice of Label Studio: one, a list, or JSON of ``choices``.

    Example:
        >>> choices_of('cat'), choices_of('{"choices": ["cat", "dog"]}'), choices_of(None)
        (['cat'], ['cat', 'dog'], [])
    """
    if isinstance(value, str) and value.startswith(('{', '[')):
        value = json.loads(value)
    if isinstance(value, dict):
        value = value.get('choices')
    return [value] if isinstance(value, str) and value else list(value or [])  # type: ignore[call-overload]


def _names(
    path: Path,
    rows: Sequence[tuple[int, list[str]]],
    classes: Sequence[str],
    between: str | None,
) -> Iterator[Entry]:
    for number, row in rows:
        place = f'{path}, line {number}'
        if not row[0]:
            raise ValueError(f'{place}: the image id is missing; a row is `id,class class`.')
        if len(row) == 1:
            raise ValueError(
                f'{place}: no comma after the image id {row[0]!r}; a row is `id,class class`, '
                'or `id,` for an image that shows background only.'
            )
        names = [name for cell in row[1:] for name in _split(cell, classes, between)]
        if [name.lower() for name in names] == ['background'] and 'background' not in classes:
            names = []
        yield place, row[0], names


def _split(cell: str, classes: Sequence[str], between: str | None) -> list[str]:
    """Give the class names in one column."""
    if cell in classes:
        return [cell]
    mark = between or next((mark for mark in (';', ',') if mark in cell), None)
    return [name.strip() for name in cell.split(mark) if name.strip()]
