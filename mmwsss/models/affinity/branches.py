"""The two branches of IRNet, class boundaries and displacements, on features of a frozen network.

Both read five feature maps ``x1..x5``; the grid of ``x2`` is that of the result. A feature map is
projected, group-normalised, enlarged and rectified, in this order.
"""

import torch
from torch import Tensor, nn

EDGE_CHANNELS = 32  # of each projection (IRN)
EDGE_GROUPS = 4
DISPLACEMENT_CHANNELS = (64, 128, 256, 256, 256)
DISPLACEMENT_GROUPS = (8, 16, 16, 16, 16)
MERGED_CHANNELS = 256
MERGED_GROUPS = 16


class EdgeBranch(nn.Module):
    """Class boundaries from five levels, each projected to few channels (IRN).

    Args:
        in_channels: Channels of the five stages ``x1..x5``.
        strides: Strides of the five stages ``x1..x5``, in pixels.
    """

    def __init__(self, in_channels: tuple[int, ...], strides: tuple[int, ...]) -> None:
        super().__init__()
        self.projections = nn.ModuleList(
            _projection(channels, EDGE_CHANNELS, EDGE_GROUPS, stride // strides[1])
            for channels, stride in zip(in_channels, strides, strict=True)
        )
        self.classifier = nn.Conv2d(len(in_channels) * EDGE_CHANNELS, 1, 1)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return boundary logits ``(B, 1, h, w)`` on the grid of ``x2``."""
        levels = [
            projection(feature)
            for projection, feature in zip(self.projections, features, strict=True)
        ]
        return self.classifier(_concatenate(levels, like=levels[1]))


class DisplacementBranch(nn.Module):
    """Displacements of pixels to the middle of their instance (IRN).

    The buffer `mean_shift`, ``(2,)``, is the mean displacement over the training images; it is
    subtracted in evaluation mode only.

    Args:
        in_channels: Channels of the five stages ``x1..x5``.
        strides: Strides of the five stages ``x1..x5``, in pixels.
    """

    def __init__(self, in_channels: tuple[int, ...], strides: tuple[int, ...]) -> None:
        super().__init__()
        grids = (strides[0], strides[1], *[strides[2]] * 3)  # x4 and x5 are enlarged to x3
        self.projections = nn.ModuleList(
            _projection(channels, out, groups, stride // grid)
            for channels, out, groups, stride, grid in zip(
                in_channels,
                DISPLACEMENT_CHANNELS,
                DISPLACEMENT_GROUPS,
                strides,
                grids,
                strict=True,
            )
        )
        deep, shallow = sum(DISPLACEMENT_CHANNELS[2:]), sum(DISPLACEMENT_CHANNELS[:2])
        self.deep = _projection(deep, MERGED_CHANNELS, MERGED_GROUPS, strides[2] // strides[1])
        self.merge = _projection(shallow + MERGED_CHANNELS, MERGED_CHANNELS, MERGED_GROUPS, 1)
        self.regressor = nn.Conv2d(MERGED_CHANNELS, 2, 1, bias=False)
        self.mean_shift: Tensor
        self.register_buffer('mean_shift', torch.zeros(2))

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return displacements ``(B, 2, h, w)``, in cells of the grid of ``x2``."""
        x1, x2, *rest = (
            projection(feature)
            for projection, feature in zip(self.projections, features, strict=True)
        )
        deep = self.deep(_concatenate(rest, like=rest[0]))
        displacement = self.regressor(self.merge(_concatenate([x1, x2, deep], like=x2)))
        # Pairs see differences of displacements alone, so a common shift is not learnt: it is
        # measured after the training and taken away.
        return displacement if self.training else displacement - self.mean_shift[:, None, None]


def _projection(in_channels: int, channels: int, groups: int, factor: int) -> nn.Sequential:
    """Make a 1x1 convolution, group norm, enlargement by `factor`, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, channels, 1, bias=False),
        nn.GroupNorm(groups, channels),
    ]
    if factor > 1:
        layers.append(nn.Upsample(scale_factor=factor, mode='bilinear', align_corners=False))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def _concatenate(maps: list[Tensor], like: Tensor) -> Tensor:
    """Crop maps to the height and width of `like` and join their channels."""
    height, width = like.shape[-2:]
    return torch.cat([values[..., :height, :width] for values in maps], dim=1)
