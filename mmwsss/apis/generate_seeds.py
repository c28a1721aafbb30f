"""`tools/generate_seeds.py`: a seed file an image."""

import argparse
from pathlib import Path

from mmwsss.pipeline.runs import generate_seeds

from .arguments import add_config_arguments, read_config, run_command, write_figures


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Write a seed file an image of seed_dataloader.')
    add_config_arguments(parser)
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file; none for a frozen host')
    parser.add_argument('--out-dir', help='folder of the seeds; <work-dir>/seeds if not given')
    return parser.parse_args()


def main() -> None:
    """Write the seeds that are not there yet."""
    arguments = parse_arguments()
    config = read_config(arguments)
    out_dir = Path(arguments.out_dir or Path(config.work_dir) / 'seeds')
    generate_seeds(config, arguments.checkpoint, out_dir)
    write_figures(arguments.figures, {'seeds': len(list(out_dir.glob('*.npz')))})


if __name__ == '__main__':
    run_command(main)
