"""`mmwsss convert coco`: COCO's instances as masks, lists and image labels."""

import argparse
from pathlib import Path

from .arguments import add_processes

HELP = 'Write masks, image lists and image labels of COCO from its instance annotations.'
EXAMPLE = 'mmwsss convert coco data/coco2014'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('root', type=Path, help='the folder with annotations/')
    parser.add_argument('--splits', nargs='+', default=['train2014', 'val2014'], metavar='SPLIT')
    add_processes(parser)


def run(arguments: argparse.Namespace) -> None:
    """Convert split by split."""
    from mmwsss.datasets.coco_converter import convert_coco_split

    for split in arguments.splits:
        number = convert_coco_split(arguments.root, split, arguments.processes)
        print(f'{arguments.root}: {number} images in {split}')
