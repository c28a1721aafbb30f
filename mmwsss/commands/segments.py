"""`mmwsss segments`: class-agnostic segments that pseudo masks are voted by."""

import argparse
from pathlib import Path

from .arguments import SEGMENT_METHODS, add_images, add_processes, read_changes

HELP = 'Make class-agnostic segments of images: superpixels, or masks of SAM.'
EXAMPLE = (
    'mmwsss segments segments --images JPEGImages --ids train.txt --method felzenszwalb '
    '--options scale=100'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; the defaults of a method are written in its class alone."""
    parser.add_argument('out_dir', help='folder for the segments, <id>.png, or <id>.json of SAM')
    add_images(parser)
    parser.add_argument('--ids', required=True, type=Path, help='text file, one image id per line')
    parser.add_argument('--method', default='felzenszwalb', choices=SEGMENT_METHODS)
    parser.add_argument(
        '--options',
        nargs='+',
        action='extend',
        metavar='KEY=VALUE',
        help='of the method: scale=100 min_size=50; checkpoint=sam_vit_h_4b8939.pth model=vit_h',
    )
    add_processes(parser)
    parser.add_argument('--resume', action='store_true', help='keep the segments that exist')


def run(arguments: argparse.Namespace) -> None:
    """Make segments."""
    from mmwsss.pipeline.lock import locked_output
    from mmwsss.pipeline.segments import SegmentItem, check_maker, make_segments, segment_maker
    from mmwsss.structures import check_files_exist, read_ids

    maker = segment_maker(arguments.method, read_changes(arguments.options) or {}, '--options')
    check_maker(maker)
    items = [
        SegmentItem(image_id, Path(arguments.images) / f'{image_id}{arguments.image_suffix}')
        for image_id in read_ids(arguments.ids)
    ]
    images = [item.image_path for item in items]
    check_files_exist(images, 'image', 'check the folder and the suffix')
    with locked_output(arguments.out_dir):
        written = make_segments(
            items, arguments.out_dir, maker, arguments.processes, arguments.resume
        )
    print(f'segments of {written} of {len(items)} images written to {arguments.out_dir}')
