"""CLIP-ES with a projection that learns from image labels, so that a plug-in can learn, too."""

from dataclasses import replace
from typing import Any

from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.cam import classification_loss
from mmwsss.models.backbones.frozen_clip import CLIPFeatures
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.registry import MODELS

from .clip_es import CLIPESHead, CLIPESOutput


@MODELS.register_module()
class CLIPESAdapterHead(CLIPESHead):
    """A `CLIPESHead` whose patch vectors pass through a 1x1 convolution that is trained.

    The maps are those of the frozen CLIP. The adapter begins as the identity and learns from a
    linear classifier of its mean over patches, and from a plug-in's loss, whose features its output
    is. CPAL's authors do not say what is learnt on CLIP-ES; this is one of two readings.

    Args:
        num_classes: Foreground classes ``N``.
        embed_dims: ``D`` of the CLIP.
        loss_weight: Factor of the classification loss.
        **kwargs: Options of `CLIPESHead`.
    """

    def __init__(
        self, num_classes: int, embed_dims: int = 512, loss_weight: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(num_classes, embed_dims, **kwargs)
        self.loss_weight = loss_weight
        self.adapter = nn.Conv2d(embed_dims, embed_dims, 1, bias=False)
        # A random start would throw CLIP's space away, which the plug-in's cosines are taken in.
        nn.init.eye_(self.adapter.weight[:, :, 0, 0].data)
        self.classifier = nn.Conv2d(embed_dims, num_classes, 1, bias=False)
        refuse_other_class_count(self, 'classifier.weight')

    def forward(
        self, features: CLIPFeatures, valid: Tensor, image_label: Tensor | None = None
    ) -> CLIPESOutput:
        """Compute the frozen maps, and `logits` and the last of `features` by the adapter.

        Args:
            features: What a `CLIPESBackbone` returned.
            valid: ``(B, 1, H, W)``, 1 inside the image.
            image_label: ``(B, N)`` of 0 and 1.

        Raises:
            ValueError: There are no image labels.
        """
        output = super().forward(features, valid, image_label)
        adapted = self.adapter(output.vectors.detach())  # (B, D, h, w)
        logits = self.classifier(adapted).mean(dim=(2, 3))
        return replace(output, features=(*output.features[:-1], adapted), logits=logits)

    def loss(
        self,
        output: CLIPESOutput,
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
        return {'loss_cls': self.loss_weight * classification_loss(output.logits, image_label)}
