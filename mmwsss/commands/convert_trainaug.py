"""`mmwsss convert trainaug`: VOC's list of 10,582 training images."""

import argparse
from pathlib import Path

HELP = "Write VOC's trainaug.txt from the file names in SegmentationClassAug and from val.txt."
EXAMPLE = 'mmwsss convert trainaug data/VOCdevkit/VOC2012'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('voc_root', type=Path, help='the folder VOC2012')
    parser.add_argument('--masks', type=Path, help='default: VOC_ROOT/SegmentationClassAug')
    parser.add_argument('--out', type=Path, help='default: trainaug.txt beside val.txt')


def run(arguments: argparse.Namespace) -> None:
    """Write the list."""
    from mmwsss.datasets.label_converters import write_trainaug_list

    lists = arguments.voc_root / 'ImageSets' / 'Segmentation'
    masks = arguments.masks or arguments.voc_root / 'SegmentationClassAug'
    out = arguments.out or lists / 'trainaug.txt'
    ids = write_trainaug_list(masks, lists / 'val.txt', out)
    print(f'{out}: {len(ids)} images')
