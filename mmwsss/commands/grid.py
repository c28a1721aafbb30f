"""`mmwsss grid`: one config under several changes, one row each."""

import argparse
from pathlib import Path

from mmwsss.shipped import find_config
from mmwsss.terminal import show

from .arguments import (
    add_config,
    add_gpus,
    add_processes,
    add_seed,
    add_until,
    add_verbose,
    add_work_dir,
    read_changes,
)

HELP = 'Run a config once per row of a grid; what is done is skipped.'
EXAMPLE = 'mmwsss grid irn_cpal_toy cpal/grids/table2 --seed 1'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument('grid', help='grid, row -> changes: a path, or the name of a shipped one')
    add_work_dir(
        parser, 'the table goes to <work-dir>/<config>/<grid>_seed<seed>.md', 'work_dirs/grids'
    )
    add_seed(parser, 'of everything random', 0)
    add_gpus(parser)
    add_processes(parser)
    add_until(parser, 'seed_scores')
    add_verbose(parser)


def run(arguments: argparse.Namespace) -> None:
    """Run the rows and write their table."""
    config_path = find_config(arguments.config)
    grid_path = find_config(arguments.grid, 'grid')
    from mmwsss.pipeline.config import load_config, set_seed
    from mmwsss.pipeline.grid import format_grid, read_grid, row_folder
    from mmwsss.pipeline.run import run_pipeline
    from mmwsss.pipeline.table import mean_iou_rows
    from mmwsss.structures import atomic_path

    name = f'{grid_path.stem}_seed{arguments.seed}'
    root = Path(arguments.work_dir) / config_path.stem / name
    shared = read_changes(arguments.cfg_options) or {}
    # the options of every row are checked before the first one runs
    configs = {
        row: load_config(config_path, {**shared, **changes})
        for row, changes in read_grid(grid_path).items()
    }
    if config_with := next((c for c in configs.values() if c.get('work_dir')), None):
        raise ValueError(
            f'{config_path} says work_dir={config_with.work_dir!r}, but each row of a grid has a '
            'folder of its own: leave it out, and give --work-dir'
        )
    results = {}
    for row, config in configs.items():
        set_seed(config, arguments.seed)
        done = run_pipeline(
            config, root / row_folder(row), arguments.gpus, arguments.processes, arguments.until
        )
        results[row] = mean_iou_rows(done)
    text = format_grid(results)
    with atomic_path(root.with_suffix('.md')) as temporary:
        temporary.write_text(text + '\n', encoding='utf-8')
    show(text)
