"""`mmwsss report`: the page of runs that have ended, or that were stopped."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmwsss.terminal import show, stage_line

from .arguments import add_processes, add_verbose

if TYPE_CHECKING:
    from mmwsss.pipeline.run import PipelineRun

HELP = 'Write the page with figures, curves and pictures of runs, without running anything.'
EXAMPLE = 'mmwsss report work_dirs/irn_voc work_dirs/irn_cpal_voc --out both.html'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('runs', nargs='+', help='work folders of runs, or their configs')
    parser.add_argument('--out', type=Path, help='the page; report.html in the last folder')
    parser.add_argument(
        '--images', type=int, default=2000, help='images shown at most; all are judged'
    )
    add_processes(parser)
    add_verbose(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the page of what is there."""
    from mmwsss.pipeline.finding import open_run
    from mmwsss.pipeline.report import write_report
    from mmwsss.pipeline.run import finished_run

    if arguments.images < 0:
        raise ValueError(f'--images is {arguments.images}; give 0 or more')
    runs = []
    for source in arguments.runs:
        workspace = open_run(source)
        runs.append(_what_is_done(finished_run(workspace.config, workspace.root)))
        runs[-1].workspace.processes = arguments.processes
    page = arguments.out or runs[-1].workspace.root / 'report.html'
    with stage_line('report', runs[-1].workspace.root) as line:
        write_report(page, runs, arguments.images)
        line.result = f'{page}'
    show(f'pictures: {page}')


def _what_is_done(run: 'PipelineRun') -> 'PipelineRun':
    """Say which stages a page leaves out, as their recipe or files have changed since.

    Raises:
        ValueError: Nothing is left to show.
    """
    from mmwsss.pipeline.run import outdated_stages

    root, outdated = run.workspace.root, outdated_stages(run)
    changed = (
        f'{", ".join(outdated)} of {root} fit neither the config nor the images, labels and masks '
        'of today'
    )
    if not run.records:
        raise ValueError(
            f'{changed if outdated else f"no stage of {root} is done"}: `mmwsss run` makes them'
        )
    if outdated:
        show(f'note: {changed}, and are left out')
    return run
