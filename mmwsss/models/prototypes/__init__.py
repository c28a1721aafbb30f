"""Plug-ins (`BasePrototypeHead` is their contract), and what prototypes are kept in."""

from .base import BasePrototypeHead
from .gather import gather_rows
from .projections import ConvProjection, IdentityProjection, SideProjection
from .prototype_aware_cam_head import Explanation, PrototypeAwareCAMHead
from .running_mean import RunningMean
from .support_bank import SupportBank
from .vision_prototypes import VisionPrototypes

__all__ = [
    'BasePrototypeHead',
    'ConvProjection',
    'Explanation',
    'IdentityProjection',
    'PrototypeAwareCAMHead',
    'RunningMean',
    'SideProjection',
    'SupportBank',
    'VisionPrototypes',
    'gather_rows',
]
