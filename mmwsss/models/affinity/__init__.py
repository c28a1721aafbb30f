"""Which pixels belong together: IRNet learns it, a frozen ViT knows it of its patches."""

from .edge_tta import EdgeTTAModel
from .irnet import IRNet
from .vit_patches import ViTPatches

__all__ = ['EdgeTTAModel', 'IRNet', 'ViTPatches']
