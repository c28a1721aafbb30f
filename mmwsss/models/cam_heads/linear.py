"""The CAM head of IRN: a 1x1 classifier whose maps are the CAMs."""

from typing import ClassVar

import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.cam import class_activation_map, classification_loss, resize_valid
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput

from .base import BaseCAMHead


@MODELS.register_module()
class LinearCAMHead(BaseCAMHead[tuple[Tensor, ...], CAMOutput]):
    """Global average pooling and a 1x1 classifier without bias (CPAL Sec. 3.1, IRN).

    Views are summed and divided by the spatial maximum, as `BaseCAMHead` does.

    Args:
        in_channels: Channels of the last stage.
        num_classes: Foreground classes ``N``.
        loss_weight: ``lambda_BCE`` of CPAL Eq. 1.
        init_cfg: mmengine's initialisation.
    """

    pads_full_size: ClassVar[bool] = True  # IRN

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        loss_weight: float = 1.0,  # CPAL Sec. 4.1
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(num_classes, init_cfg)
        self.loss_weight = loss_weight
        self.classifier = nn.Conv2d(in_channels, num_classes, 1, bias=False)
        refuse_other_class_count(self, 'classifier.weight')

    def forward(
        self, features: tuple[Tensor, ...], valid: Tensor, image_label: Tensor | None = None
    ) -> CAMOutput:
        """Compute CAMs and logits.

        Args:
            features: Stage features; the last one, ``(B, C, H, W)``, is classified.
            valid: ``(B, 1, H_in, W_in)``, 1 inside the image.
            image_label: Not used: the classifier sees the image alone.
        """
        last = features[-1]
        raw = self.classifier(last)
        valid = resize_valid(valid, raw.shape[-2:])
        return CAMOutput(
            features=features,
            cam=class_activation_map(raw, valid),
            valid=valid,
            # Pooled before it is classified, as in IRN; by linearity the same as the mean of `raw`.
            logits=self.classifier(F.adaptive_avg_pool2d(last, 1)).flatten(1),
            raw=raw,
        )

    def loss(
        self,
        output: CAMOutput,
        image_label: Tensor,
        data_samples: list[SegDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return the classification loss.

        Args:
            output: What `forward` returned for the batch.
            image_label: ``(B, N)`` of 0 and 1.
            data_samples: Not used: image labels are all that is learnt from.
        """
        assert output.logits is not None
        loss = classification_loss(output.logits, image_label)
        return {'loss_cls': self.loss_weight * loss}
