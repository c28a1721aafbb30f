"""mmseg's ResNet that also returns what its stem makes."""

from typing import Any

from mmseg.models.backbones import ResNet
from torch import Tensor

from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS


@MODELS.register_module()
class ResNetWithStem(ResNet):
    """mmseg's `ResNet` with the stem's output, after the max-pooling, in front of the stages'.

    IRNet reads it. The parameters have mmseg's names, so the weights of a `ResNet` load unchanged;
    the arguments are mmseg's, too, but all stages are returned, whatever `out_indices`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        refuse_partial_load(self)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return stem, layer1, layer2, ... of ``(B, 3, H, W)`` normalised images."""
        stem = self.stem(inputs) if self.deep_stem else self.relu(self.norm1(self.conv1(inputs)))
        features = [self.maxpool(stem)]
        for name in self.res_layers:
            features.append(getattr(self, name)(features[-1]))
        return tuple(features)
