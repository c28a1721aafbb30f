"""The wide ResNet38, which mmseg and mmpretrain lack."""

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS

OUT_CHANNELS = 4096
_STAGES = (  # name, blocks, channels inside, channels, stride, dilation
    ('b2', 3, 128, 128, 2, 1),
    ('b3', 3, 256, 256, 2, 1),
    ('b4', 6, 512, 512, 2, 1),
    ('b5', 3, 512, 1024, 1, 2),
)


class _Block(nn.Module):
    """Two 3x3 convolutions, each after batch norm and ReLU.

    Args:
        in_channels: Channels of the input.
        width: Channels between the convolutions.
        out_channels: Channels of the output.
        stride: Of the first convolution.
        first_dilation: Of the first convolution.
        dilation: Of the second convolution.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        out_channels: int,
        stride: int = 1,
        first_dilation: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.bn_branch2a = nn.BatchNorm2d(in_channels)
        self.conv_branch2a = _conv3x3(in_channels, width, first_dilation, stride)
        self.bn_branch2b1 = nn.BatchNorm2d(width)
        self.conv_branch2b1 = _conv3x3(width, out_channels, dilation)
        self.conv_branch1: nn.Conv2d | None = None
        if in_channels != out_channels or stride != 1:
            self.conv_branch1 = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        active = self.bn_branch2a(inputs).relu()
        shortcut = inputs if self.conv_branch1 is None else self.conv_branch1(active)
        inside = self.bn_branch2b1(self.conv_branch2a(active)).relu()
        return shortcut + self.conv_branch2b1(inside)


class _Bottleneck(nn.Module):
    """1x1, 3x3 with dilation 4, 1x1, each after batch norm and ReLU; the last two after dropout.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; a quarter and half of them lie inside.
        dropout_ratio: Of whole channels.
    """

    def __init__(self, in_channels: int, out_channels: int, dropout_ratio: float) -> None:
        super().__init__()
        quarter, half = out_channels // 4, out_channels // 2
        self.dropout_ratio = dropout_ratio
        self.bn_branch2a = nn.BatchNorm2d(in_channels)
        self.conv_branch2a = nn.Conv2d(in_channels, quarter, 1, bias=False)
        self.bn_branch2b1 = nn.BatchNorm2d(quarter)
        self.conv_branch2b1 = _conv3x3(quarter, half, dilation=4)
        self.bn_branch2b2 = nn.BatchNorm2d(half)
        self.conv_branch2b2 = nn.Conv2d(half, out_channels, 1, bias=False)
        self.conv_branch1 = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        active = self.bn_branch2a(inputs).relu()
        inside = self._drop(self.bn_branch2b1(self.conv_branch2a(active)).relu())
        inside = self._drop(self.bn_branch2b2(self.conv_branch2b1(inside)).relu())
        return self.conv_branch1(active) + self.conv_branch2b2(inside)

    def _drop(self, features: Tensor) -> Tensor:
        return F.dropout2d(features, self.dropout_ratio, self.training)


@MODELS.register_module()
class ResNet38(BaseModule):
    """Wide ResNet38 at stride 8, pre-activation, with two bottlenecks (as of MCTformer, PSA).

    The first convolution does not learn. Batch norm always uses its running statistics, and its
    biases do not learn. The parameters have the names that the ImageNet weights have in PyTorch
    (``conv1a``, ``b2.conv_branch2a``, ...).

    Args:
        init_cfg: mmengine's initialisation, usually
            ``dict(type='Pretrained', checkpoint=PATH)``.
    """

    def __init__(self, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.conv1a = _conv3x3(3, 64)
        self.conv1a.requires_grad_(False)
        names, channels = [], 64
        for stage, blocks, width, out_channels, stride, dilation in _STAGES:
            for index in range(blocks):
                first = index == 0
                names.append(stage if first else f'{stage}_{index}')
                block = _Block(
                    channels,
                    width,
                    out_channels,
                    stride=stride if first else 1,
                    first_dilation=1 if first else dilation,
                    dilation=dilation,
                )
                self.add_module(names[-1], block)
                channels = out_channels
        self.b6 = _Bottleneck(channels, 2048, dropout_ratio=0.3)
        self.b7 = _Bottleneck(2048, OUT_CHANNELS, dropout_ratio=0.5)
        self.bn7 = nn.BatchNorm2d(OUT_CHANNELS)
        self.blocks = (*names, 'b6', 'b7')
        self._freeze_norms()
        refuse_partial_load(self)

    def forward(self, inputs: Tensor) -> tuple[Tensor]:
        """Return ``(B, 4096, H / 8, W / 8)``, rounded up, of ``(B, 3, H, W)`` normalised images."""
        features = self.conv1a(inputs)
        for name in self.blocks:
            features = self.get_submodule(name)(features)
        return (self.bn7(features).relu(),)

    def train(self, mode: bool = True) -> 'ResNet38':
        """Set the mode, of dropout alone: batch norm stays in evaluation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def _freeze_norms(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
                module.bias.requires_grad_(False)


def _conv3x3(in_channels: int, out_channels: int, dilation: int = 1, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        in_channels, out_channels, 3, stride, padding=dilation, dilation=dilation, bias=False
    )
