"""The CAM head of a one-stage network: CLIP-ES, guided by the decoder (WeCLIP)."""

import torch
from torch import Tensor

from mmwsss.functional.cam import resize_valid
from mmwsss.functional.clip_es import attention_affinity, normalize_cam
from mmwsss.functional.one_stage import refining_map
from mmwsss.models.backbones.frozen_clip import CLIPFeatures
from mmwsss.models.backbones.one_stage_clip import OneStageFeatures
from mmwsss.registry import MODELS

from .clip_es import CLIPESHead


@MODELS.register_module()
class OneStageCLIPHead(CLIPESHead):
    """A `CLIPESHead` for training crops, whose attention the decoder's affinity chooses.

    Crops may be padded: GradCAM and refined maps are zero there. Nothing is learnt here; what the
    decoder learns comes in by `OneStageFeatures.decoder_affinity`. The options are those of
    `CLIPESHead`.
    """

    def inside(self, cam: Tensor, valid: Tensor) -> Tensor:
        """Clear the padding, and divide what is left by its maximum.

        Args:
            cam: GradCAMs ``(B, N, h, w)``.
            valid: ``(B, 1, H, W)``, 1 inside the image.
        """
        if valid.all():
            return cam
        return normalize_cam(cam * resize_valid(valid, (cam.shape[2], cam.shape[3])))

    def affinity(self, features: CLIPFeatures, attention: Tensor) -> Tensor:
        """Make the transition matrix of the attention that the decoder's affinity chooses.

        Args:
            features: Of a `OneStageCLIP`; without a decoder's affinity CLIP-ES's matrix is made.
            attention: Of the last block, ``(B, L, L)``.

        Returns:
            ``(B, L, L)``.
        """
        if not isinstance(features, OneStageFeatures) or features.decoder_affinity is None:
            return super().affinity(features, attention)
        attentions = torch.cat([features.attentions, attention[None]])
        refining = refining_map(features.decoder_affinity, attentions)
        return attention_affinity(refining, self.sinkhorn_rounds)

    def _prototypes(self, features: CLIPFeatures) -> Tensor:
        given = features.prototypes if isinstance(features, OneStageFeatures) else None
        return super()._prototypes(features) if given is None else given
