"""`mmwsss refine`: from seeds to pseudo masks."""

import argparse

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
        help='the CRF, or pixel-adaptive refinement (PAR) in its place',
    )
    add_crf(parser)
    parser.add_argument(
        '--min-confidence',
        type=float,
        default=unset,
        help='ignore pixels whose largest posterior is below',
    )
    add_processes(parser)
    parser.add_argument('--resume', action='store_true', help='keep the masks that exist')


def _threshold(word: str) -> float | str:
    return word if word == 'auto' else float(word)


def run(arguments: argparse.Namespace) -> None:
    """Refine."""
    from mmwsss.pipeline.lock import locked_output
    from mmwsss.seeds import (
        AUTO,
        RefineSettings,
        auto_threshold,
        refine_items,
        refine_seeds_with_crf,
    )
    from mmwsss.structures import read_ids

    names = ('source', 'bg_threshold', 'bg_power', 'min_confidence', 'refiner')
    given = {name: value for name, value in vars(arguments).items() if name in names}
    items = refine_items(
        arguments.seed_dir, arguments.images, read_ids(arguments.ids), arguments.image_suffix
    )
    if given.get('bg_threshold') == AUTO:
        source = given.get('source', RefineSettings.source)
        chosen = auto_threshold([item.seed_path for item in items], source)
        given['bg_threshold'] = chosen['threshold']
        print(f'background threshold, chosen by the seeds: {chosen["threshold"]:.2f}')
    settings = RefineSettings(**given, crf=crf_of(arguments))
    with locked_output(arguments.out_dir):
        written = refine_seeds_with_crf(
            items, arguments.out_dir, settings, arguments.processes, arguments.resume
        )
    print(f'{written} of {len(items)} masks written to {arguments.out_dir}')
