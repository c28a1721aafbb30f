"""Write VOC's trainaug.txt from the file names in SegmentationClassAug and from val.txt."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmwsss.apis.arguments import run_command
from mmwsss.datasets.label_converters import write_trainaug_list


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('voc_root', type=Path, help='the folder VOC2012')
    parser.add_argument('--masks', type=Path, help='default: VOC_ROOT/SegmentationClassAug')
    parser.add_argument('--out', type=Path, help='default: trainaug.txt beside val.txt')
    args = parser.parse_args(argv)
    lists = args.voc_root / 'ImageSets' / 'Segmentation'
    masks = args.masks or args.voc_root / 'SegmentationClassAug'
    out = args.out or lists / 'trainaug.txt'
    ids = write_trainaug_list(masks, lists / 'val.txt', out)
    print(f'{out}: {len(ids)} images')


if __name__ == '__main__':
    run_command(main)
