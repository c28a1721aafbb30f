"""A table with published and measured numbers side by side."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from prettytable import PrettyTable, TableStyle

from .items import SCALES, Item
from .runs import State

NOT_RUN = 'not run'
_NO_FIGURE = '-'


def table_of(
    item: Item, scale: str, states: Mapping[str, State]
) -> tuple[list[str], list[list[str]]]:
    """Lay published and measured numbers side by side.

    Args:
        item: A table, or a figure with numbers.
        scale: Of the runs.
        states: How far the runs are, by label; rows without one were not asked for.

    Returns:
        The head, and a row of cells for each row of the paper. "not run" is what a run has yet to
        measure, "-" what it does not measure; a cell of others' methods is empty.
    """
    labels = item.shown(scale)
    measured = _measured_columns(item, scale, labels)
    pairs: list[tuple[str, bool]] = []  # column, whether it is measured
    for column in item.columns:
        pairs += [(column, False)] + [(column, True)] * (column in measured)
    pairs += [(column, True) for column in measured if column not in item.columns]
    names = {False: 'published', True: 'measured'}
    head = [item.axis or 'row', *(f'{column} ({names[is_ours]})' for column, is_ours in pairs)]
    rows = []
    for label in labels:
        cells = [
            _measured(item, label, column, scale, states.get(label))
            if is_ours
            else _published(item, label, column)
            for column, is_ours in pairs
        ]
        rows.append([label, *cells])
    return head, rows


def format_markdown(
    sentences: Sequence[str], head: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """Return the table as Markdown, under what `describe` says."""
    table = PrettyTable(list(head))
    table.set_style(TableStyle.MARKDOWN)
    table.add_rows([list(row) for row in rows])
    return '\n\n'.join([*sentences, table.get_string()]) + '\n'


def format_csv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([head, *rows])
    return text.getvalue()


def describe(item: Item, scale: str, seed: int, changes: Mapping[str, Any]) -> list[str]:
    """Return a heading, and sentences on what is published, measured, and to be known."""
    published = f'Published: {item.split}. ' if item.split else ''
    changed = ', '.join(f'{key}={value}' for key, value in changes.items())
    return [
        f'# {item.paper} {item.name}: {item.shows}',
        f'{published}Measured: {SCALES[scale][0]}, random seed {seed}'
        f'{f", with {changed}" if changed else ""}.',
        *([item.note] if item.note else []),
    ]


def _measured_columns(item: Item, scale: str, labels: Sequence[str]) -> list[str]:
    """Return the columns that some row measures: the paper's first, in its order."""
    found = [c for label in labels for c in item.rows[label].measured.get(scale, ())]
    return list(dict.fromkeys([*(c for c in item.columns if c in found), *found]))


def _published(item: Item, label: str, column: str) -> str:
    numbers = item.rows[label].published
    number = numbers[item.columns.index(column)] if numbers else None
    return '' if number is None else f'{number:g}'


def _measured(item: Item, label: str, column: str, scale: str, state: State | None) -> str:
    row = item.rows[label]
    if scale not in row.configs:
        return NOT_RUN if row.configs else ''
    figure = row.measured[scale].get(column)
    if figure is None:
        return _NO_FIGURE
    if state is None:
        return NOT_RUN
    if figure in state.figures:
        return f'{state.figures[figure]:.2f}'
    return NOT_RUN if state.pending else _NO_FIGURE
