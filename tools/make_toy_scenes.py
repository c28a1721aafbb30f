"""Draw the toy scenes: a data set in VOC layout, made by code."""

import argparse

from mmwsss.apis.arguments import run_command
from mmwsss.datasets.toy_scenes import write_toy_scenes


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', help='folder of the data set')
    parser.add_argument('--train', type=int, default=200, help='images of the split train')
    parser.add_argument('--val', type=int, default=50, help='images of the split val')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--sides', type=int, nargs=2, default=(144, 192), help='range in pixels')
    arguments = parser.parse_args()
    root = write_toy_scenes(
        arguments.out, arguments.train, arguments.val, arguments.seed, tuple(arguments.sides)
    )
    print(f'toy scenes: {root}')


if __name__ == '__main__':
    run_command(main)
