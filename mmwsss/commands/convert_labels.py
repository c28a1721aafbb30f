"""`mmwsss convert labels`: image labels from what a data set comes with."""

import argparse
from pathlib import Path

HELP = "Write a JSON file of image labels from VOC's XML files, masks, tables or exports of tools."
EXAMPLE = (
    'mmwsss convert labels voc_xml VOC2012/Annotations --ids train.txt --out image_labels.json'
)
_ONLY_FOR = {  # option -> sources that take it
    'ids': ('voc_xml', 'masks'),
    'classes': ('masks',),
    'ignore_index': ('masks',),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        'source',
        choices=['voc_xml', 'masks', 'text', 'export'],
        help='object names in XML files, class indices in PNG files, lines `id name name ...`, or '
        'a table or an export of Label Studio, CVAT, COCO, LabelMe, YOLO',
    )
    parser.add_argument('path', type=Path, help='their folder, or the file')
    parser.add_argument('--ids', type=Path, help='image list (default: the whole folder)')
    parser.add_argument(
        '--classes',
        nargs='+',
        metavar='NAME',
        help='of masks: names of the values 0, 1, 2, ... (default: those of VOC)',
    )
    parser.add_argument('--ignore-index', type=int, help='of masks: value of void pixels (255)')
    parser.add_argument('--out', type=Path, required=True, help='the .json file to write')


def run(arguments: argparse.Namespace) -> None:
    """Convert."""
    for option, sources in _ONLY_FOR.items():
        if getattr(arguments, option) is not None and arguments.source not in sources:
            name = f'--{option.replace("_", "-")}'
            raise argparse.ArgumentError(None, f'{name} is for {" and ".join(sources)} alone')
    from mmwsss.datasets.image_labels import save_image_labels

    labels = _convert(arguments)
    save_image_labels(arguments.out, labels)
    print(f'{arguments.out}: {len(labels)} images')


def _convert(arguments: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes in each image."""
    from mmwsss.datasets import label_converters as converters
    from mmwsss.datasets.image_labels import read_image_labels
    from mmwsss.registry import DATASETS
    from mmwsss.seeds import IGNORE_INDEX
    from mmwsss.structures import read_ids

    if arguments.source == 'text':
        return converters.labels_from_text(arguments.path)
    if arguments.source == 'export':
        kind, labels = read_image_labels(arguments.path)
        print(f'{arguments.path}: {kind}')
        return labels
    if arguments.ids:
        ids = read_ids(arguments.ids)
    else:
        suffix = '.xml' if arguments.source == 'voc_xml' else '.png'
        ids = converters.ids_in_folder(arguments.path, suffix)
    if arguments.source == 'voc_xml':
        return converters.labels_from_voc_xml(arguments.path, ids)
    classes = arguments.classes or DATASETS.get('PascalVOCDataset').METAINFO['classes']
    ignored = IGNORE_INDEX if arguments.ignore_index is None else arguments.ignore_index
    return converters.labels_from_masks(arguments.path, ids, classes, ignored)
