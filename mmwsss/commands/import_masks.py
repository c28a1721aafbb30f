"""`mmwsss import`: masks that were corrected in an annotation tool, back into the run."""

import argparse
from pathlib import Path

from mmwsss.terminal import show, stage_line

from .arguments import add_run, add_verbose
from .export import FORMATS

HELP = 'Import masks that were corrected in an annotation tool; the segmentor becomes due again.'
EXAMPLE = 'mmwsss import work_dirs/irn_cpal_mine instances_default.json --from coco'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run(parser)
    parser.add_argument('source', type=Path, help='file or folder that the tool has saved')
    parser.add_argument(
        '--from', choices=FORMATS, required=True, dest='kind', help='the format of the export'
    )
    parser.add_argument('--masks', metavar='STAGE', help='whose masks, as for the export')
    add_verbose(parser)


def run(arguments: argparse.Namespace) -> None:
    """Import, and say what has changed."""
    from mmwsss.pipeline.corrections import import_into_run
    from mmwsss.pipeline.finding import open_run

    workspace = open_run(arguments.run, arguments.work_dir)
    with stage_line('import', workspace.root / 'exported') as line:
        folder, imported = import_into_run(
            workspace, arguments.kind, arguments.source, arguments.masks
        )
        words = f'{len(imported.changed)} masks changed, {imported.untouched} as they were'
        line.result = words + (f', {imported.absent} not in it' if imported.absent else '')
    show(f'corrected masks: {folder}; `mmwsss run` with the same config trains the segmentor anew')
