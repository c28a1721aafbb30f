"""The CAM head of MCTformer V2: classified patch tokens, refined by the attention."""

from dataclasses import dataclass
from typing import ClassVar

from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.cam import (
    class_activation_map,
    classification_loss,
    normalize_by_range,
    resize_valid,
)
from mmwsss.functional.mctformer import (
    RANGE_EPS,
    class_attention,
    fuse,
    patch_affinity,
    refine,
)
from mmwsss.models.backbones.class_token_vit import ClassTokenFeatures
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.models.views import Views
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput

from .base import BaseCAMHead, MergedMaps


@dataclass(frozen=True, kw_only=True)
class MCTformerOutput(CAMOutput):
    """A `CAMOutput` whose `logits` are those of the class tokens.

    Attributes:
        patch_logits: Class logits of the patch tokens, ``(B, N)``.
    """

    patch_logits: Tensor


@MODELS.register_module()
class MCTformerHead(BaseCAMHead[ClassTokenFeatures, MCTformerOutput]):
    """Class logits of class tokens and of patch tokens (MCTformer V2, CVPR 2022).

    A class token's logit is the mean of its channels. The patch tokens are classified by a 3x3
    convolution, whose maps are the CAMs; views are merged by the fused map, which the attention
    makes of them.

    Args:
        in_channels: Channels ``D`` of a token.
        num_classes: Foreground classes ``N``, and class tokens of the backbone.
        num_fused_blocks: Last blocks whose class-to-patch attention is summed.
        loss_weight: Factor of both losses.
        init_cfg: mmengine's initialisation.
    """

    own_backbone: ClassVar[bool] = True

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        num_fused_blocks: int = 3,  # MCTformer V2
        loss_weight: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(num_classes, init_cfg)
        self.num_fused_blocks = num_fused_blocks
        self.loss_weight = loss_weight
        self.classifier = nn.Conv2d(in_channels, num_classes, 3, padding=1)
        refuse_other_class_count(self, 'classifier.weight')

    def forward(
        self, features: ClassTokenFeatures, valid: Tensor, image_label: Tensor | None = None
    ) -> MCTformerOutput:
        """Compute maps and logits.

        Args:
            features: Of a `ClassTokenViT`; plug-ins get the patch tokens, ``(B, D, h, w)``.
            valid: ``(B, 1, H_in, W_in)``, 1 inside the image.
            image_label: Not used: the network sees the image alone.

        Returns:
            With `raw` the fused map and `affinity` where the backbone kept its attention; else
            `raw` is the patches' map before the ReLU, and `affinity` is None.

        Raises:
            ValueError: The backbone has another number of class tokens.
        """
        class_tokens, attention, patch_tokens = features
        if class_tokens.shape[1] != self.num_classes:
            raise ValueError(
                f'the backbone has {class_tokens.shape[1]} class tokens and the cam_head '
                f'{self.num_classes} classes: set num_classes of both'
            )
        patch_maps = self.classifier(patch_tokens)  # (B, N, h, w)
        # In training the backbone keeps no attention, because no loss reads it.
        raw, affinity = patch_maps, None
        if attention is not None:
            affinity = patch_affinity(attention, self.num_classes)
            raw = refine(self._fused(attention, patch_maps), affinity)
        valid = resize_valid(valid, patch_maps.shape[-2:])
        return MCTformerOutput(
            features=(patch_tokens,),
            cam=class_activation_map(patch_maps, valid),
            valid=valid,
            logits=class_tokens.mean(dim=-1),
            raw=raw,
            affinity=affinity,
            patch_logits=patch_maps.mean(dim=(2, 3)),
        )

    def _fused(self, attention: Tensor, patch_maps: Tensor) -> Tensor:
        height, width = patch_maps.shape[-2:]
        maps = class_attention(attention, self.num_classes, (height, width), self.num_fused_blocks)
        return fuse(maps, patch_maps)

    def loss(
        self,
        output: MCTformerOutput,
        image_label: Tensor,
        data_samples: list[SegDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return the classification losses of class tokens and of patch tokens.

        Args:
            output: What `forward` returned for the batch.
            image_label: ``(B, N)`` of 0 and 1.
            data_samples: Not used: image labels are all that is learnt from.
        """
        assert output.logits is not None
        parts = {'loss_class_tokens': output.logits, 'loss_patch_tokens': output.patch_logits}
        return {
            name: self.loss_weight * classification_loss(logits, image_label)
            for name, logits in parts.items()
        }

    def merge_views(self, views: Views) -> MergedMaps:
        """Stretch the summed maps to [0, 1] by their minimum and maximum.

        Args:
            views: What `view_maps` returned for each view of one image.
        """
        return MergedMaps(normalize_by_range(views.total(), RANGE_EPS))
