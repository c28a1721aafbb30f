"""CAM heads, one file a host; each returns a `CAMOutput`."""

from .linear import LinearCAMHead

__all__ = ['LinearCAMHead']
