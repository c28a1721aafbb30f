"""A frozen CLIP that a decoder and a CAM head look at together (WeCLIP)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmwsss.registry import MODELS

from .frozen_clip import CLIPESBackbone, CLIPFeatures, FrozenCLIP, to_map


@dataclass(frozen=True)
class OneStageFeatures(CLIPFeatures):
    """What `OneStageCLIP` hands to its heads.

    Attributes:
        maps: Patch tokens after the blocks of `out_indices`, each ``(B, C, h, w)``: the decoder's.
        attentions: Of the last blocks before the very last, ``(M, B, L, L)``, averaged over heads.
        decoder_affinity: The decoder's affinity ``(B, L, L)``, which chooses among `attentions`, or
            None: the mean of all, as in CLIP-ES.
        prototypes: ``(P, D)`` in the place of the text prototypes, or None.
    """

    maps: tuple[Tensor, ...]
    attentions: Tensor
    decoder_affinity: Tensor | None = None
    prototypes: Tensor | None = None


@MODELS.register_module()
class OneStageCLIP(CLIPESBackbone):
    """A `CLIPESBackbone` that also hands out the tokens of its blocks.

    Args:
        out_indices: Blocks whose patch tokens the decoder takes, counted from 0; not the last one,
            which is the CAM head's.
        num_refining_blocks: Last blocks among whose attention the decoder's affinity chooses.
        **kwargs: Options of `CLIPESBackbone`.

    Raises:
        ValueError: The model has no such block, or fewer blocks.
    """

    def __init__(
        self,
        out_indices: tuple[int, ...] = tuple(range(11)),  # WeCLIP, ViT-B
        num_refining_blocks: int = 6,  # WeCLIP, VOC; 10 for COCO
        **kwargs: Any,
    ) -> None:
        super().__init__(out_indices=out_indices, **kwargs)
        number = len(self.blocks)
        if not 2 <= num_refining_blocks <= number:
            raise ValueError(
                f'num_refining_blocks is {num_refining_blocks}; {self.model_name} has {number} '
                'blocks, and one alone leaves nothing to choose'
            )
        if number - 1 in self.out_indices:
            raise ValueError(
                f'out_indices={out_indices} names the last of {number} blocks, which the CAM head '
                f'runs: leave out {number - 1}'
            )
        self.num_refining_blocks = num_refining_blocks

    @torch.no_grad()
    def forward(self, images: Tensor) -> OneStageFeatures:  # type: ignore[override]
        """Run all blocks but the last, once for both heads.

        Args:
            images: ``(B, 3, H, W)``, normalised with CLIP's mean and standard deviation.

        Raises:
            ValueError: A side is no multiple of the patch.
        """
        tokens, size = self.embed(images)
        kept, attentions = {}, []
        attending = max(self.num_attention_blocks, self.num_refining_blocks)
        for index, (after, weights) in enumerate(self.run_blocks(tokens, attending)):
            tokens = after
            if index in self.out_indices:
                kept[index] = to_map(tokens, size)
            if weights is not None:
                attentions.append(weights)
        # both numbers count the very last block, which the CAM head runs
        averaged = attentions[len(attentions) - (self.num_attention_blocks - 1) :]
        return OneStageFeatures(
            tokens=tokens,
            attention=torch.stack(averaged).sum(dim=0) if averaged else 0 * attentions[0],
            size=size,
            clip=self,
            maps=tuple(kept[index] for index in self.out_indices),
            attentions=torch.stack(attentions[len(attentions) - (self.num_refining_blocks - 1) :]),
        )

    @torch.no_grad()
    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the decoder's maps alone, without the attention: a segmentor needs no more.

        Args:
            images: As for `forward`.
        """
        return FrozenCLIP.forward(self, images)
