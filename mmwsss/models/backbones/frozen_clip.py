"""CLIP's image tower as a backbone that never learns (through open_clip)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmwsss.functional.clip_es import attention_weights
from mmwsss.models.clip import Architecture, load_clip
from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS

_WEIGHTS_AT_ONCE = 2**22  # ours: of the attention, 16 MB


@MODELS.register_module()
class FrozenCLIP(BaseModule):
    """A ViT of CLIP of any size and source; frozen, always in evaluation mode.

    Images may have any size that is a multiple of the patch: the table of positions is resized
    bilinearly.

    Args:
        model_name: As for `mmwsss.models.clip.load_clip`; None takes what the file says.
        pretrained: A tag of open_clip, a file, or None for random weights.
        out_indices: Blocks whose patch tokens are returned, counted from 0.
        half_positions: Round the resized positions to float16, as CLIP-ES does.
        init_cfg: None: `pretrained` says where the weights are.

    Raises:
        ValueError: The model is none, or no plain ViT, or has fewer blocks; or `init_cfg` is given.
        FileNotFoundError: There is no such file of weights.
    """

    def __init__(
        self,
        model_name: str | Architecture | None = 'ViT-B-16-quickgelu',
        pretrained: str | None = 'openai',
        out_indices: tuple[int, ...] = (-1,),
        half_positions: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        if init_cfg:
            raise ValueError('a frozen CLIP takes its weights by `pretrained`, not by init_cfg')
        super().__init__()
        self.model_name = model_name
        self.pretrained = pretrained
        self.half_positions = half_positions
        self.visual: Any = load_clip(model_name, pretrained, 'visual')
        _check_plain(self.visual, model_name)
        number = len(self.blocks)
        if not all(-number <= index < number for index in out_indices):
            raise ValueError(f'out_indices={out_indices}, but {model_name} has {number} blocks')
        self.out_indices = tuple(index % number for index in out_indices)
        refuse_partial_load(self)

    @property
    def blocks(self) -> Any:
        """The transformer's blocks."""
        return self.visual.transformer.resblocks

    @property
    def embed_dims(self) -> int:
        """Dimensions of the space that images and texts share."""
        return self.visual.output_dim

    def train(self, mode: bool = True) -> 'FrozenCLIP':
        """Stay in evaluation mode."""
        return super().train(False)

    def init_weights(self) -> None:
        """Keep the weights: they were loaded when the model was built."""

    @torch.no_grad()
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return patch tokens.

        Args:
            images: ``(B, 3, H, W)``, normalised with CLIP's mean and standard deviation.

        Returns:
            For every block of `out_indices`, ``(B, C, H / patch, W / patch)``.

        Raises:
            ValueError: A side is no multiple of the patch.
        """
        tokens, size = self.embed(images)
        maps = {}
        for index, block in enumerate(self.blocks[: max(self.out_indices) + 1]):
            tokens = block(tokens)
            maps[index] = to_map(tokens, size)
        return tuple(maps[index] for index in self.out_indices)

    def embed(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Make what enters the first block.

        Args:
            images: ``(B, 3, H, W)``.

        Returns:
            ``(B, 1 + h w, C)``, class token first, and ``(h, w)``.

        Raises:
            ValueError: A side is no multiple of the patch.
        """
        sides, patch = images.shape[-2:], self.visual.patch_size
        if sides[0] % patch[0] or sides[1] % patch[1]:
            raise ValueError(
                f'images of {tuple(sides)} pixels cannot be cut into patches of {tuple(patch)}: '
                "add dict(type='mmwsss.PillowResize', scale_factor=1.0, "
                f'size_divisor={patch[0]}) to the pipeline'
            )
        patches = self.visual.conv1(images)  # (B, C, h, w)
        size = (patches.shape[2], patches.shape[3])
        class_token = self.visual.class_embedding.expand(len(images), 1, -1)
        tokens = torch.cat([class_token, patches.flatten(2).transpose(1, 2)], dim=1)
        return self.visual.ln_pre(tokens + self._positions(size)), size

    def project(self, tokens: Tensor) -> Tensor:
        """Map the last block's tokens ``(..., C)`` to the shared space, ``(..., D)``.

        `ln_post` is applied to every token, not to the class token alone.
        """
        return self.visual.ln_post(tokens) @ self.visual.proj

    def _positions(self, size: tuple[int, int]) -> Tensor:
        """Return the positions of the class token and of ``h w`` patches, ``(1 + h w, C)``."""
        table = self.visual.positional_embedding
        grid = self.visual.grid_size
        if tuple(grid) != size:
            patches = table[1:].T.unflatten(1, grid)  # (C, h0, w0)
            patches = F.interpolate(patches[None], size, mode='bilinear', align_corners=False)
            table = torch.cat([table[:1], patches[0].flatten(1).T])
        return table.half().float() if self.half_positions else table


@dataclass(frozen=True)
class CLIPFeatures:
    """What `CLIPESBackbone` hands to its CAM head.

    Attributes:
        tokens: What enters the last block, ``(B, 1 + L, C)``, class token first, ``L = h w``.
        attention: Of the patches, ``(B, L, L)``: averaged over heads and summed over the last
            blocks before the very last; a row is a query.
        size: ``(h, w)``.
        clip: The backbone, for its last block.
    """

    tokens: Tensor
    attention: Tensor
    size: tuple[int, int]
    clip: 'CLIPESBackbone'


@MODELS.register_module()
class CLIPESBackbone(FrozenCLIP):
    """A frozen CLIP up to its last block, which the CAM head runs with gradient (CLIP-ES).

    Args:
        num_attention_blocks: Last blocks whose attention is averaged, with the very last.
        **kwargs: Options of `FrozenCLIP`, which says where the weights come from.

    Raises:
        ValueError: The model has fewer blocks.
    """

    def __init__(self, num_attention_blocks: int = 8, **kwargs: Any) -> None:  # CLIP-ES
        super().__init__(**kwargs)
        if not 1 <= num_attention_blocks <= len(self.blocks):
            raise ValueError(
                f'num_attention_blocks is {num_attention_blocks}; {self.model_name} has '
                f'{len(self.blocks)} blocks'
            )
        self.num_attention_blocks = num_attention_blocks

    @torch.no_grad()
    def forward(self, images: Tensor) -> CLIPFeatures:  # type: ignore[override]
        """Run all blocks but the last.

        Args:
            images: ``(B, 3, H, W)``, normalised with CLIP's mean and standard deviation.

        Raises:
            ValueError: A side is no multiple of the patch.
        """
        tokens, size = self.embed(images)
        number = size[0] * size[1]
        attention = tokens.new_zeros(len(images), number, number)
        for after, weights in self.run_blocks(tokens, self.num_attention_blocks):
            tokens = after
            if weights is not None:
                attention += weights
        return CLIPFeatures(tokens, attention, size, self)

    def run_blocks(self, tokens: Tensor, attending: int) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Run all blocks but the last, one after another.

        Args:
            tokens: What enters the first block, ``(B, 1 + L, C)``.
            attending: Of how many last blocks, the very last among them, the attention is wanted.

        Yields:
            After each block its tokens, and the attention among its patches ``(B, L, L)``, averaged
            over heads; None of a block whose attention is not wanted.
        """
        first = len(self.blocks) - attending
        for index, block in enumerate(self.blocks[:-1]):
            if index < first:
                tokens = block(tokens)
                yield tokens, None
            else:
                tokens, weights = attend(block, tokens, block.ln_1(tokens))
                yield tokens, weights[:, 1:, 1:]


def attend(block: Any, tokens: Tensor, normalized: Tensor) -> tuple[Tensor, Tensor]:
    """Run a block of open_clip from its first norm on, and keep the attention.

    Args:
        block: A residual block of ``open_clip.transformer``.
        tokens: ``(B, T, C)``, what enters the block.
        normalized: ``block.ln_1(tokens)``.

    Returns:
        What leaves the block, ``(B, T, C)``, and the attention averaged over heads ``(B, T, T)``.
    """
    mixed, weights = mix_values(block, project_in(block, normalized))
    return leave_block(block, tokens, mixed), weights


def project_in(block: Any, normalized: Tensor) -> Tensor:
    """Return queries, keys and values of a block, ``(B, T, 3 C)`` of ``(B, T, C)``."""
    return F.linear(normalized, block.attn.in_proj_weight, block.attn.in_proj_bias)


def split_heads(block: Any, projected: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield queries, keys and values of a few heads at a time.

    All weights of a large image, ``heads * T * T``, are more than the network's other tensors.

    Args:
        block: A residual block.
        projected: What `project_in` returned.

    Yields:
        Three of ``(B, some heads, T, c)``.
    """
    heads = projected.unflatten(-1, (3, block.attn.num_heads, -1)).permute(2, 0, 3, 1, 4)
    number = max(_WEIGHTS_AT_ONCE // (len(projected) * projected.shape[1] ** 2), 1)
    for some in heads.split(number, dim=2):
        query, key, value = some
        yield query, key, value


def mix_values(block: Any, projected: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values mixed by the attention, ``(B, T, C)``, and its mean, ``(B, T, T)``."""
    mixed, total = [], projected.new_zeros(())
    for query, key, value in split_heads(block, projected):
        weights = attention_weights(query, key)
        mixed.append(weights @ value)
        total = total + weights.sum(dim=1)
    return torch.cat(mixed, dim=1).transpose(1, 2).flatten(2), total / block.attn.num_heads


def leave_block(block: Any, tokens: Tensor, mixed: Tensor) -> Tensor:
    """Run a block from the mixed values to its end, all ``(B, T, C)``."""
    tokens = tokens + block.ls_1(block.attn.out_proj(mixed))
    return tokens + block.ls_2(block.mlp(block.ln_2(tokens)))


def to_map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """Arrange patch tokens ``(B, 1 + h w, C)`` as ``(B, C, h, w)``, without the class token."""
    return tokens[:, 1:].transpose(1, 2).unflatten(2, size)


def _check_plain(visual: nn.Module, model_name: object) -> None:
    blocks = getattr(getattr(visual, 'transformer', None), 'resblocks', [])
    if not len(blocks) or not isinstance(getattr(blocks[0], 'attn', None), nn.MultiheadAttention):
        raise ValueError(
            f'{model_name} has no plain ViT as its image tower: choose a ViT of open_clip, such as '
            'ViT-B-16-quickgelu'
        )
