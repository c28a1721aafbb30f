"""`tools/run_pipeline.py`: the whole way of one config or of several, a table and a page."""

import argparse
import os
from pathlib import Path

from mmengine.config import DictAction

from mmwsss.pipeline.config import load_config, set_seed
from mmwsss.pipeline.report import write_report
from mmwsss.pipeline.run import format_table, run_pipeline

from .arguments import run_command


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Run every stage of a pipeline: what is done is skipped, what was cut off '
        'goes on. Several configs end in one table, side by side.'
    )
    parser.add_argument('configs', nargs='+', help='config files with a `pipeline`')
    parser.add_argument('--work-dir', default='work_dirs', help='a run works in <work-dir>/<name>')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='key=value ...')
    parser.add_argument('--seed', type=int, help='of everything random; 0 in the configs')
    parser.add_argument('--gpus', type=int, default=1, help='processes that train, one a GPU')
    parser.add_argument('--processes', type=int, default=os.cpu_count(), help='for the CRF')
    parser.add_argument('--until', help='last stage to run')
    parser.add_argument('--report', help='page; <work-dir>/<name>/report.html if not given')
    return parser.parse_args()


def main() -> None:
    """Run the pipelines, print their table, write their page."""
    arguments = parse_arguments()
    configs = [load_config(path, arguments.cfg_options) for path in arguments.configs]
    if arguments.seed is not None:
        for config in configs:
            set_seed(config, arguments.seed)
    runs = [
        run_pipeline(
            config,
            Path(arguments.work_dir) / Path(path).stem,
            arguments.gpus,
            arguments.processes,
            arguments.until,
        )
        for path, config in zip(arguments.configs, configs, strict=True)
    ]
    page = Path(arguments.report or runs[-1].workspace.root / 'report.html')
    write_report(page, runs)
    print(format_table(runs))
    print(f'pictures: {page}')


if __name__ == '__main__':
    run_command(main)
