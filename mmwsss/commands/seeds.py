"""`mmwsss seeds`: one seed file per image."""

import argparse
from pathlib import Path

from mmwsss.terminal import stage_line

from .arguments import add_backbone, add_network, read_config, run_in_processes, write_figures

HELP = 'Write one seed file per image of seed_dataloader; those that are there are kept.'
EXAMPLE = 'mmwsss seeds irn_cpal_voc work_dirs/irn_cpal_voc/cam/epoch_5.pth --out-dir seeds'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_network(parser)
    add_backbone(parser)
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file; none for a frozen host')
    parser.add_argument('--out-dir', help='folder of the seeds; <work-dir>/seeds if not given')


def run(arguments: argparse.Namespace) -> None:
    """Write the seeds that are not there yet."""
    if run_in_processes(arguments):
        return
    config = read_config(arguments)
    from mmwsss.pipeline.lock import locked_output
    from mmwsss.pipeline.network import generate_seeds

    out_dir = Path(arguments.out_dir or Path(config.work_dir) / 'seeds')
    with stage_line('seeds', config.work_dir) as line, locked_output(out_dir, config.launcher):
        figures = generate_seeds(config, arguments.checkpoint, out_dir)
        line.result = f'{figures["seeds"]} seeds in {out_dir}'
    write_figures(arguments.figures, figures)
