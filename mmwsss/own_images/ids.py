"""Which entry of a label file is of which photograph, where the two spell a name differently."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

_OTHER_SUFFIXES = ('.cr2', '.dng', '.nef', '.raw', '.svg', '.tga')  # before a conversion
_HASHED = re.compile(r'^[0-9a-z]+-')  # of Label Studio, before the name of an uploaded file


def _composed(name: str) -> str:
    """An accented letter as one character: Unicode and disks know two spellings."""
    return unicodedata.normalize('NFC', name)


def _without_escapes(name: str) -> str:
    """A name out of a URL."""
    return unquote(name)


def _without_mark(name: str) -> str:
    return _HASHED.sub('', name)


def _without_suffix(name: str) -> str:
    """A name without the suffix of a picture that was converted."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in _OTHER_SUFFIXES else name


def _in_small_letters(name: str) -> str:
    return ' '.join(name.casefold().split())


def _as_number(name: str) -> str:
    """A number as a spreadsheet leaves it: without zeros before it, or with ``.0`` behind."""
    number = re.fullmatch(r'0*(\d+)(\.0+)?', name)
    return number[1] if number else name


_SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ('accents', _composed),
    ('escapes of a URL', _without_escapes),
    ('marks of Label Studio', _without_mark),
    ('suffixes', _without_suffix),
    ('capital letters and spaces', _in_small_letters),
    ('zeros before numbers', _as_number),
)


def match_ids(
    labels: Mapping[str, tuple[str, ...]], images: Mapping[str, Path]
) -> tuple[dict[str, tuple[str, ...]], str]:
    """Give labels the ids of photographs.

    An entry whose id no photograph has is taken for the only one that differs from it in spelling,
    if that has no entry of its own.

    Args:
        labels: Classes by id, as a label file has them.
        images: Photographs by id.

    Returns:
        The labels, and what was overlooked, in words; empty if nothing was.

    Example:
        >>> match_ids({'7': ('cat',), 'B': ()}, {'007': Path(), 'b': Path()})
        ({'007': ('cat',), 'b': ()}, 'capital letters and spaces, zeros before numbers')
    """
    renamed: dict[str, str] = {}
    overlooked = []
    spelled = {image_id: image_id for image_id in (*labels, *images)}
    for what, spelling in _SPELLINGS:
        spelled = {image_id: spelling(name) for image_id, name in spelled.items()}
        strangers = [name for name in labels if name not in images and name not in renamed]
        free = set(images) - set(labels) - set(renamed.values())
        places = {spelled[image_id]: image_id for image_id in free}
        counts = Counter(spelled[image_id] for image_id in images)
        askers = Counter(spelled[name] for name in strangers)
        found = {
            name: places[spelled[name]]
            for name in strangers
            if spelled[name] in places and counts[spelled[name]] == askers[spelled[name]] == 1
        }
        renamed |= found
        overlooked += [what] if found else []
    return {renamed.get(name, name): names for name, names in labels.items()}, ', '.join(overlooked)
