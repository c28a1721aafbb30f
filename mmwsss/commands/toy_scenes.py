"""`mmwsss toy-scenes`: a data set drawn by code."""

import argparse

from .arguments import add_seed

HELP = 'Draw the toy scenes: a data set in VOC layout, made by code.'
EXAMPLE = 'mmwsss toy-scenes data/toy_scenes --train 120 --val 30'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('out', help='folder of the data set')
    parser.add_argument('--train', type=int, default=200, help='images of the split train')
    parser.add_argument('--val', type=int, default=50, help='images of the split val')
    add_seed(parser, 'of the scenes', 0)
    parser.add_argument('--sides', type=int, nargs=2, default=(144, 192), help='range in pixels')


def run(arguments: argparse.Namespace) -> None:
    """Draw."""
    from mmwsss.toy_scenes import write_toy_scenes

    root = write_toy_scenes(
        arguments.out, arguments.train, arguments.val, arguments.seed, tuple(arguments.sides)
    )
    print(f'toy scenes: {root}')
