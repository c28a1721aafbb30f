"""`mmwsss toy-clip`: a small CLIP of toy scenes, for trials without a network."""

import argparse
from pathlib import Path

from mmwsss.shipped import find_config
from mmwsss.terminal import show

from .arguments import add_seed, add_verbose

HELP = 'Train a CLIP of toy size on toy scenes; once, as its file is kept.'
EXAMPLE = 'mmwsss toy-clip --out work_dirs/toy_clip/clip.pth'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('--config', default='configs/quickstart/toy_clip.py')
    parser.add_argument('--out', default='work_dirs/toy_clip/clip.pth', help='the file of weights')
    add_seed(parser, 'of everything random', 0)
    add_verbose(parser)
    parser.add_argument('--images', type=int, help='scenes to train on (default: of the config)')


def run(arguments: argparse.Namespace) -> None:
    """Train, unless the file is there."""
    out = Path(arguments.out)
    if out.is_file():
        show(f'toy CLIP: {out} is there; delete it to train anew')
        return
    path = find_config(arguments.config)
    from mmwsss.pipeline.config import load_config
    from mmwsss.pipeline.toy_clip import train_toy_clip

    train_toy_clip(load_config(path), out, arguments.seed, arguments.images)
    show(f'toy CLIP: {out}')
