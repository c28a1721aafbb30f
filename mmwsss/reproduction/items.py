"""The tables and figures of a paper, as its file in ``papers/`` declares them."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_PAPERS = Path(__file__).parent / 'papers'
# scale -> what is measured on, and what that needs
SCALES = {
    'voc': ('PASCAL VOC 2012', 'its data, and weights of ImageNet or CLIP'),
    'coco': ('COCO 2014', 'its data, and weights of ImageNet or CLIP'),
    'voc_photos': ('1,726 photographs of VOC', 'them in $MMWSSS_DATA/voc_photos'),
    'toy': ('toy scenes', '`mmwsss toy-scenes data/toy_scenes`, and with CLIP `mmwsss toy-clip`'),
}
FIRST_OF = ', '  # between the stages of `until`


@dataclass(frozen=True)
class Row:
    """A row of a table, a point of a curve, a panel of a figure.

    Attributes:
        published: Numbers of the paper, one per column of the item; None where it has none.
        configs: Config by scale; none for a method of others.
        grid: Shipped grid that has the changes to the config, as with ``--cfg-options``.
        row: Name of the row in the grid.
        changes: Changes beside those.
        given: Training stage -> label of the row whose trained network it takes.
        until: Last stage to run; of several, the first that the config has.
        measured: By scale: column -> figure of the run.
        source: Map that a picture shows: ``cam``, ``pacam`` or ``sum``.
    """

    published: tuple[float | None, ...] = ()
    configs: Mapping[str, str] = field(default_factory=dict)
    grid: str = ''
    row: str = ''
    changes: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    until: str = 'seed_scores'
    measured: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    source: str = 'cam'


@dataclass(frozen=True)
class Item:
    """A table or a figure.

    Attributes:
        paper: Short name of the paper, that of its file.
        name: As ``table1`` or ``figure4a``; one of our own has another name.
        kind: ``table``, ``diagram`` (nothing to run), or a kind of figure.
        shows: What it shows.
        page: Page of the method.
        split: What the published numbers are of; empty where there are none.
        columns: Of the published numbers.
        rows: By label, in the order of the paper.
        note: What a reader of both columns must know.
        axis: Of a curve: what its rows differ in, the first number of their labels.
    """

    paper: str
    name: str
    kind: str
    shows: str
    page: str
    split: str = ''
    columns: tuple[str, ...] = ()
    rows: Mapping[str, Row] = field(default_factory=dict)
    note: str = ''
    axis: str = ''

    @property
    def scales(self) -> tuple[str, ...]:
        """Scales at which a row can be run."""
        return tuple(scale for scale in SCALES if self.runnable(scale))

    def runnable(self, scale: str) -> list[str]:
        """Return the labels of the rows that can be run at a scale."""
        return [label for label, row in self.rows.items() if scale in row.configs]

    def shown(self, scale: str) -> list[str]:
        """Return the labels of the rows of a table at a scale: those of other scales left out."""
        return [
            label
            for label, row in self.rows.items()
            if not row.configs or row.published or scale in row.configs
        ]


def papers() -> list[str]:
    """Return the short names of the papers."""
    return sorted(path.stem for path in _PAPERS.glob('*.yml'))


def items_of(paper: str) -> Mapping[str, Item]:
    """Return the items of a paper by name, in the order of the paper, then those of our own.

    Raises:
        ValueError: There is no such paper.
    """
    if paper not in papers():
        raise ValueError(f'there is no paper {paper!r}; the papers are {", ".join(papers())}')
    return _read(paper)


def find_item(paper: str, name: str) -> Item:
    """Return an item.

    Args:
        paper: Short name of the paper.
        name: Of the item; ``Table 4`` and ``table4`` are the same.

    Raises:
        ValueError: There is no such paper or item.

    Example:
        >>> find_item('cpal', 'Table 2').rows['both, K = 20'].published
        (62.5,)
    """
    known = items_of(paper)
    wanted = name.lower().replace(' ', '')
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f'did you mean {near[0]!r}? ' if near else ''
    raise ValueError(f'{paper} has no item {name!r}: {hint}it has {", ".join(known)}')


@cache
def _read(paper: str) -> Mapping[str, Item]:
    content = yaml.safe_load((_PAPERS / f'{paper}.yml').read_text(encoding='utf-8'))
    return {
        name: _read_item(paper, name, content['page'], dict(options))
        for name, options in content['items'].items()
    }


def _read_item(paper: str, name: str, page: str, options: dict[str, Any]) -> Item:
    shared = {key: options.pop(key) for key in _OF_ROWS & options.keys()}
    others = options.pop('others', {})
    rows = {label: Row(tuple(numbers)) for label, numbers in others.items()}
    for label, given in options.pop('rows', {}).items():
        own = given if isinstance(given, dict) else {'published': given}
        rows[label] = _read_row(label, {**shared, **own})
    columns = tuple(options.pop('columns', ()))
    return Item(paper, name, page=page, columns=columns, rows=rows, **options)


_OF_ROWS = {'configs', 'grid', 'until', 'measured', 'measured_at'}  # an item may say for all rows


def _read_row(label: str, options: dict[str, Any]) -> Row:
    measured, measured_at = (options.pop(key, {}) for key in ('measured', 'measured_at'))
    options['measured'] = {
        scale: measured_at.get(scale, measured) for scale in options.get('configs', {})
    }
    options['published'] = tuple(options.get('published', ()))
    if options.get('grid'):
        options.setdefault('row', label)
    return Row(**options)
