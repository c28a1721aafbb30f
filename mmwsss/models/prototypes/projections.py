"""Projections ``z = v(f)`` of a host's features to the space of the prototypes (CPAL 3.2)."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmwsss.registry import MODELS

_EPS = 1e-5  # added to the channel norm (SIPE)


@MODELS.register_module()
class SideProjection(BaseModule):
    """SIPE's side features: a 1x1 convolution per stage, unit length, concatenated on one grid.

    The inputs are detached: the prototypes' space learns, the backbone does not learn through it.

    Args:
        in_channels: Channels of the stages.
        out_channels: Channels that each stage is brought to.
        grid_stage: Stage (0-based) on whose grid all are laid.
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: There are not as many stages as numbers of channels to bring them to.
    """

    def __init__(
        self,
        in_channels: tuple[int, ...],
        out_channels: tuple[int, ...] = (128, 128, 256, 256),  # SIPE
        grid_stage: int = 2,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(in_channels) != len(out_channels):
            raise ValueError(
                f'SideProjection brings {len(out_channels)} stages to {tuple(out_channels)} '
                f'channels, but the backbone returns {len(in_channels)}: set out_channels of the '
                'projection, or what model.backbone returns'
            )
        self.grid_stage = grid_stage
        self.out_channels = sum(out_channels)
        self.sides = nn.ModuleList(
            nn.Conv2d(source, target, 1, bias=False)
            for source, target in zip(in_channels, out_channels, strict=True)
        )

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return ``(B, sum(out_channels), H, W)`` on the grid of `grid_stage`."""
        size = features[self.grid_stage].shape[-2:]
        sides = [
            # Of unit length, so that no stage outweighs the others in a cosine (SIPE).
            _unit_length(side(feature.detach()))
            for side, feature in zip(self.sides, features, strict=True)
        ]
        return torch.cat(
            [F.interpolate(side, size, mode='bilinear', align_corners=False) for side in sides], 1
        )


@MODELS.register_module()
class ConvProjection(BaseModule):
    """A 1x1 convolution on the detached last stage.

    Args:
        in_channels: Channels of the last stage.
        out_channels: ``D``.
        init_cfg: mmengine's initialisation.
    """

    def __init__(
        self, in_channels: int, out_channels: int = 256, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels = out_channels
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return ``(B, out_channels, H, W)`` on the grid of the last stage."""
        return self.conv(features[-1].detach())


@MODELS.register_module()
class IdentityProjection(BaseModule):
    """The last stage itself; gradients of the prototypes' maps reach the backbone.

    Args:
        in_channels: Channels of the last stage.
        init_cfg: mmengine's initialisation.
    """

    def __init__(self, in_channels: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.out_channels = in_channels

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return the last stage, ``(B, in_channels, H, W)``."""
        return features[-1]


def _unit_length(features: Tensor) -> Tensor:
    return features / (features.norm(dim=1, keepdim=True) + _EPS)
