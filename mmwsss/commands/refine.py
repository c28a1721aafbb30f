"""`mmwsss refine`: from seeds to pseudo masks."""

import argparse
from dataclasses import fields

from .arguments import REFINERS, SOURCES, add_crf, add_images, add_processes, add_seed_files, crf_of

HELP = 'Turn seeds into pseudo masks with the dense CRF (or argmax alone).'
EXAMPLE = 'mmwsss refine work_dirs/irn_voc/seeds/seeds masks --images JPEGImages --ids train.txt'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; the defaults of `RefineSettings` are written there alone."""
    add_seed_files(parser)
    parser.add_argument('out_dir', help='folder for the masks, <id>.png')
    add_images(parser)
    unset = argparse.SUPPRESS
    parser.add_argument('--source', default=unset, choices=SOURCES)
    background = parser.add_mutually_exclusive_group()
    background.add_argument(
        '--bg-threshold',
        type=_threshold,
        default=unset,
        help='constant background score in [0, 1]; auto chooses it by the seeds alone',
    )
    background.add_argument(
        '--own-background',
        dest='bg_threshold',
        action='store_const',
        const=None,
        default=unset,
        help="use the seeds' own background maps instead of a threshold",
    )
    background.add_argument(
        '--bg-power',
        type=float,
        default=unset,
        help='use (1 - max) to this power as background instead of a threshold (CLIP-ES)',
    )
    parser.add_argument(
        '--refiner',
        default=unset,
        choices=REFINERS,
        help='the CRF, pixel-adaptive refinement (PAR) in its place, or votes per segment after it',
    )
    _add_vote(parser)
    add_crf(parser)
    parser.add_argument(
        '--min-confidence',
        type=float,
        default=unset,
        help='ignore pixels whose largest posterior is below',
    )
    add_processes(parser)
    parser.add_argument('--resume', action='store_true', help='keep the masks that exist')


def _add_vote(parser: argparse.ArgumentParser) -> None:
    """Add the segments and their rules; the defaults of `SegmentVote` are written there alone."""
    group = parser.add_argument_group('the refiner segments')
    unset = argparse.SUPPRESS
    group.add_argument('--segments', help='folder of the segments, from `mmwsss segments` or SAM')
    group.add_argument('--ballot', default=unset, choices=('label', 'score'))
    group.add_argument(
        '--min-share', type=float, default=unset, help='share of a segment that must vote alike'
    )
    group.add_argument(
        '--min-covered', type=float, default=unset, help='share of a class that is enough as well'
    )
    group.add_argument(
        '--no-background-votes',
        dest='background_votes',
        action='store_false',
        default=unset,
        help='elect no segment for the background',
    )
    group.add_argument(
        '--conflict',
        default=unset,
        choices=('smallest', 'largest', 'surest', 'ignore'),
        help='who has a pixel that segments of different labels claim',
    )
    group.add_argument(
        '--unelected',
        default=unset,
        choices=('keep', 'background'),
        help='what pixels become in segments that have no label',
    )


def _threshold(word: str) -> float | str:
    return word if word == 'auto' else float(word)


def run(arguments: argparse.Namespace) -> None:
    """Refine."""
    from mmwsss.pipeline.lock import locked_output
    from mmwsss.seeds import (
        AUTO,
        RefineSettings,
        SegmentVote,
        auto_threshold,
        refine_items,
        refine_seeds_with_crf,
    )
    from mmwsss.structures import read_ids

    names = ('source', 'bg_threshold', 'bg_power', 'min_confidence', 'refiner')
    given = {name: value for name, value in vars(arguments).items() if name in names}
    rules = {field.name for field in fields(SegmentVote)}
    vote = {name: value for name, value in vars(arguments).items() if name in rules}
    voted = given.get('refiner') == 'segments'
    if voted != bool(arguments.segments) or (vote and not voted):
        raise ValueError('--refiner segments and --segments FOLDER, and the rules, go together')
    items = refine_items(
        arguments.seed_dir,
        arguments.images,
        read_ids(arguments.ids),
        arguments.image_suffix,
        arguments.segments,
    )
    if given.get('bg_threshold') == AUTO:
        source = given.get('source', RefineSettings.source)
        chosen = auto_threshold([item.seed_path for item in items], source)
        given['bg_threshold'] = chosen['threshold']
        print(f'background threshold, chosen by the seeds: {chosen["threshold"]:.2f}')
    settings = RefineSettings(**given, crf=crf_of(arguments), vote=SegmentVote(**vote))
    with locked_output(arguments.out_dir):
        written = refine_seeds_with_crf(
            items, arguments.out_dir, settings, arguments.processes, arguments.resume
        )
    print(f'{written} of {len(items)} masks written to {arguments.out_dir}')
