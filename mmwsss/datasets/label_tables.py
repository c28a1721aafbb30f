"""Label files that are tables: what their rows and columns mean, whatever they are separated by."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmwsss.structures import IMAGE_SUFFIXES

from .class_names import Cell, Splitter, name_splitter

# names of columns as `_plain` writes them, the best first
ID_COLUMNS = (
    'filename', 'imagename', 'filepath', 'imagepath', 'imgpath', 'imagefile', 'image', 'img',
    'photo', 'picture', 'file', 'path', 'imageid', 'imgid', 'id', 'name',
)  # fmt: skip
CLASS_COLUMNS = (
    'class', 'classes', 'classname', 'classnames', 'label', 'labels', 'labelname', 'tag', 'tags',
    'category', 'categories', 'categoryname', 'choice',
)  # fmt: skip
_SINGULAR = ('class', 'classname', 'label', 'labelname', 'tag', 'category', 'categoryname')
_DOUBTS = ('confidence', 'score', 'probability', 'prob')  # columns that take labels back
_LABEL_STUDIO = 'choice'  # its column; the image has one of its own
_YES, _NO = {'1', '1.0', 'true', 'yes'}, {'0', '0.0', 'false', 'no', ''}
_MARKS = (  # yes and no below a header, also as spreadsheets and people write it elsewhere
    {'x', 'y', 't', '\u2713', '\u2714', 'ja', 'oui', 'vero', 'verdadero', 'vrai', 'wahr'},
    {'n', 'f', '-', 'falsch', 'falso', 'faux', 'nein', 'non'},
)
_WIDE = str.maketrans(  # commas, semicolons and bars of Chinese, Japanese and Arabic keyboards
    '\uff0c\u3001\u060c\uff1b\u061b\uff5c', ',,,;;|'
)
_QUOTES = '\u201c\u201d\u201e\u00ab\u00bb'  # as word processors write them
_NUMBER = re.compile(r'[-+]?\d+([.,]\d+)?')
_COLUMNS = (',', '\t', ';', '|')
_STATED = re.compile(r'sep=(.)\n', re.IGNORECASE)  # the first line of Excel's files

Entry = tuple[str, str, list[str]]
Row = tuple[int, list[str]]  # its line, and its cells


def read_table(path: Path, text: str, classes: Sequence[str]) -> tuple[str, Iterator[Entry]]:
    """Read a table with one image per row.

    A table of 0 and 1 has a class per column, named in its header; any other has the names of the
    classes of an image in one column or in several. Where a header says which, there may be other
    columns, and a row for each class of an image; without a header the first column is the image.
    ``background`` alone in a row is no class.

    Args:
        path: For messages.
        text: The content of the file.
        classes: The known classes; a column that is one as it stands is not split at its spaces.

    Returns:
        What the table is, in words; and ``(place in the file, image, class names)`` of each row.

    Raises:
        ValueError: A row has no image, or no class column, a cell of a 0/1 table is neither, or
            numbers stand where names should.
    """
    separator, rows = _rows(path, text)
    named = {',': 'commas', '\t': 'tabs', ';': 'semicolons', '|': 'bars'}[separator]
    header = [_plain(cell) for cell in rows[0][1]]
    if _LABEL_STUDIO in header and 'image' in header:
        columns = header.index('image'), header.index(_LABEL_STUDIO)
        return 'a CSV export of Label Studio', _choices(path, rows[1:], *columns)
    is_headed = header[0] in ID_COLUMNS or (
        any(name in ID_COLUMNS for name in header) and _has_names(rows[0][1])
    )
    if _is_one_hot(rows, is_headed):
        names = rows[0][1][1:]
        kind = f'a table of 0 and 1 between {named}: columns are classes'
        return kind, _one_hot(path, rows[1:], names)
    _refuse_numbers(path, rows, is_headed, classes)
    kind = f'a table of names between {named}'
    quoted, mark = _quoted(text, separator), '|' if separator == ';' else ';'
    if not is_headed:
        _refuse_image_names(path, rows)
        split = name_splitter(
            path,
            _cells(rows),
            classes,
            quoted=quoted,
            one_a_cell=_has_several_cells(rows),
            mark=mark,
        )
        return kind, _names(path, rows, classes, split)
    image, names_at, others = _columns(path, rows[0][1])
    if others:
        kind += f'; columns that are not looked at: {", ".join(others)}'
    at = (image, *names_at)
    width = len(header)  # a row may go on beyond it with classes
    chosen = [
        (number, [*(row[column] for column in at if column < len(row)), *row[width:]])
        for number, row in rows[1:]
    ]
    one = len(names_at) == 1
    images = [row[0] for _, row in chosen]
    split = name_splitter(
        path,
        _cells(chosen),
        classes,
        quoted=quoted,
        has_header=_plain(rows[0][1][names_at[0]]).rstrip('0123456789') in _SINGULAR,
        one_a_cell=(one and len(set(images)) < len(images)) or _has_several_cells(chosen),
        mark=mark,
    )
    entries = _names(path, chosen, classes, split)
    return kind, _merged(entries) if one else entries


def _rows(path: Path, text: str) -> tuple[str, list[Row]]:
    """Return what parts the columns, and the rows that hold something, with their lines."""
    stated = _STATED.match(text)
    first = 1
    if stated:
        text, first = text[stated.end() :], 2
    if not any(mark in text for mark in _COLUMNS):
        text = text.translate(_WIDE)
    separator = stated[1] if stated else _separator(text)
    if separator not in _COLUMNS:
        raise ValueError(f'{path}, line 1: columns are parted by {separator!r}; write commas')
    lines = text.splitlines()
    reader, rows = csv.reader(lines, delimiter=separator), []
    for number, cells in enumerate(reader):
        if reader.line_num > number + 1:
            raise ValueError(
                f'{path}, line {first + number}: a quotation mark is opened and not closed in its '
                'line'
            )
        image, *rest = (_bare(cell) for cell in cells or [''])
        rows.append((first + number, [image, *(cell.translate(_WIDE) for cell in rest)]))
    rows = [(number, row) for number, row in rows if any(row) and not _is_remark(row)]
    if not rows:
        raise ValueError(f'{path} has no image in it: a row is `id,class class`')
    if not rows[0][1][0] and len(rows[0][1]) > 1:
        numbers = [row[0] for _, row in rows[1:]]
        if numbers == [str(index) for index in range(len(numbers))] and numbers:
            rows = [(number, row[1:]) for number, row in rows]  # the index that pandas writes
    return separator, rows


def _bare(cell: str) -> str:
    """Return a cell without spaces and the quotation marks that are none of CSV's."""
    cell = cell.strip().strip(_QUOTES)
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == "'" else cell


def _is_remark(row: Sequence[str]) -> bool:
    return len(row) == 1 and row[0].startswith('#')


def _plain(name: str) -> str:
    """Return the name of a column without spaces, underscores and capital letters."""
    return re.sub(r'[\W_]+', '', name.lower())


def _names_classes(name: str) -> bool:
    """Whether a column has names of classes: also the second of several, as in ``label_2``."""
    return _plain(name).rstrip('0123456789') in CLASS_COLUMNS


def _columns(path: Path, header: Sequence[str]) -> tuple[int, list[int], list[str]]:
    """Return the column of the image, those of its classes, and the names of the others.

    Raises:
        ValueError: The header does not say where the classes are, or a column takes labels back.
    """
    plain = [_plain(name) for name in header]
    image = min(
        (at for at, name in enumerate(plain) if name in ID_COLUMNS),
        key=lambda at: ID_COLUMNS.index(plain[at]),
    )
    rest = [at for at in range(len(header)) if at != image]
    if doubts := [header[at] for at in rest if plain[at] in _DOUBTS]:
        raise ValueError(
            f'{path}, line 1: the column {doubts[0]!r} says how sure a label is, and is not read: '
            'keep the rows that count, and take the column out'
        )
    names = [at for at in rest if _names_classes(header[at])]
    names = names or [at for at in rest if plain[at] == 'name']
    unknown = [at for at in rest if plain[at] not in ID_COLUMNS]
    if not names and len(unknown) == 1:
        names = unknown
    if not names:
        raise ValueError(
            f'{path}, line 1: which column has the classes? Call it `class`; there are '
            f'{", ".join(header)}. In a table of a class per column every cell is 0 or 1'
        )
    return image, names, [header[at] for at in rest if at not in names]


def _refuse_numbers(
    path: Path, rows: Sequence[Row], is_headed: bool, classes: Sequence[str]
) -> None:
    """Raise ValueError where numbers stand for classes: of a table that means something else."""
    body = rows[1:] if is_headed else rows
    cells = [(number, cell) for number, row in body for cell in row[1:] if cell]
    numbers = [pair for pair in cells if _NUMBER.fullmatch(pair[1]) and pair[1] not in classes]
    wide = max((len(row) for _, row in body), default=0) > 2
    whole = all(cell.isdigit() for _, cell in numbers)
    if not numbers or (is_headed and _has_names(rows[0][1])) or (whole and not wide):
        return  # a single column of whole numbers may be names
    line, cell = numbers[0]
    if len(numbers) < len(cells):
        raise ValueError(
            f'{path}, line {line}: {cell} stands among names of classes; a row is '
            '`id,class class`, boxes are left out'
        )
    if not is_headed:
        raise ValueError(
            f'{path}, line {line}: {cell} stands where a row has names of classes; a table of 0 '
            'and 1 begins with a line that names its columns, as `image,cat,dog`'
        )
    wrong = next(((n, c) for n, c in numbers if c.lower() not in _YES | _NO), None)
    if wrong is None:
        raise ValueError(
            f'{path}, line 1: a table of 0 and 1 needs names for its columns, not '
            f'{", ".join(rows[0][1][1:])}'
        )
    raise ValueError(
        f'{path}, line {wrong[0]}: {wrong[1]} in a table of a class per column, whose cells are 1 '
        'where an image shows the class and 0 where not: round scores, and leave out columns that '
        'are no classes'
    )


def _refuse_image_names(path: Path, rows: Sequence[Row]) -> None:
    """Raise ValueError where images stand behind their classes."""
    for _, row in rows:
        names = [cell for cell in row[1:] if cell.lower().endswith(IMAGE_SUFFIXES)]
        if names and not row[0].lower().endswith(IMAGE_SUFFIXES):
            raise ValueError(
                f'{path} has the class {names[0]!r}, the name of an image: first comes the image, '
                'then its classes'
            )


def _has_names(header: Sequence[str]) -> bool:
    """Whether a header says which column has the names of classes."""
    return any(_names_classes(name) or _plain(name) == 'name' for name in header[1:])


def _merged(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Bring the rows of an image together, at the place of its first."""
    found: dict[str, Entry] = {}
    for place, image, names in entries:
        found.setdefault(image, (place, image, []))[2].extend(names)
    return iter(found.values())


def _separator(text: str) -> str:
    """Return what parts columns: what every line has; of several, the first that a line has."""
    lines = [line for line in text.splitlines() if line.strip()]
    common = [mark for mark in _COLUMNS if all(mark in line for line in lines)]
    if not common:
        return ','
    return min(common, key=lines[0].index)


def _is_one_hot(rows: Sequence[Row], is_headed: bool) -> bool:
    (_, header), body = rows[0], [row for _, row in rows[1:]]
    cells = {cell.lower() for row in body for cell in row[1:]}
    yes, no = (_YES | _MARKS[0], _NO | _MARKS[1]) if is_headed else (_YES, _NO)
    return (
        len(header) > 1
        and bool(body)
        and all(len(row) == len(header) for row in body)
        and bool(cells & yes)
        and cells <= yes | no
        and not any(_plain(name) in CLASS_COLUMNS for name in header[1:])
        and not any(name.lower() in (*_YES, *_NO) for name in header[1:])
    )


def _one_hot(path: Path, rows: Sequence[Row], names: Sequence[str]) -> Iterator[Entry]:
    yes = _YES | _MARKS[0]
    for number, row in rows:
        present = [name for name, cell in zip(names, row[1:], strict=True) if cell.lower() in yes]
        yield f'{path}, line {number}', row[0], [n for n in present if n.lower() != 'background']


def _choices(path: Path, rows: Sequence[Row], image: int, choice: int) -> Iterator[Entry]:
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
    path: Path, rows: Sequence[Row], classes: Sequence[str], split: Splitter
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
        names = [name for cell in row[1:] for name in split(cell)]
        if [name.lower() for name in names] == ['background'] and 'background' not in classes:
            names = []
        yield place, row[0], names


def _cells(rows: Sequence[Row]) -> list[Cell]:
    """Return the cells with names of classes, with their lines."""
    return [(number, cell) for number, row in rows for cell in row[1:] if cell]


def _has_several_cells(rows: Sequence[Row]) -> bool:
    """Whether the classes of an image are in a column each."""
    return any(sum(map(bool, row[1:])) > 1 for _, row in rows)


def _quoted(text: str, separator: str) -> set[str]:
    """Return the cells that somebody has put into quotation marks, where not all cells are."""
    if any(line.lstrip().startswith('"') for line in text.splitlines()):
        return set()
    return set(re.findall(rf'{re.escape(separator)}\s*"([^"]+)"', text))
