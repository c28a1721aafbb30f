"""Networks that learn which pixels belong together."""

from .irnet import IRNet

__all__ = ['IRNet']
