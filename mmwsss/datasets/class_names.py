"""Names of classes as people write several of them into one cell: what parts them."""

import ast
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

Splitter = Callable[[str], list[str]]
Cell = tuple[int, str]  # its line, and what it holds

MARKS = (';', '|', ',')  # between names, the best first
_NOTHING = {
    'background',
    'none',
    'null',
    'nan',
    'na',
    'nothing',
    'empty',
    'nofinding',
    'nolabel',
    'unlabeled',
    'unlabelled',
    'unknown',
    '',
}  # names without spaces and marks


def says_nothing(name: str) -> bool:
    """Say whether a name is a word for no class.

    Example:
        >>> says_nothing('No Finding'), says_nothing('N/A'), says_nothing('cat')
        (True, True, False)
    """
    return re.sub(r'[\W_]+', '', name.lower()) in _NOTHING


def name_splitter(
    path: Path,
    cells: Sequence[Cell],
    classes: Collection[str] = (),
    *,
    quoted: Collection[str] = (),
    has_header: bool = False,
    one_a_cell: bool = False,
    mark: str = MARKS[0],
) -> Splitter:
    """Find out what parts the names in the cells of a file.

    Semicolons, bars or commas in any cell part names in all of them; then spaces belong to names.
    Without, spaces part names: where it is a question whether they do, it is asked.

    Args:
        path: The file, for messages.
        cells: All of its cells with names.
        classes: The known classes; a cell that is one as it stands is not split.
        quoted: Cells that somebody has put into quotation marks: each is one name.
        has_header: The header speaks of one class a cell, as ``class`` does.
        one_a_cell: An image has several rows or columns, so that each cell has one class.
        mark: That a user is asked to part names by.

    Returns:
        The function that splits a cell.

    Raises:
        ValueError: Words may be the name of one class as well as those of several.
    """
    held = [cell for _, cell in cells]
    lists = [cell for cell in held if cell not in classes and not _is_list(cell)]
    between = next((mark for mark in MARKS if any(mark in cell for cell in lists)), None)
    if between:
        known = {*classes, *(part for cell in held for part in _parts(cell, between))}
        return lambda cell: _split(cell, classes, between, known)
    several = {c for c in lists if len(c.split()) > 1} - set(quoted)
    several = {cell for cell in several if not says_nothing(cell)}
    if not several or classes:
        whole = {cell for cell in lists if cell not in several} | set(classes)
        return lambda cell: _split(cell, whole, None, ())
    alone = {cell for cell in held if len(cell.split()) == 1}
    if (has_header or one_a_cell) and not any(alone >= set(cell.split()) for cell in several):
        if one_a_cell or not any(alone & set(cell.split()) for cell in several):
            return lambda cell: _split(cell, lists, None, ())
        line, cell = next((n, c) for n, c in cells if c in several and alone & set(c.split()))
        raise ValueError(_question(path, line, cell.split(), mark))
    lists_of_words = [cell.split() for cell in held if cell not in quoted]
    if len(held) > 1 and (words := _never_apart(lists_of_words)):
        joined = ' '.join(words)
        line = next(n for n, cell in cells if joined in ' '.join(cell.split()))
        raise ValueError(_question(path, line, words, mark))
    whole = set(held) - several
    return lambda cell: _split(cell, whole, None, ())


def _question(path: Path, line: int, words: Sequence[str], mark: str) -> str:
    name = ' '.join(words)
    return (
        f'{path}, line {line}: is {name!r} one class, or are {" and ".join(words)} {len(words)}? '
        f'Write `{name}{mark}` for one class, `{mark.join(words)}` for several'
    )


def _split(
    cell: str, whole: Collection[str], between: str | None, known: Collection[str]
) -> list[str]:
    """Give the names in one cell."""
    if cell in whole:
        return [cell] if cell else []
    if _is_list(cell):
        return _listed(cell)
    if between is None:
        return [cell] if cell and says_nothing(cell) else cell.split()
    words = cell.split()
    if between not in cell and len(words) > 1 and set(words) <= set(known):
        return words
    return list(_parts(cell, between))


def _parts(cell: str, mark: str) -> Iterator[str]:
    yield from (part.strip() for part in cell.split(mark) if part.strip())


def _is_list(cell: str) -> bool:
    return cell.startswith('[') and cell.endswith(']')


def _listed(cell: str) -> list[str]:
    """Return the names of a list as Python or JSON writes it.

    Example:
        >>> _listed("['cat', 'dining table']"), _listed('[]')
        (['cat', 'dining table'], [])
    """
    try:
        names = ast.literal_eval(cell)
    except (ValueError, SyntaxError):
        names = cell[1:-1].split(',')
    return [str(name).strip() for name in names]


def _never_apart(lists: Sequence[Sequence[str]]) -> list[str]:
    """Find words that stand together wherever one of them is, as parts of names do.

    A word that is always followed by words which follow no other one begins a name, and a word
    that always follows words which are followed by no other one ends it.

    Args:
        lists: The words of each cell, in order.

    Returns:
        The words of one such name; none if there is none.

    Example:
        >>> _never_apart([['cat', 'dining', 'table'], ['dining', 'table'], ['cat', 'dog']])
        ['dining', 'table']
        >>> _never_apart([['traffic', 'light', 'car'], ['traffic', 'sign'], ['car']])
        ['traffic', 'light']
        >>> _never_apart([['cat'], ['cat', 'dog'], ['dog', 'lead']])
        []
    """
    before: dict[str, set[str | None]] = {}
    after: dict[str, set[str | None]] = {}
    for words in lists:
        for left, word, right in zip([None, *words], words, [*words[1:], None], strict=False):
            before.setdefault(word, set()).add(left)
            after.setdefault(word, set()).add(right)
    for words in lists:
        for left, right in itertools.pairwise(words):
            begins = all(word is not None and before[word] == {left} for word in after[left])
            ends = all(word is not None and after[word] == {right} for word in before[right])
            if begins or ends:
                return _extended(words, words.index(left), before, after)
    return []


def _extended(
    words: Sequence[str],
    start: int,
    before: dict[str, set[str | None]],
    after: dict[str, set[str | None]],
) -> list[str]:
    """Add the words that follow a pair as surely as its second follows its first."""
    end = start + 2
    while (
        end < len(words)
        and after[words[end - 1]] == {words[end]}
        and before[words[end]] == {words[end - 1]}
    ):
        end += 1
    return list(words[start:end])
