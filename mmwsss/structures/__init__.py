"""What the parts hand to each other, in memory and on disk, and what their options are."""

from .cam_output import CAMOutput
from .files import atomic_path
from .image_lists import check_files_exist, read_ids
from .images import image_fault, image_size, read_header, read_image
from .options import NestedOptions, Range, Settings, check_choice, check_option, check_range

__all__ = [
    'CAMOutput',
    'NestedOptions',
    'Range',
    'Settings',
    'atomic_path',
    'check_choice',
    'check_files_exist',
    'check_option',
    'check_range',
    'image_fault',
    'image_size',
    'read_header',
    'read_ids',
    'read_image',
]
