"""What the parts hand to each other, in memory and on disk, and what their options are."""

from .cam_output import CAMOutput
from .file_kinds import odd_content
from .files import atomic_path, flush_folder, remove_temporary
from .image_lists import check_files_exist, read_ids, read_lines
from .images import IMAGE_SUFFIXES, image_fault, image_size, read_header, read_image
from .options import (
    Ascending,
    Count,
    NestedOptions,
    Positive,
    PositivePair,
    Range,
    Settings,
    Share,
    check_choice,
    check_option,
    check_range,
)
from .resources import is_out_of_memory, naming_full_disk
from .run_lengths import check_pycocotools, decode_run_lengths, encode_run_lengths
from .text_files import read_text

__all__ = [
    'IMAGE_SUFFIXES',
    'Ascending',
    'CAMOutput',
    'Count',
    'NestedOptions',
    'Positive',
    'PositivePair',
    'Range',
    'Settings',
    'Share',
    'atomic_path',
    'check_choice',
    'check_files_exist',
    'check_option',
    'check_pycocotools',
    'check_range',
    'decode_run_lengths',
    'encode_run_lengths',
    'flush_folder',
    'image_fault',
    'image_size',
    'is_out_of_memory',
    'naming_full_disk',
    'odd_content',
    'read_header',
    'read_ids',
    'read_image',
    'read_lines',
    'read_text',
    'remove_temporary',
]
