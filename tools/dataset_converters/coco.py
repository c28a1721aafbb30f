"""Write masks, image lists and image labels of COCO from its instance annotations."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from mmwsss.apis.arguments import run_command
from mmwsss.datasets.coco_converter import convert_coco_split


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('root', type=Path, help='the folder with annotations/')
    parser.add_argument('--splits', nargs='+', default=['train2014', 'val2014'], metavar='SPLIT')
    parser.add_argument('--processes', type=int, default=os.cpu_count() or 1)
    args = parser.parse_args(argv)
    for split in args.splits:
        count = convert_coco_split(args.root, split, args.processes)
        print(f'{args.root}: {count} images in {split}')


if __name__ == '__main__':
    run_command(main)
