"""Trains a small CLIP of open_clip on captions, and on pseudo masks for its patches."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.caption_contrast import (
    caption_contrast,
    caption_holds,
    patch_contrast,
    patch_shares,
)
from mmwsss.models.clip import import_open_clip
from mmwsss.registry import MODELS

from .cosine_filters import cosine_filters

_MAX_SCALE = 100.0  # CLIP Sec. 2.5, and what CLIP-ES multiplies cosines by


@MODELS.register_module()
class CLIPPretrainer(BaseModel):
    """A CLIP whose image vector is the mean of its patch tokens, as CLIP-ES scores images.

    Args:
        architecture: ``embed_dim``, ``vision_cfg``, ``text_cfg`` and ``quick_gelu`` of
            ``open_clip.model.CLIP``; the image is pooled with ``pool_type='avg'``.
        names: The N classes.
        background: Names of what is not a class; one of them at random stands for it in a step.
        templates: Sentences with ``{}`` where the name goes.
        patch_weight: Of the loss of patches, which need ``gt_sem_seg``; 0 leaves it out.
        initial_scale: What the cosines are multiplied by at first.
        trained_blocks: Blocks of the image tower that learn, the last one among them; those before
            the last that do not are passed over, and add nothing in the file (see `export`).
            None trains all.
        data_preprocessor: Config.
        init_cfg: mmengine's initialisation.

    Raises:
        ImportError: open_clip is not installed.
        ValueError: The image is not pooled over its patches.
    """

    def __init__(
        self,
        architecture: dict[str, Any],
        names: Sequence[str],
        background: Sequence[str],
        templates: Sequence[str],
        patch_weight: float = 1.0,
        initial_scale: float = 30.0,
        trained_blocks: int | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        open_clip = import_open_clip()
        if architecture['vision_cfg'].get('pool_type') != 'avg':
            raise ValueError("CLIPPretrainer needs pool_type='avg' in vision_cfg")
        self.architecture = architecture
        self.clip = open_clip.model.CLIP(**architecture, init_logit_scale=math.log(initial_scale))
        conv = self.clip.visual.conv1
        with torch.no_grad():
            conv.weight.copy_(cosine_filters(conv.out_channels, conv.kernel_size[0]))
        self.tokenizer = open_clip.SimpleTokenizer(context_length=self.clip.context_length)
        self.passed = _passed_blocks(len(self.clip.visual.transformer.resblocks), trained_blocks)
        for index in self.passed:
            _add_nothing(self.clip.visual.transformer.resblocks[index])
        self.names = tuple(names)
        self.background = tuple(background)
        self.templates = tuple(templates)
        self.patch_weight = patch_weight

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | Tensor:
        """Compute the losses, or the cosines of images and classes.

        Args:
            inputs: ``(B, 3, H, W)``, normalised, of the architecture's size.
            data_samples: With ``caption``, ``caption_label`` and ``shown_label``
                (`mmwsss.AddCaption`), and ``gt_sem_seg`` for the patches.
            mode: ``loss``; else the cosines, ``(B, N)``.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples or [])
        images, _ = self.encode_images(inputs)
        return images @ self.encode_texts([self.templates[0].format(n) for n in self.names]).T

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Return ``loss_captions`` and, with `patch_weight`, ``loss_patches``."""
        with torch.no_grad():
            self.clip.logit_scale.clamp_(max=math.log(_MAX_SCALE))
        scale = self.clip.logit_scale.exp()
        images, patches = self.encode_images(inputs)
        captions = self.encode_texts([sample.caption for sample in data_samples])
        shown, named = (
            torch.stack([torch.as_tensor(sample.get(key)) for sample in data_samples])
            for key in ('shown_label', 'caption_label')
        )
        holds = caption_holds(shown, named).to(images.device)
        losses = {'loss_captions': caption_contrast(images, captions, holds, scale)}
        if self.patch_weight:
            mask = torch.cat([sample.gt_sem_seg.data for sample in data_samples]).long()
            shares = patch_shares(mask, self.clip.visual.grid_size, len(self.names))
            names = self.encode_texts(self._one_prompt_a_class())
            losses['loss_patches'] = self.patch_weight * patch_contrast(
                patches, names, shares, scale
            )
        return losses

    def encode_images(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors of images ``(B, D)`` and of patches ``(B, L, D)``, of length one."""
        visual = self.clip.visual
        tokens = visual._embeds(inputs)
        for index, block in enumerate(visual.transformer.resblocks):
            if index not in self.passed:
                tokens = block(tokens)
        tokens = visual.ln_post(tokens)[:, 1:] @ visual.proj  # (B, L, D)
        return F.normalize(tokens.mean(dim=1), dim=-1), F.normalize(tokens, dim=-1)

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        """Return the vectors of texts, ``(T, D)``, of length one."""
        tokens = self.tokenizer(list(texts)).to(self.clip.logit_scale.device)
        return self.clip.encode_text(tokens, normalize=True)

    def _one_prompt_a_class(self) -> list[str]:
        """Return ``1 + N`` prompts with random templates, the background's first."""
        drawn = torch.randint(len(self.templates), (1 + len(self.names),)).tolist()
        background = self.background[int(torch.randint(len(self.background), ()))]
        return [
            self.templates[index].format(name)
            for index, name in zip(drawn, (background, *self.names), strict=True)
        ]

    def export(self) -> dict[str, Any]:
        """Return what `mmwsss.models.clip.load_clip` reads: weights and architecture.

        A block that was passed over attends as the last one does, whose input it has, so that an
        average of attention over blocks is not one with what nobody trained.
        """
        state = {name: value.detach().clone() for name, value in self.clip.state_dict().items()}
        blocks = 'visual.transformer.resblocks'
        last = len(self.clip.visual.transformer.resblocks) - 1
        for index in self.passed:
            for part in ('ln_1.weight', 'ln_1.bias', 'attn.in_proj_weight', 'attn.in_proj_bias'):
                state[f'{blocks}.{index}.{part}'] = state[f'{blocks}.{last}.{part}'].clone()
        return {'state_dict': state, 'meta': {'open_clip': self.architecture}}


def _passed_blocks(number: int, trained: int | None) -> tuple[int, ...]:
    """Return the indices of the blocks that do not learn: those right before the last one.

    Raises:
        ValueError: There are not so many blocks, or none is to learn.
    """
    trained = number if trained is None else trained
    if not 1 <= trained <= number:
        raise ValueError(f'trained_blocks={trained}, but the image tower has {number} blocks')
    return tuple(range(trained - 1, number - 1))


def _add_nothing(block: Any) -> None:
    """Make a block the identity, without anything to learn."""
    block.requires_grad_(False)
    for layer in (block.attn.out_proj, block.mlp.c_proj):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
