"""Grids: one config under several changes, and the table of what came out."""

import re
from pathlib import Path
from typing import Any

from mmengine.config import Config
from prettytable import PrettyTable, TableStyle


def read_grid(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read a grid: for each row the changes to a config, as with ``--cfg-options``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has no `grid`.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no grid {path}; the shipped ones are in configs/*/grids')
    content = Config.fromfile(path).to_dict()
    if not content.get('grid'):
        raise ValueError(f"{path} has no `grid`: write grid = {{'row': {{'key': value}}}}")
    prefix = content.get('prefix', '')
    return {
        name: {f'{prefix}{key}': value for key, value in changes.items()}
        for name, changes in content['grid'].items()
    }


def row_folder(row: str) -> str:
    """Return a folder name for a row.

    Example:
        >>> row_folder('both, K = 10')
        'both_K_10'
    """
    return '_'.join(re.findall(r'[\w.]+', row))


def format_grid(results: dict[str, dict[str, float]]) -> str:
    """Return a Markdown table, one row of mean IoUs per row of the grid."""
    columns = list(dict.fromkeys(name for row in results.values() for name in row))
    table = PrettyTable(['mIoU', *columns])
    table.set_style(TableStyle.MARKDOWN)
    for name, row in results.items():
        table.add_row([name, *(f'{row[c]:.2f}' if c in row else '-' for c in columns)])
    return table.get_string()
