"""What the parts hand to each other: in memory (`CAMOutput`) and on disk (`atomic_path`)."""

from .files import atomic_path

__all__ = ['atomic_path']
