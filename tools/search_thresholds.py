"""Choose thresholds where a method publishes none, on images with ground truth."""

import argparse
import json
from pathlib import Path

from prettytable import PrettyTable

from mmwsss.apis.arguments import run_command
from mmwsss.evaluation.threshold_search import choose_thresholds, measure_precision
from mmwsss.seeds import CRF_PRESETS, SOURCES, read_ids, refine_items
from mmwsss.structures import atomic_path


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Choose the two thresholds of ir_labels: the lowest background score at which '
        'the foreground, and the highest at which the background is as precise as wanted.'
    )
    parser.add_argument('seed_dir', help='folder with <id>.npz, from tools/generate_seeds.py')
    parser.add_argument('ground_truth', help='folder with <id>.png')
    parser.add_argument('--images', required=True, help='folder with <id><suffix>')
    parser.add_argument('--image-suffix', default='.jpg')
    parser.add_argument('--ids', required=True, help='text file, one image id a line: the split')
    parser.add_argument('--num-images', type=int, help='evenly chosen ones only, to save time')
    parser.add_argument('--source', default='cam', choices=SOURCES)
    parser.add_argument('--crf', default='irn', choices=[*CRF_PRESETS, 'none'])
    parser.add_argument('--fg-precision', type=float, default=0.85)
    parser.add_argument('--bg-precision', type=float, default=0.97)
    parser.add_argument('--processes', type=int, default=1)
    parser.add_argument('--out', default='thresholds.json', help='what was chosen, and on what')
    return parser.parse_args()


def main() -> None:
    """Search, print the curve, record the choice."""
    args = parse_args()
    ids = read_ids(args.ids)
    number = min(args.num_images or len(ids), len(ids))
    evenly = [ids[index * len(ids) // number] for index in range(number)]
    items = refine_items(args.seed_dir, args.images, evenly, args.image_suffix)
    curve = measure_precision(
        items, args.ground_truth, args.source, CRF_PRESETS.get(args.crf), processes=args.processes
    )
    table = PrettyTable(['threshold', 'foreground precision', 'background precision'])
    rows = zip(curve.thresholds, curve.foreground, curve.background, strict=True)
    for threshold, foreground, background in rows:
        table.add_row([f'{threshold:.2f}', f'{foreground:.3f}', f'{background:.3f}'])
    print(table)
    fg, bg = choose_thresholds(curve, args.fg_precision, args.bg_precision)
    record = {
        'fg_threshold': fg,
        'bg_threshold': bg,
        'wanted': {'foreground': args.fg_precision, 'background': args.bg_precision},
        'source': args.source,
        'crf': args.crf,
        'split': str(args.ids),
        'images': len(items),
    }
    with atomic_path(Path(args.out)) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + '\n', encoding='utf-8')
    print(f'fg_threshold={fg}, bg_threshold={bg}: for the stage MakeIRLabels; noted in {args.out}')


if __name__ == '__main__':
    run_command(main)
