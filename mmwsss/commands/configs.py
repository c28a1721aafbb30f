"""`mmwsss configs`: list the configs that come with the package."""

import argparse
from pathlib import Path

from mmwsss.shipped import find_config, shipped_configs, shipped_root

HELP = 'List the configs that come with the package, or say where one lies.'
EXAMPLE = 'mmwsss configs irn_cpal_voc'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('name', nargs='?', help='print the path of this one alone')


def run(arguments: argparse.Namespace) -> None:
    """Print one line per config: its name in configs/, and what it is."""
    if arguments.name:
        print(find_config(arguments.name))
        return
    folder = shipped_root() / 'configs'
    names = {path.relative_to(folder).as_posix(): path for path in shipped_configs()}
    for name, path in names.items():
        print(f'{name:{max(map(len, names))}}  {first_comment(path)}')


def first_comment(path: Path) -> str:
    """Return the first sentence of the comment that a config begins with, or nothing."""
    lines = []
    for line in path.read_text(encoding='utf-8').splitlines():
        if not line.startswith('#'):
            break
        lines.append(line.lstrip('# '))
    return ' '.join(lines).partition('. ')[0].rstrip('.:')
