"""Judge seeds by ground-truth masks: the mean IoU at every background threshold."""

import argparse
import json
from pathlib import Path

from mmwsss.apis.arguments import run_command
from mmwsss.datasets.coco_objects import COCO_CLASSES
from mmwsss.evaluation import class_names, evaluate_seeds, format_evaluation
from mmwsss.seeds import SOURCES, read_ids
from mmwsss.structures import atomic_path


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('seed_dir', help='folder with <id>.npz, from tools/generate_seeds.py')
    parser.add_argument('--masks', required=True, help='folder with ground truth, <id>.png')
    parser.add_argument('--ids', required=True, type=Path, help='text file, one image id a line')
    parser.add_argument(
        '--classes', nargs='+', default=['voc'], help='voc, coco, FILE.json or names'
    )
    parser.add_argument('--sources', nargs='+', default=list(SOURCES), choices=SOURCES)
    parser.add_argument('--processes', type=int, default=1, help='for thousands of images')
    parser.add_argument('--curve', type=Path, help='write the whole curves to this JSON file')
    return parser.parse_args()


def main() -> None:
    """Evaluate, print, write."""
    args = parse_args()
    evaluation = evaluate_seeds(
        args.seed_dir,
        args.masks,
        read_ids(args.ids),
        COCO_CLASSES[1:] if args.classes == ['coco'] else class_names(args.classes),
        sources=args.sources,
        split=args.ids.stem,
        processes=args.processes,
    )
    print(format_evaluation(evaluation))
    if args.curve:
        with atomic_path(args.curve) as temporary:
            temporary.write_text(json.dumps(evaluation, indent=2) + '\n', encoding='utf-8')


if __name__ == '__main__':
    run_command(main)
