"""The parts of the report's page: HTML from text and pictures, with nothing outside the file."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from string import Template

import numpy as np
from PIL import Image

_JPEG_QUALITY = 80
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff;
  max-width: 1180px; margin: 0 auto; padding: 12px 16px 40px; }
h1 { font-size: 1.5rem; margin: 0.4em 0 0.2em; }
h2 { font-size: 1.15rem; margin: 1.8em 0 0.5em; padding-bottom: 0.2em;
  border-bottom: 1px solid #d8dee4; }
p, li { max-width: 75ch; }
p { margin: 0.4em 0; }
ul { padding-left: 1.2em; margin: 0.5em 0; }
img { display: block; max-width: 100%; height: auto; border-radius: 2px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 12px; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { border-bottom: 1px solid #8c959f; vertical-align: bottom; }
thead th { white-space: normal; }
thead tr:not(:last-child) th { border-bottom: none; text-align: center; }
.first, th[colspan] { border-left: 1px solid #d8dee4; }
tbody th { font-weight: normal; }
tbody tr:nth-child(even) { background: #f6f8fa; }
.sample { margin: 0 0 18px; break-inside: avoid; }
.sample h3 { font-size: 0.95rem; margin: 0 0 4px; font-weight: 600; overflow-wrap: anywhere; }
.grid { display: grid; gap: 6px 8px; align-items: start; justify-content: start; }
.grid > div { min-width: 0; font-size: 0.8rem; color: #57606a; overflow-wrap: anywhere; }
.grid > .run { font-weight: 600; color: #1b1f24; border-bottom: 1px solid #d8dee4; }
.chips { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 0.85rem; margin: 6px 0; }
.chips span { white-space: nowrap; }
.chips i { display: inline-block; width: 1.1em; height: 1.1em; margin-right: 5px;
  border: 1px solid #8c959f; vertical-align: -0.2em; }
.chips i.scale { width: 9em; margin: 0 6px; }
i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@media print { body { font-size: 10pt; max-width: none; padding: 0; }
  h2 { break-after: avoid; } .scroll { overflow: visible; } }
</style>
</head>
<body>
<h1>$title</h1>
$body
</body>
</html>
""")
_HATCHING = 'repeating-linear-gradient(135deg, #fff 0 3px, #bbb 3px 6px)'


@dataclass
class Cell:
    """One place of a grid of pictures.

    Attributes:
        picture: ``(H, W, 3)`` uint8; None for text alone.
        caption: Text under the picture.
        columns: How many columns it spans.
        rows: How many rows it spans.
        heads: Whether it is the name of a run, over the columns of the run.
    """

    picture: np.ndarray | None = None
    caption: str = ''
    columns: int = 1
    rows: int = 1
    heads: bool = False


@dataclass
class Table:
    """A table of text; the first column names the rows.

    Attributes:
        head: A name a column.
        rows: The cells; as many in each row as in the head.
        groups: Names over several columns, ``(name, number of columns)``; none if empty.
    """

    head: Sequence[str]
    rows: list[list[str]]
    groups: list[tuple[str, int]] = field(default_factory=list)


def render_page(title: str, sections: Sequence[str]) -> str:
    """Return the whole page.

    Args:
        title: Title of the page, as text: it is escaped.
        sections: As HTML; empty ones are left out.
    """
    body = '\n'.join(section for section in sections if section)
    return _PAGE.substitute(title=escape(title), body=body)


def render_section(heading: str, *parts: str) -> str:
    """Return a heading and what stands below it; nothing if all parts are empty."""
    content = '\n'.join(part for part in parts if part)
    return f'<h2>{escape(heading)}</h2>\n{content}' if content else ''


def render_paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f'<p>{escape(text)}</p>'


def render_list(items: Sequence[str]) -> str:
    """Return a list of sentences; nothing if there is none."""
    lines = ''.join(f'<li>{escape(item)}</li>\n' for item in items)
    return f'<ul>\n{lines}</ul>' if lines else ''


def render_table(table: Table) -> str:
    """Return a table; nothing if it has no row."""
    if not table.rows:
        return ''
    groups = ''.join(f'<th colspan="{span}">{escape(name)}</th>' for name, span in table.groups)
    groups = f'<tr><th></th>{groups}</tr>\n' if groups else ''
    marks = _group_marks(table)
    head = ''.join(
        f'<th scope="col"{mark}>{escape(name)}</th>'
        for name, mark in zip(table.head, marks, strict=True)
    )
    rows = '\n'.join(_render_row(row, marks) for row in table.rows)
    return (
        f'<div class="scroll"><table>\n<thead>\n{groups}<tr>{head}</tr>\n</thead>\n'
        f'<tbody>\n{rows}\n</tbody>\n</table></div>'
    )


def render_picture(picture: np.ndarray, alt: str, lossless: bool = False) -> str:
    """Return a picture embedded in the page.

    Args:
        picture: ``(H, W, 3)`` uint8, RGB.
        alt: What it shows, for those who do not see it.
        lossless: PNG, for drawings; else JPEG, for photographs.
    """
    buffer = io.BytesIO()
    kind = 'png' if lossless else 'jpeg'
    options = {'optimize': True} if lossless else {'quality': _JPEG_QUALITY}
    Image.fromarray(picture).save(buffer, format=kind, **options)
    data = base64.b64encode(buffer.getvalue()).decode('ascii')
    height, width = picture.shape[:2]
    return (
        f'<img alt="{escape(alt)}" width="{width}" height="{height}" '
        f'src="data:image/{kind};base64,{data}">'
    )


def render_grid(cells: Sequence[Cell], columns: int, heading: str = '', width: int = 256) -> str:
    """Return pictures in columns, filled row by row.

    Args:
        cells: Pictures and captions, row by row.
        columns: How many columns the grid has.
        heading: Text above the grid; none when empty.
        width: Of a column at most, in pixels.
    """
    style = f'grid-template-columns: repeat({columns}, minmax(96px, {width}px))'
    title = f'<h3>{escape(heading)}</h3>\n' if heading else ''
    body = '\n'.join(_render_cell(cell) for cell in cells)
    return (
        f'<div class="sample">{title}<div class="scroll"><div class="grid" style="{style}">\n'
        f'{body}\n</div></div></div>'
    )


def render_legend(colors: Mapping[str, str], hatched: str) -> str:
    """Return the colours of the classes, and what hatching means.

    Args:
        colors: CSS colour by class name.
        hatched: What hatched pixels are.
    """
    chips = [
        f'<span><i style="background: {color}"></i>{escape(name)}</span>'
        for name, color in colors.items()
    ]
    chips.append(f'<span><i style="background: {_HATCHING}"></i>{escape(hatched)}</span>')
    return f'<div class="chips">\n{"".join(chips)}\n</div>'


def render_scale(colors: Sequence[str], low: str, high: str) -> str:
    """Return a colour scale from `low` to `high`; `colors` are CSS colours."""
    bar = f'<i class="scale" style="background: linear-gradient(90deg, {", ".join(colors)})"></i>'
    return f'<div class="chips"><span>{escape(low)}{bar}{escape(high)}</span></div>'


def _group_marks(table: Table) -> list[str]:
    """Return an attribute for each column; the first of a group gets a line on its left."""
    marks = [''] * len(table.head)
    column = 1
    for _, span in table.groups:
        marks[column] = ' class="first"'
        column += span
    return marks


def _render_row(row: Sequence[str], marks: Sequence[str]) -> str:
    cells = ''.join(
        f'<td{mark}>{escape(cell)}</td>' for cell, mark in zip(row[1:], marks[1:], strict=True)
    )
    return f'<tr><th scope="row">{escape(row[0])}</th>{cells}</tr>'


def _render_cell(cell: Cell) -> str:
    spans = {'column': cell.columns, 'row': cell.rows}
    style = '; '.join(f'grid-{axis}: span {span}' for axis, span in spans.items() if span > 1)
    attributes = ' class="run"' if cell.heads else ''
    attributes += f' style="{style}"' if style else ''
    picture = '' if cell.picture is None else render_picture(cell.picture, cell.caption)
    return f'<div{attributes}>{picture}{escape(cell.caption)}</div>'
