"""`mmwsss evaluate`: judge seeds by ground-truth masks."""

import argparse
import json
from pathlib import Path

from .arguments import SOURCES, add_processes, add_seed_files

HELP = 'Judge seeds by ground-truth masks: the mean IoU at every background threshold.'
EXAMPLE = 'mmwsss evaluate work_dirs/irn_voc/seeds/seeds --masks SegmentationClass --ids train.txt'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_seed_files(parser)
    parser.add_argument('--masks', required=True, help='folder with ground truth, <id>.png')
    parser.add_argument(
        '--classes', nargs='+', default=['voc'], help='voc, coco, FILE.json or names'
    )
    parser.add_argument('--sources', nargs='+', default=list(SOURCES), choices=SOURCES)
    add_processes(parser)
    parser.add_argument('--curve', type=Path, help='write the whole curves to this JSON file')


def run(arguments: argparse.Namespace) -> None:
    """Evaluate, print, write."""
    from mmwsss.datasets.coco_objects import COCO_CLASSES
    from mmwsss.evaluation import class_names, evaluate_seeds, format_evaluation
    from mmwsss.evaluation.ground_truth import MaskToCheck, check_masks
    from mmwsss.structures import atomic_path, read_ids

    of_coco = arguments.classes == ['coco']
    classes = COCO_CLASSES[1:] if of_coco else class_names(arguments.classes)
    ids = read_ids(arguments.ids)
    masks = [MaskToCheck(Path(arguments.masks, f'{image_id}.png')) for image_id in ids]
    check_masks(masks, classes)
    evaluation = evaluate_seeds(
        arguments.seed_dir,
        arguments.masks,
        ids,
        classes,
        sources=arguments.sources,
        split=arguments.ids.stem,
        processes=arguments.processes,
    )
    print(format_evaluation(evaluation))
    if arguments.curve:
        with atomic_path(arguments.curve) as temporary:
            temporary.write_text(json.dumps(evaluation, indent=2) + '\n', encoding='utf-8')
