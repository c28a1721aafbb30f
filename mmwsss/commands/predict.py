"""`mmwsss predict`: masks of new images by the segmentor of a run."""

import argparse
from pathlib import Path

from mmwsss.terminal import show, stage_line

from .arguments import add_run, add_verbose

HELP = 'Predict masks of new images with the newest segmentor of a run.'
EXAMPLE = 'mmwsss predict work_dirs/irn_cpal_mine photos/*.jpg --out predictions --overlay'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run(parser, 'work folder of a run, or its config; also of one training')
    parser.add_argument('images', nargs='+', help='image files, folders, patterns')
    parser.add_argument('--out', type=Path, default=Path('predictions'), help='folder to write to')
    parser.add_argument('--overlay', action='store_true', help='paint masks over the images, too')
    parser.add_argument(
        '--no-tta', action='store_true', help='one view instead of several scales, flip and CRF'
    )
    parser.add_argument('--device', help='as torch names it; the first GPU if there is one')
    add_verbose(parser)


def run(arguments: argparse.Namespace) -> None:
    """Predict; what could not be read is said at the end once more, with exit code 1."""
    from mmwsss.pipeline.finding import find_run
    from mmwsss.pipeline.inference import check_device, open_segmentor
    from mmwsss.pipeline.lock import locked_output
    from mmwsss.pipeline.new_images import AREAS, find_images, predict_images

    run_dir = find_run(arguments.run, arguments.work_dir)
    check_device(arguments.device)
    images = find_images(arguments.images)
    with stage_line('predict', arguments.out) as line, locked_output(arguments.out):
        segmentor = open_segmentor(run_dir, not arguments.no_tta, arguments.device)
        failed = predict_images(segmentor, images, arguments.out, arguments.overlay)
        line.result = f'{len(images) - len(failed)} masks by {segmentor.checkpoint}'
    show(f'masks: {arguments.out}, areas by class: {arguments.out / AREAS}')
    if failed:
        raise ValueError(
            f'{len(failed)} of {len(images)} images could not be predicted: ' + '; '.join(failed)
        )
