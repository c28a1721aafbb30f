"""Networks small enough for tests."""

import torch
from mmengine.model import BaseModule
from torch import nn

from mmwsss.registry import MODELS


@MODELS.register_module(force=True)
class TwoStages(BaseModule):
    """A backbone of two strided convolutions, of 4 and 6 channels."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 6, 3, stride=2, padding=1)

    def forward(self, inputs):
        first = self.first(inputs).relu()
        return first, self.second(first).relu()


def small_resnet(kind, **options):
    """Return a narrow ResNet-50 of a registered type, in evaluation."""
    torch.manual_seed(0)
    config = {
        'type': kind,
        'depth': 50,
        'stem_channels': 4,
        'base_channels': 4,
        'strides': (1, 2, 2, 1),
        'dilations': (1, 1, 1, 1),
    }
    backbone = MODELS.build(config | options)
    backbone.eval()  # mmseg's returns None
    return backbone
