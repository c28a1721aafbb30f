"""Write a JSON file of image labels from VOC's XML files, from masks, or from a text file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmwsss.apis.arguments import run_command
from mmwsss.datasets import label_converters as converters
from mmwsss.datasets.image_labels import save_image_labels
from mmwsss.registry import DATASETS


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    sources = parser.add_subparsers(dest='source', required=True)
    xml = sources.add_parser('voc_xml', help='object names in VOC annotations')
    xml.add_argument('folder', type=Path, help='the folder Annotations')
    masks = sources.add_parser('masks', help='class indices in mask PNGs')
    masks.add_argument('folder', type=Path, help='the folder with <id>.png')
    masks.add_argument(
        '--classes',
        nargs='+',
        metavar='NAME',
        default=DATASETS.get('PascalVOCDataset').METAINFO['classes'],
        help='names of the mask values 0, 1, 2, ... (default: those of VOC)',
    )
    masks.add_argument('--ignore-index', type=int, default=255, help='value of void pixels')
    text = sources.add_parser('text', help='lines `id name name ...`')
    text.add_argument('file', type=Path)
    for source in (xml, masks):
        source.add_argument('--ids', type=Path, help='image list (default: the whole folder)')
    for source in (xml, masks, text):
        source.add_argument('--out', type=Path, required=True, help='the .json file to write')
    return parser.parse_args(argv)


def _convert(args: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    if args.source == 'text':
        return converters.labels_from_text(args.file)
    suffix = '.xml' if args.source == 'voc_xml' else '.png'
    ids = (
        converters.read_image_ids(args.ids)
        if args.ids
        else converters.ids_in_folder(args.folder, suffix)
    )
    if args.source == 'voc_xml':
        return converters.labels_from_voc_xml(args.folder, ids)
    return converters.labels_from_masks(args.folder, ids, args.classes, args.ignore_index)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = _parse_args(argv)
    labels = _convert(args)
    save_image_labels(args.out, labels)
    print(f'{args.out}: {len(labels)} images')


if __name__ == '__main__':
    run_command(main)
