"""`tools/run_grid.py`: one config under several changes, a row each."""

import argparse
import re
from pathlib import Path
from typing import Any

from mmengine.config import Config
from prettytable import PrettyTable, TableStyle

from mmwsss.pipeline.config import load_config, set_seed
from mmwsss.pipeline.run import mean_iou_rows, run_pipeline
from mmwsss.structures import atomic_path

from .arguments import run_command


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Run a config once for each row of a grid: what is done is skipped. The table '
        'goes to <work-dir>/<config>/<grid>_seed<seed>.md.'
    )
    parser.add_argument('config', help='config file with a `pipeline`')
    parser.add_argument('grid', help='file with `grid`: row -> changes; see configs/cpal/grids')
    parser.add_argument('--work-dir', default='work_dirs/grids')
    parser.add_argument('--seed', type=int, default=0, help='of everything random')
    parser.add_argument('--until', default='seed_scores', help='last stage to run')
    return parser.parse_args()


def main() -> None:
    """Run the rows and write their table."""
    arguments = parse_arguments()
    name = f'{Path(arguments.grid).stem}_seed{arguments.seed}'
    root = Path(arguments.work_dir) / Path(arguments.config).stem / name
    rows = read_grid(arguments.grid)
    # the options of every row are checked before the first one runs
    configs = {name: load_config(arguments.config, changes) for name, changes in rows.items()}
    results = {}
    for name, config in configs.items():
        set_seed(config, arguments.seed)
        run = run_pipeline(config, root / _folder(name), until=arguments.until)
        results[name] = mean_iou_rows(run)
    text = format_grid(results)
    with atomic_path(root.with_suffix('.md')) as temporary:
        temporary.write_text(text + '\n', encoding='utf-8')
    print(text)


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


def _folder(row: str) -> str:
    """Return a folder name for a row.

    Example:
        >>> _folder('both, K = 10')
        'both_K_10'
    """
    return '_'.join(re.findall(r'[\w.]+', row))


def format_grid(results: dict[str, dict[str, float]]) -> str:
    """Return a Markdown table, a row of mean IoUs for each row of the grid."""
    columns = list(dict.fromkeys(name for row in results.values() for name in row))
    table = PrettyTable(['mIoU', *columns])
    table.set_style(TableStyle.MARKDOWN)
    for name, row in results.items():
        table.add_row([name, *(f'{row[c]:.2f}' if c in row else '-' for c in columns)])
    return table.get_string()


if __name__ == '__main__':
    run_command(main)
