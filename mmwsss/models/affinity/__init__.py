"""IRNet, which learns which pixels belong together, and its test-time augmentation."""

from .edge_tta import EdgeTTAModel
from .irnet import IRNet

__all__ = ['EdgeTTAModel', 'IRNet']
