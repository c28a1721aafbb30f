"""What the parts hand to each other: in memory (`CAMOutput`) and on disk (`atomic_path`)."""

from .cam_output import CAMOutput
from .files import atomic_path
from .images import image_size

__all__ = ['CAMOutput', 'atomic_path', 'image_size']
