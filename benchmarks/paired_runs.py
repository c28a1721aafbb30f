r"""Pipelines on the same seeds: the mean IoU of their stages, seed by seed and on average.

    python benchmarks/paired_runs.py \
        configs/quickstart/irn_toy.py configs/quickstart/irn_cpal_toy.py

A run is resumed or skipped as always; --until test goes the whole way.
"""

import argparse
from pathlib import Path

from prettytable import PrettyTable

from mmwsss.pipeline import run_pipeline
from mmwsss.pipeline.config import load_config, set_seed
from mmwsss.pipeline.table import mean_iou_rows


def main() -> None:
    """Run, and print a table per seed and one of the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--seeds', type=int, nargs='+', default=(0, 1, 2))
    parser.add_argument('--until', default='seed_scores')
    parser.add_argument('--work-dir', default='work_dirs/paired_runs')
    arguments = parser.parse_args()
    rows = {}
    for seed in arguments.seeds:
        for path in arguments.configs:
            root = Path(arguments.work_dir) / f'{Path(path).stem}_seed{seed}'
            config = load_config(path)
            set_seed(config, seed)
            run = run_pipeline(config, root, until=arguments.until)
            for name, value in mean_iou_rows(run).items():
                rows.setdefault((Path(path).stem, name), {})[seed] = value
    table = PrettyTable(['config', 'mIoU of', *(f'seed {s}' for s in arguments.seeds), 'mean'])
    table.align = 'l'
    for (config, name), values in rows.items():
        # a run has a row of unsure pixels only where there are some
        cells = [f'{values[s]:.2f}' if s in values else '-' for s in arguments.seeds]
        complete = len(values) == len(arguments.seeds)
        mean = f'{sum(values.values()) / len(values):.2f}' if complete else '-'
        table.add_row([config, name, *cells, mean])
    print(table)


if __name__ == '__main__':
    main()
