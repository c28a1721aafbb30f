"""`mmwsss check`: what is wrong or risky, and what a run will cost."""

import argparse
from typing import TYPE_CHECKING

from .arguments import add_config, add_verbose, read_changes

if TYPE_CHECKING:
    from mmengine.config import Config

HELP = 'Say what of a config and its images is wrong or risky, and what a run will cost here.'
EXAMPLE = 'mmwsss check photos.py --labels'
_SHOWN = 20  # doubted labels
_LONG_SIDE = 256  # pixels, where the config has no view to take it from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument(
        '--no-trial', action='store_true', help='look only, without trying stages on a few images'
    )
    parser.add_argument(
        '--labels',
        action='store_true',
        help='also list labels that are likely wrong, by networks that have not learnt from the '
        'image: three trainings',
    )
    add_verbose(parser)


def run(arguments: argparse.Namespace) -> None:
    """Look, score, try; what would stop the run ends with exit code 1."""
    from mmwsss.own_images.checkup import format_findings, list_findings
    from mmwsss.pipeline.building import refuse_unread
    from mmwsss.pipeline.config import load_config
    from mmwsss.terminal import show

    changes = read_changes(arguments.cfg_options)
    config = load_config(arguments.config, changes)
    refuse_unread(config, changes)
    findings = list_findings(config)
    show(format_findings(findings))
    if stops := sum(finding.level == 'stop' for finding in findings):
        raise ValueError(f'{stops} things would stop the run: mend them first')
    if arguments.labels:
        _show_doubted(config)
    if not arguments.no_trial:
        _show_costs(config)


def _show_doubted(config: 'Config') -> None:
    from mmwsss.own_images.checkup import images_of
    from mmwsss.own_images.out_of_fold import doubted_labels
    from mmwsss.terminal import show

    found = doubted_labels(config, round(images_of(config).long_side or _LONG_SIDE))
    show(f'{len(found)} labels are likely wrong{": the clearest" if len(found) > _SHOWN else ""}')
    for image_id, name, issue in found[:_SHOWN]:
        says = 'labelled, but not seen' if issue.labelled else 'seen, but not labelled'
        show(f'  {image_id}: {name} is {says} ({issue.margin:.2f} beyond the threshold)')


def _show_costs(config: 'Config') -> None:
    from mmwsss.own_images.trial import try_stages
    from mmwsss.pipeline.memory import format_memory
    from mmwsss.terminal import format_duration, show

    show('every stage is tried on a few images')
    costs = list(try_stages(config))
    show('what a run will cost on this machine:')
    total = 0.0
    for cost in costs:
        if cost.failed:
            show(f'  {cost.name}: the trial ends here ({cost.failed})')
            return
        total += cost.seconds
        duration = format_duration(cost.seconds)
        show(f'  {cost.name:13}{duration:>12}  {format_memory(cost.memory)}'.rstrip())
    show(f'  together     {format_duration(total):>12}')
