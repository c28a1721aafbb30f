"""A ViT with one class token per class (MCTformer, CVPR 2022), on mmpretrain's blocks."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
    VisionTransformer,
)
from torch import Tensor, nn

from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS

_OFFSET = 0.1  # added to a grid before it is divided by the table's: rounding must not lose a cell


class ClassTokenFeatures(NamedTuple):
    """What a `ClassTokenViT` returns; the patch tokens are the last "stage".

    Attributes:
        class_tokens: ``(B, N, D)``.
        attention: ``(blocks, B, N + L, N + L)``, averaged over heads, rows are queries; or None.
        patch_tokens: ``(B, D, h, w)``.
    """

    class_tokens: Tensor
    attention: Tensor | None
    patch_tokens: Tensor


@MODELS.register_module()
class ClassTokenViT(VisionTransformer):
    """mmpretrain's `VisionTransformer` with ``N`` class tokens in front of the patch tokens.

    There is no norm after the last block. For images of another size than `img_size` the positions
    of the patches are resized; pixels on the right and at the bottom that fill no patch are not
    seen. The names of the parameters are mmpretrain's. As `init_cfg`, ``dict(type='Pretrained',
    checkpoint=PATH)`` takes a plain ViT with the names of mmpretrain, timm or DeiT: each class
    token begins as the single one, at the position of the single one.

    Args:
        num_classes: Class tokens ``N``.
        arch: As for mmpretrain: a name, or a dict of sizes.
        img_size: Side of the training images, which sets the size of the table of positions.
        patch_size: Side of a patch.
        drop_path_rate: Of the last block; rises linearly from 0.
        patch_cfg: Options of mmpretrain's `PatchEmbed`: `EfficientNetLite0Patches` makes the ViT a
            hybrid.
        similar_attention: Begin with keys that equal the queries, so that patches attend to those
            that are like them; as trained ViTs do (Trockman and Kolter, Mimetic Initialization of
            Self-Attention Layers, ICML 2023), and few images cannot teach. Not with `init_cfg`.
        keep_attention: Return the attention of all blocks, which takes ``4 blocks (N + L)^2`` bytes
            per image. None: in evaluation, where maps are made of it, and not in training.
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: Both `similar_attention` and `init_cfg` are given.
    """

    def __init__(
        self,
        num_classes: int,
        arch: str | dict = 'deit-small',
        img_size: int = 224,
        patch_size: int = 16,
        drop_path_rate: float = 0.0,
        patch_cfg: dict | None = None,
        similar_attention: bool = False,
        keep_attention: bool | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if similar_attention and init_cfg:
            raise ValueError(
                'similar_attention would overwrite the keys that init_cfg loads: leave one out'
            )
        super().__init__(
            arch=arch,
            img_size=img_size,
            patch_size=patch_size,
            drop_path_rate=drop_path_rate,
            final_norm=False,
            out_type='raw',
            patch_cfg={'padding': 0, **(patch_cfg or {})},
            init_cfg=init_cfg,
        )
        self.similar_attention = similar_attention
        self.keep_attention = keep_attention
        # mmpretrain has made one class token and its position; ours take the same names.
        self.num_extra_tokens = num_classes
        rows, columns = self.patch_resolution
        self.cls_token = nn.Parameter(torch.zeros(1, num_classes, self.embed_dims))
        self.pos_embed = nn.Parameter(torch.zeros(1, num_classes + rows * columns, self.embed_dims))
        refuse_partial_load(self)

    def init_weights(self) -> None:
        """Initialise as mmpretrain does, and then the keys, if they are to equal the queries."""
        super().init_weights()
        if self.similar_attention:
            for layer in self.layers:
                equal_keys(layer)

    def forward(self, inputs: Tensor) -> ClassTokenFeatures:
        """Return the tokens after the last block, for ``(B, 3, H, W)`` normalised images."""
        patches, size = self.patch_embed(inputs)  # (B, L, D)
        class_tokens = self.cls_token.expand(len(patches), -1, -1)
        tokens = torch.cat([class_tokens, patches], dim=1)  # (B, N + L, D)
        tokens, attention = self._encode(tokens + self._positions(inputs, size))
        class_tokens, patches = tokens.split([class_tokens.shape[1], patches.shape[1]], dim=1)
        return ClassTokenFeatures(
            class_tokens, attention, patches.transpose(1, 2).unflatten(2, size)
        )

    def _positions(self, inputs: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the positions of a grid of `size`, ``(1, N + L, D)``."""
        square = inputs.shape[-2] == inputs.shape[-1]
        if square and size == self.patch_resolution:  # as the released code decides
            return self.pos_embed
        return resize_positions(self.pos_embed, self.patch_resolution, size)

    def _encode(self, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run all blocks; return their tokens and, where it is kept, their attention."""
        keep = not self.training if self.keep_attention is None else self.keep_attention
        if not keep:
            for layer in self.layers:
                tokens = layer(tokens)
            return tokens, None
        matrices = []
        for layer in self.layers:
            tokens, matrix = attend(layer, tokens)
            matrices.append(matrix)
        return tokens, torch.stack(matrices)

    def train(self, mode: bool = True) -> 'ClassTokenViT':
        """Set the mode and return the network, as torch does and mmpretrain does not."""
        super().train(mode)
        return self

    def _prepare_pos_embed(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Fit a checkpoint to our class tokens; mmpretrain calls it before a state dict is loaded.

        Raises:
            ValueError: The checkpoint has other class tokens or another grid.
        """
        names = [f'{prefix}{name}' for name in ('cls_token', 'pos_embed')]
        if not all(name in state_dict for name in names):
            return
        loaded = [state_dict[name] for name in names]
        if loaded[0].shape[1] == 1:
            loaded = list(repeat_class_token(loaded[0], loaded[1], self.num_extra_tokens))
        for name, value, own in zip(names, loaded, (self.cls_token, self.pos_embed), strict=True):
            if value.shape != own.shape:
                raise ValueError(
                    f'{name} is {tuple(value.shape)} in the checkpoint and {tuple(own.shape)} in '
                    'the model: set num_classes and img_size of the backbone to those it was '
                    'trained with'
                )
            state_dict[name] = value


def attend(layer: TransformerEncoderLayer, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Run one block of mmpretrain and return its attention, too.

    Args:
        layer: A block of the transformer, whose weights are used as they are.
        tokens: ``(B, T, D)``.

    Returns:
        Its output ``(B, T, D)``, and the attention averaged over heads, ``(B, T, T)``: row ``i`` is
        what token ``i`` takes from the others and sums to one.
    """
    module = layer.attn
    qkv = module.qkv(layer.ln1(tokens)).unflatten(-1, (3, module.num_heads, module.head_dims))
    query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D / heads)
    # Written out, because torch's fused attention does not give its weights away.
    weights = (query * module.head_dims**-0.5 @ key.transpose(-2, -1)).softmax(dim=-1)
    mixed = (weights @ value).transpose(1, 2).flatten(2)  # (B, T, D)
    mixed = module.out_drop(module.gamma1(module.proj_drop(module.proj(mixed))))
    tokens = tokens + mixed
    return layer.ffn(layer.ln2(tokens), identity=tokens), weights.mean(dim=1)


@torch.no_grad()
def equal_keys(layer: TransformerEncoderLayer) -> None:
    """Let a block make keys as it makes queries: the weights of the queries are copied."""
    for parameter in (layer.attn.qkv.weight, layer.attn.qkv.bias):
        query, key, _ = parameter.chunk(3)  # each (D, D) or (D,)
        key.copy_(query)


def resize_positions(
    positions: Tensor, table_size: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    """Resize the part of the patches bicubically, as the released MCTformer does.

    The scale factors are those of a grid that is a tenth of a cell larger; it was meant against
    rounding, but it moves the values, too.

    Args:
        positions: ``(1, N + L, D)``, the class tokens' first.
        table_size: Grid of the ``L`` positions.
        size: ``(h, w)`` of the grid wanted.

    Returns:
        ``(1, N + h w, D)``.
    """
    length = table_size[0] * table_size[1]
    of_classes, of_patches = positions[:, :-length], positions[:, -length:]
    table = of_patches.transpose(1, 2).unflatten(2, table_size)  # (1, D, rows, columns)
    scale = tuple((cells + _OFFSET) / own for cells, own in zip(size, table_size, strict=True))
    table = F.interpolate(table, scale_factor=scale, mode='bicubic', align_corners=False)
    return torch.cat([of_classes, table.flatten(2).transpose(1, 2)], dim=1)


def repeat_class_token(token: Tensor, positions: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Repeat the single class token of a plain ViT, and its position.

    Args:
        token: ``(1, 1, D)``.
        positions: ``(1, 1 + L, D)``, the class token's first.
        number: Class tokens ``N`` wanted.

    Returns:
        ``(1, N, D)`` and ``(1, N + L, D)``.
    """
    of_class = positions[:, :1].repeat(1, number, 1)
    return token.repeat(1, number, 1), torch.cat([of_class, positions[:, 1:]], dim=1)
