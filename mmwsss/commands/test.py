"""`mmwsss test`: test a checkpoint."""

import argparse

from mmwsss.terminal import stage_line

from .arguments import add_network, read_config, run_in_processes, write_figures

HELP = 'Test a checkpoint as a config says.'
EXAMPLE = 'mmwsss test deeplabv2_r101_voc work_dirs/irn_voc/segmentor/epoch_28.pth --tta'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_network(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    written = parser.add_mutually_exclusive_group()
    written.add_argument('--out', help='folder for the predictions, as PNG files')
    written.add_argument(
        '--voc-archive',
        metavar='TAR_GZ',
        help='write the predictions for the PASCAL VOC server, and open no ground truth',
    )
    parser.add_argument('--show-dir', help='folder for painted pictures')
    parser.add_argument('--tta', action='store_true', help='several scales and flip, CRF')


def run(arguments: argparse.Namespace) -> None:
    """Test, and print the figures."""
    if run_in_processes(arguments):
        return
    config = read_config(arguments)
    from mmwsss.pipeline.network import test
    from mmwsss.pipeline.predictions import check_writes_masks, config_for_archive

    if arguments.out:
        check_writes_masks(config, '--out')
        config.test_evaluator.output_dir = arguments.out
    if arguments.voc_archive:
        config = config_for_archive(config, arguments.voc_archive)
    if arguments.show_dir:
        config.visualizer.save_dir = arguments.show_dir
        config.default_hooks.visualization.update(draw=True, interval=1)
    with stage_line('test', config.work_dir) as line:
        figures = test(config, arguments.checkpoint, arguments.tta)
        words = [f'{name} {value:.2f}' for name, value in figures.items()]
        line.result = ', '.join([*words, *([f'by class in {line.log}'] if line.log else [])])
    write_figures(arguments.figures, {name: float(value) for name, value in figures.items()})
