"""Turn seeds into pseudo masks with the dense CRF (or argmax alone)."""

import argparse

from mmwsss.apis.arguments import run_command
from mmwsss.seeds import (
    CRF_PRESETS,
    SOURCES,
    RefineSettings,
    read_ids,
    refine_items,
    refine_seeds_with_crf,
)

CRFS = {**CRF_PRESETS, 'none': None}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    defaults = RefineSettings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('seed_dir', help='folder with <id>.npz, from tools/generate_seeds.py')
    parser.add_argument('out_dir', help='folder for the masks, <id>.png')
    parser.add_argument('--images', required=True, help='folder with <id><suffix>')
    parser.add_argument('--image-suffix', default='.jpg')
    parser.add_argument('--ids', required=True, help='text file, one image id a line')
    parser.add_argument('--source', default=defaults.source, choices=SOURCES)
    background = parser.add_mutually_exclusive_group()
    background.add_argument('--bg-threshold', type=float, default=defaults.bg_threshold)
    background.add_argument(
        '--own-background',
        dest='bg_threshold',
        action='store_const',
        const=None,
        help="use the seeds' own background maps instead of a threshold",
    )
    background.add_argument(
        '--bg-power',
        type=float,
        help='use (1 - max) to this power as background instead of a threshold (CLIP-ES)',
    )
    parser.add_argument('--crf', default='irn', choices=CRFS, help='hard labels, soft, or no CRF')
    parser.add_argument(
        '--min-confidence',
        type=float,
        default=defaults.min_confidence,
        help='ignore pixels whose largest posterior is below',
    )
    parser.add_argument('--processes', type=int, default=1)
    parser.add_argument('--resume', action='store_true', help='keep the masks that exist')
    return parser.parse_args()


def main() -> None:
    """Refine."""
    args = parse_args()
    settings = RefineSettings(
        args.source,
        args.bg_threshold,
        args.min_confidence,
        CRFS[args.crf],
        args.bg_power,
    )
    items = refine_items(args.seed_dir, args.images, read_ids(args.ids), args.image_suffix)
    written = refine_seeds_with_crf(items, args.out_dir, settings, args.processes, args.resume)
    print(f'{written} of {len(items)} masks written to {args.out_dir}')


if __name__ == '__main__':
    run_command(main)
