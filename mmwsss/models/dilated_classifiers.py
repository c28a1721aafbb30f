"""The classifier that DeepLabV2 and AMN share."""

from collections.abc import Sequence

from torch import Tensor, nn

RATES = (6, 12, 18, 24)  # DeepLabV2 "ASPP-L"
SMALL_NORMAL = {'type': 'Normal', 'std': 0.01, 'layer': 'Conv2d'}  # for mmengine's `init_cfg`


class DilatedClassifiers(nn.ModuleList):
    """Parallel dilated 3x3 convolutions to the classes, summed: no batch norm, no projection.

    Args:
        in_channels: Channels of the feature.
        num_classes: Classes with background.
        dilations: Rates of the convolutions; a rate is also the padding, so the grid stays.
    """

    def __init__(
        self, in_channels: int, num_classes: int, dilations: Sequence[int] = RATES
    ) -> None:
        super().__init__(
            nn.Conv2d(in_channels, num_classes, 3, padding=rate, dilation=rate)
            for rate in dilations
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return logits ``(B, num_classes, H, W)`` of ``(B, in_channels, H, W)``."""
        # Summed logits (ASPP-L); DeepLabV3 concatenates features instead.
        return sum(classifier(features) for classifier in self)
