"""`mmwsss thresholds`: choose the thresholds of ir_labels."""

import argparse
import json
from pathlib import Path

from .arguments import SOURCES, add_crf, add_images, add_processes, add_seed_files, crf_of

HELP = 'Choose the two thresholds of ir_labels, on images with ground truth.'
EXAMPLE = (
    'mmwsss thresholds work_dirs/irn_voc/seeds/seeds SegmentationClass --images JPEGImages '
    '--ids train.txt --num-images 200'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_seed_files(parser)
    parser.add_argument('ground_truth', help='folder with <id>.png')
    add_images(parser)
    parser.add_argument('--num-images', type=int, help='evenly chosen ones only, to save time')
    parser.add_argument('--source', default='cam', choices=SOURCES)
    add_crf(parser)
    parser.add_argument(
        '--fg-precision',
        type=float,
        default=0.85,
        help='wanted of the foreground: the lowest background score that reaches it is chosen',
    )
    parser.add_argument(
        '--bg-precision',
        type=float,
        default=0.97,
        help='wanted of the background: the highest background score that reaches it is chosen',
    )
    add_processes(parser)
    parser.add_argument('--out', default='thresholds.json', help='what was chosen, and on what')


def run(arguments: argparse.Namespace) -> None:
    """Search, print the curve, record the choice."""
    from mmwsss.evaluation.threshold_search import (
        choose_evenly,
        choose_thresholds,
        format_curve,
        measure_precision,
    )
    from mmwsss.seeds import refine_items
    from mmwsss.structures import Range, atomic_path, check_range, read_ids

    for name in ('fg_precision', 'bg_precision'):  # before every threshold is tried
        check_range(f'--{name.replace("_", "-")}', getattr(arguments, name), Range(0, 1))
    ids = choose_evenly(read_ids(arguments.ids), arguments.num_images)
    items = refine_items(arguments.seed_dir, arguments.images, ids, arguments.image_suffix)
    curve = measure_precision(
        items,
        arguments.ground_truth,
        arguments.source,
        crf_of(arguments),
        processes=arguments.processes,
    )
    print(format_curve(curve))
    fg, bg = choose_thresholds(curve, arguments.fg_precision, arguments.bg_precision)
    record = {
        'fg_threshold': fg,
        'bg_threshold': bg,
        'wanted': {'foreground': arguments.fg_precision, 'background': arguments.bg_precision},
        'source': arguments.source,
        'crf': arguments.crf,
        'split': str(arguments.ids),
        'images': len(items),
    }
    with atomic_path(Path(arguments.out)) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + '\n', encoding='utf-8')
    print(
        f'fg_threshold={fg}, bg_threshold={bg}: for the stage MakeIRLabels; noted in '
        f'{arguments.out}'
    )
