"""Plug-ins (`BasePrototypeHead` is their contract), and what prototypes are kept in."""

from .base import BasePrototypeHead
from .projections import ConvProjection, IdentityProjection, SideProjection
from .prototype_aware_cam_head import PrototypeAwareCAMHead
from .support_bank import SupportBank
from .vision_prototypes import VisionPrototypes

__all__ = [
    'BasePrototypeHead',
    'ConvProjection',
    'IdentityProjection',
    'PrototypeAwareCAMHead',
    'SideProjection',
    'SupportBank',
    'VisionPrototypes',
]
