"""`mmwsss new`: a config for a folder of photographs."""

import argparse

from mmwsss.shipped import shipped_backbones

HELP = 'Look at a folder of images and their labels, and write a config for them.'
EXAMPLE = 'mmwsss new photos --labels labels.csv'
# those of mmwsss.own_images, which takes seconds to import; a test compares
METHODS = ('cpal', 'irn')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('folder', help='the images, in subfolders too')
    parser.add_argument(
        '--labels',
        metavar='FILE',
        help='which classes each image shows; if not given, labels.csv, .json or .txt in the '
        'folder, or else a subfolder per class',
    )
    parser.add_argument('--method', choices=METHODS, default='cpal')
    parser.add_argument(
        '--backbone',
        choices=shipped_backbones(),
        metavar='NAME',
        help='%(choices)s; if not given: resnet50 where there is a GPU, else efficientnet_lite0',
    )
    parser.add_argument('--out', metavar='CONFIG', help='<name of the folder>.py if not given')


def run(arguments: argparse.Namespace) -> None:
    """Write the config; say what was found and what comes next."""
    from mmwsss.own_images import write_new_config

    path, found = write_new_config(
        arguments.folder, arguments.labels, arguments.method, arguments.backbone, arguments.out
    )
    counts = ', '.join(f'{name} {count}' for name, count in found.class_counts.items())
    print(f'{found.label_file}: {found.label_kind}')
    print(f'{len(found.sizes)} images; {counts}')
    if found.left_out:
        print(f'{len(found.left_out)} images are left out: see the comments in {path}')
    print(f'{path} says what was chosen and why. Next: mmwsss run {path}')
