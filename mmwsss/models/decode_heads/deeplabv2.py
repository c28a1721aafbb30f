"""The head of DeepLabV2, which mmseg 1.x lacks."""

from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor

from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.models.dilated_classifiers import RATES, SMALL_NORMAL, DilatedClassifiers
from mmwsss.registry import MODELS


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """Four parallel dilated 3x3 convolutions to the classes, summed (DeepLabV2, "ASPP-L").

    Each convolution is a classifier: no batch norm, no projection, weights drawn from N(0, 0.01).

    Args:
        in_channels: Channels of the backbone's feature.
        num_classes: Classes with background.
        dilations: Rates of the convolutions.
        **kwargs: As for mmseg's `BaseDecodeHead` (``in_index``, ``loss_decode``, ...).
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dilations: tuple[int, ...] = RATES,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault('init_cfg', SMALL_NORMAL)
        super().__init__(in_channels, channels=1, num_classes=num_classes, **kwargs)
        del self.conv_seg  # the base class's classifier, which would have no gradient
        self.classifiers = DilatedClassifiers(in_channels, num_classes, dilations)
        refuse_other_class_count(self, 'classifiers.0.weight')

    def forward(self, inputs: list[Tensor]) -> Tensor:
        """Return ``(B, num_classes, H, W)`` logits on the backbone's grid."""
        return self.classifiers(self._transform_inputs(inputs))
