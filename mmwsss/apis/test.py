"""`tools/test.py`: test a checkpoint."""

import argparse

from mmwsss.pipeline.runs import test

from .arguments import add_config_arguments, read_config, run_command, write_figures


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Test a checkpoint as a config says.')
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='folder for the predictions, as PNG files')
    parser.add_argument('--show-dir', help='folder for painted pictures')
    parser.add_argument('--tta', action='store_true', help='several scales and flip, CRF')
    return parser.parse_args()


def main() -> None:
    """Test, and print the figures."""
    arguments = parse_arguments()
    config = read_config(arguments)
    if arguments.out:
        config.test_evaluator.output_dir = arguments.out
    if arguments.show_dir:
        config.visualizer.save_dir = arguments.show_dir
        config.default_hooks.visualization.update(draw=True, interval=1)
    figures = test(config, arguments.checkpoint, arguments.tta)
    write_figures(arguments.figures, {name: float(value) for name, value in figures.items()})


if __name__ == '__main__':
    run_command(main)
