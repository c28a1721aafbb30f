"""CAM heads, one file a host; each returns a `CAMOutput`."""

from .amn import AMNHead
from .linear import LinearCAMHead

__all__ = ['AMNHead', 'LinearCAMHead']
