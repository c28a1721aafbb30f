"""Prototypes: the support bank and CPAL's prototype-aware CAM head."""

from .pacam_head import PrototypeAwareCAMHead
from .projections import ConvProjection, IdentityProjection, SideProjection
from .support_bank import SupportBank

__all__ = [
    'ConvProjection',
    'IdentityProjection',
    'PrototypeAwareCAMHead',
    'SideProjection',
    'SupportBank',
]
