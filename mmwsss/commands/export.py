"""`mmwsss export`: masks for an annotation tool, or networks as ONNX."""

import argparse
from pathlib import Path

from mmwsss.terminal import show, stage_line

from .arguments import add_run, add_verbose

HELP = 'Export the masks of a run to an annotation tool, or its networks as ONNX.'
EXAMPLE = 'mmwsss export work_dirs/irn_cpal_mine --to coco'
# those of mmwsss.annotations, which takes seconds to import; a test compares
FORMATS = ('coco', 'cvat', 'label-studio', 'labelme', 'voc', 'yolo')
ONNX = 'onnx'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run(parser)
    parser.add_argument('--to', choices=[ONNX, *FORMATS], required=True, help='the format')
    parser.add_argument('--out', type=Path, help='folder to write to; <run>/exported/<format>')
    parser.add_argument(
        '--masks', metavar='STAGE', help='whose masks; those that the last segmentor learns from'
    )
    parser.add_argument(
        '--tolerance',
        type=float,
        default=1.0,
        help='pixels by which an outline may leave out corners; 0 for every corner',
    )
    add_verbose(parser)


def run(arguments: argparse.Namespace) -> None:
    """Export, and say what to do with it."""
    if arguments.to == ONNX:
        _export_networks(arguments)
        return
    if arguments.tolerance < 0:
        raise ValueError(f'--tolerance is {arguments.tolerance}; give 0 or more pixels')
    from mmwsss.pipeline.corrections import export_run
    from mmwsss.pipeline.finding import open_run

    workspace = open_run(arguments.run, arguments.work_dir)
    with stage_line('export', workspace.root / 'exported') as line:
        folder, images, regions = export_run(
            workspace, arguments.to, arguments.out, arguments.masks, arguments.tolerance
        )
        line.result = f'{images} masks with {regions} regions in {folder}'
    show(f'corrected? mmwsss import {workspace.root} FILE_OR_FOLDER --from {arguments.to}')


def _export_networks(arguments: argparse.Namespace) -> None:
    from mmwsss.pipeline.finding import find_run
    from mmwsss.pipeline.onnx_export import export_networks

    root = find_run(arguments.run, arguments.work_dir)
    out = arguments.out or root / 'exported' / ONNX
    with stage_line('export', root / 'exported') as line:
        figures = export_networks(root, out)
        words = [f'{name} (largest difference {value:.1e})' for name, value in figures.items()]
        line.result = f'{", ".join(words)} in {out}'
