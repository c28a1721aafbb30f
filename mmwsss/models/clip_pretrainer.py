"""Trains a CLIP of toy size on image labels, written as captions."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine import dist
from mmengine.model import BaseModel
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.caption_contrast import bag_probabilities, caption_contrast
from mmwsss.models.backbones.hybrid_embed import EfficientNetLite0Patches
from mmwsss.models.clip import Architecture, build_clip, import_open_clip
from mmwsss.models.losses import joint_batch
from mmwsss.registry import MODELS

_MAX_SCALE = 100.0  # CLIP Sec. 2.5, and what CLIP-ES multiplies cosines by
_MIN_PROBABILITY = 1e-4  # keeps the logarithm of a bag finite


@MODELS.register_module()
class CLIPPretrainer(BaseModel):
    """A small CLIP that learns classes and where they are from image labels alone (ours).

    A caption names one class in a random template. Images and captions are contrasted as in CLIP,
    with the mean of the patch tokens as the image, because CLIP-ES scores images so. And what the
    patches say is pooled: the surest of them must show a class of the label, and none another one;
    the rest may be called by a background name. An ImageNet-trained patch embedding stays frozen,
    and so does the attention of the last block, which begins as one to what is alike.

    Args:
        architecture: As for `mmwsss.models.clip.build_clip`; images are pooled with
            ``pool_type='avg'``.
        names: The ``N`` classes.
        background: Names of what is not a class.
        templates: Sentences with ``{}`` where the name goes.
        bag_weight: Factor of the loss of pooled patches.
        bag_scale: What the cosines of patches are multiplied by.
        bag_share: Share of the patches that speak for an image.
        attention_gain: Factor of the first queries and keys, see `_begin_alike`.
        initial_scale: What the cosines of images are multiplied by at first.
        data_preprocessor: Config of the preprocessor, which normalises images.
        init_cfg: mmengine's initialisation.

    Raises:
        ImportError: open_clip is not installed.
        ValueError: The image is not pooled over its patches.
    """

    def __init__(
        self,
        architecture: Architecture,
        names: Sequence[str],
        background: Sequence[str],
        templates: Sequence[str],
        bag_weight: float = 5.0,
        bag_scale: float = 20.0,
        bag_share: float = 0.1,
        attention_gain: float = 3.0,
        initial_scale: float = 14.0,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if architecture['vision_cfg'].get('pool_type') != 'avg':
            raise ValueError("CLIPPretrainer needs pool_type='avg' in architecture.vision_cfg")
        self.architecture = architecture
        self.clip = build_clip(architecture)
        self.clip.logit_scale.data.fill_(math.log(initial_scale))
        for block in self.clip.visual.transformer.resblocks:
            _begin_alike(block.attn, attention_gain)
        # or the last block's GradCAM would lose where things are: 30 mIoU instead of 35
        self.clip.visual.transformer.resblocks[-1].attn.requires_grad_(False)
        patches = self.clip.visual.conv1
        if isinstance(patches, EfficientNetLite0Patches):
            patches.network.requires_grad_(False)
        tokenizer = import_open_clip().SimpleTokenizer(context_length=self.clip.context_length)
        # (templates, N + background names, words)
        self.captions = torch.stack(
            [tokenizer([text.format(name) for name in (*names, *background)]) for text in templates]
        )
        self.num_classes = len(names)
        self.bag_weight = bag_weight
        self.bag_scale = bag_scale
        self.bag_share = bag_share

    def train(self, mode: bool = True) -> 'CLIPPretrainer':
        """Set the mode; a frozen patch embedding keeps its running statistics."""
        super().train(mode)
        if isinstance(self.clip.visual.conv1, EfficientNetLite0Patches):
            self.clip.visual.conv1.network.eval()
        return self

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | Tensor:
        """Compute the losses, or the cosines of images and classes.

        Args:
            inputs: ``(B, 3, H, W)``, normalised, of the architecture's size.
            data_samples: Samples with their image label, ``gt_label``.
            mode: ``loss``; else the cosines, ``(B, N)``.
        """
        images, patches = self.encode_images(inputs)
        if mode == 'loss':
            samples = data_samples or []
            return self.loss(images, patches, torch.stack([s.gt_label.multi_hot for s in samples]))
        return images @ self.encode_captions(0)[: self.num_classes].T

    def loss(self, images: Tensor, patches: Tensor, image_label: Tensor) -> dict[str, Tensor]:
        """Return ``loss_captions``, a contrast over the joint batch, and ``loss_bags``.

        Args:
            images: ``(B, D)`` of length one.
            patches: ``(B, L, D)`` of length one.
            image_label: ``(B, N)`` of 0 and 1.
        """
        with torch.no_grad():
            self.clip.logit_scale.clamp_(max=math.log(_MAX_SCALE))
        scale = self.clip.logit_scale.exp()
        template = torch.randint(len(self.captions), ())
        dist.broadcast(template)  # one joint batch has one template
        captions = self.encode_captions(int(template))
        bags = bag_probabilities(
            patches, captions, self.num_classes, self.bag_scale, self.bag_share
        ).float()
        bags = bags.clamp(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
        with torch.autocast(bags.device.type, enabled=False):  # which refuses logarithms like these
            loss_bags = F.binary_cross_entropy(bags, image_label.to(bags))
        classes = captions[: self.num_classes]
        return {
            'loss_captions': caption_contrast(
                joint_batch(images), classes, joint_batch(image_label), scale
            ),
            'loss_bags': self.bag_weight * loss_bags,
        }

    def encode_images(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors of images ``(B, D)`` and of patches ``(B, L, D)``, of length one."""
        found = self.clip.visual.forward_intermediates(
            inputs, indices=1, normalize_intermediates=True, output_fmt='NLC'
        )
        patches = found['image_intermediates'][-1] @ self.clip.visual.proj
        return F.normalize(found['image_features'], dim=-1), F.normalize(patches, dim=-1)

    def encode_captions(self, template: int) -> Tensor:
        """Return the vectors of classes and background names in a template, ``(P, D)``."""
        words = self.captions[template].to(self.clip.logit_scale.device)
        return self.clip.encode_text(words, normalize=True)

    def export(self) -> dict[str, Any]:
        """Return what `mmwsss.models.clip.load_clip` reads: weights and architecture."""
        state = {name: value.detach().clone() for name, value in self.clip.state_dict().items()}
        return {'state_dict': state, 'meta': {'open_clip': self.architecture}}


@torch.no_grad()
def _begin_alike(attention: Any, gain: float) -> None:
    """Let patches attend to what is like them, and pass on what they are.

    Attention that minutes of training have made from random weights looks at the same few patches
    from everywhere. Keys that equal the queries do better (mimetic initialisation, Trockman and
    Kolter, ICML 2023), and values that are the input itself keep the last block's GradCAM local.
    """
    query, key, value = attention.in_proj_weight.chunk(3)
    query *= gain
    key.copy_(query)
    torch.nn.init.eye_(value)
    torch.nn.init.eye_(attention.out_proj.weight)
