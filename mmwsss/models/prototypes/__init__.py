"""Prototypes: CPAL's support bank and prototype-aware CAM head, VPL's vision prototypes."""

from .projections import ConvProjection, IdentityProjection, SideProjection
from .prototype_aware_cam_head import PrototypeAwareCAMHead
from .support_bank import SupportBank
from .vision_prototypes import VisionPrototypes

__all__ = [
    'ConvProjection',
    'IdentityProjection',
    'PrototypeAwareCAMHead',
    'SideProjection',
    'SupportBank',
    'VisionPrototypes',
]
