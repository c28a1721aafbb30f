"""Keys and attention of any plain ViT, for affinities between its patches."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmwsss.registry import MODELS
from mmwsss.seeds.spread import Patches

IMAGENET_MEAN = (123.675, 116.28, 103.53)  # RGB, 0..255
IMAGENET_STD = (58.395, 57.12, 57.375)


class ViTPatches(nn.Module):
    """A frozen ViT that is asked for the keys of its last block, or for its attention.

    A ViT of timm or mmpretrain, also as ``TIMMBackbone``: its attention layers have ``qkv`` or
    ``q_proj`` and ``k_proj``, and its first convolution makes the patches. Its tokens are the
    patches, row by row, after any number of others.

    Args:
        backbone: Config of the network.
        mean: Of the images it learnt on, RGB in 0..255.
        std: Standard deviations of these images, RGB in 0..255.
        long_side: Images are resized to it; None: they stay as large as they are. Both sides become
            whole patches.

    Raises:
        ValueError: The network has no such layers.
    """

    mean: Tensor  # (1, 3, 1, 1)
    std: Tensor

    def __init__(
        self,
        backbone: Mapping[str, Any],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        long_side: int | None = None,
    ) -> None:
        super().__init__()
        self.network = MODELS.build(dict(backbone))
        init_weights = getattr(self.network, 'init_weights', None)
        if init_weights is not None:
            init_weights()
        self.network.eval()
        self.long_side = long_side
        self.layers = [module for module in self.network.modules() if _attends(module)]
        if not self.layers:
            raise ValueError(
                f'{backbone.get("type")} has no attention layer with qkv, or q_proj and k_proj: '
                'affinities between patches need a plain ViT of timm or mmpretrain'
            )
        self.patch_size = _patch_size(self.network, backbone)
        self.register_buffer('mean', torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @property
    def rotates(self) -> bool:
        """Whether positions turn queries and keys, which no projection of a token knows."""
        return any(name.rpartition('.')[2] == 'rope' for name, _ in self.network.named_modules())

    @torch.no_grad()
    def forward(self, image: np.ndarray, attention: bool = False) -> Patches:
        """Look at one image.

        Args:
            image: ``(H, W, 3)`` uint8, RGB.
            attention: Give the sum of the attention of all blocks in the place of keys.

        Raises:
            ValueError: The attention is asked for, and the network turns queries and keys.
        """
        if attention and self.rotates:
            raise ValueError(
                'the attention of a ViT with rotary positions cannot be read from its tokens: '
                "take its keys, affinity='cosine' or 'softmax'"
            )
        pixels, grid = self._prepare(image)
        layers = self.layers if attention else self.layers[-1:]
        tokens: list[Tensor] = []
        hooks = [
            layer.register_forward_pre_hook(lambda _, inputs: tokens.append(inputs[0]))
            for layer in layers
        ]
        try:
            self.network(pixels)
        finally:
            for hook in hooks:
                hook.remove()
        number = grid[0] * grid[1]
        if not attention:
            keys = _heads(layers[0], tokens[0], 1)  # (1, heads, N, d)
            return Patches(grid, keys=keys.transpose(1, 2).flatten(2)[0, -number:])
        total = tokens[0].new_zeros(number, number)
        for layer, inputs in zip(layers, tokens, strict=True):
            query, key = _heads(layer, inputs, 0), _heads(layer, inputs, 1)
            scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
            total += scores.softmax(dim=-1).mean(dim=1)[0, -number:, -number:]
        return Patches(grid, attention=total)

    def _prepare(self, image: np.ndarray) -> tuple[Tensor, tuple[int, int]]:
        """Resize to whole patches and normalise; return the image and the grid."""
        height, width = image.shape[:2]
        scale = self.long_side / max(height, width) if self.long_side else 1.0
        rows, columns = (max(1, round(side * scale / self.patch_size)) for side in (height, width))
        size = columns * self.patch_size, rows * self.patch_size
        resized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        pixels = torch.from_numpy(resized).permute(2, 0, 1)[None].to(self.mean)
        return (pixels - self.mean) / self.std, (rows, columns)


def _attends(module: nn.Module) -> bool:
    fused = isinstance(getattr(module, 'qkv', None), nn.Linear)
    return fused or all(isinstance(getattr(module, f'{p}_proj', None), nn.Linear) for p in 'qk')


def _patch_size(network: nn.Module, backbone: Mapping[str, Any]) -> int:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            return module.stride[0]
    raise ValueError(f'{backbone.get("type")} has no convolution that makes patches')


def _heads(layer: Any, tokens: Tensor, part: int) -> Tensor:
    """Project tokens ``(B, N, C)`` to queries (part 0) or keys (1), ``(B, heads, N, d)``."""
    name = 'qk'[part]
    if isinstance(getattr(layer, 'qkv', None), nn.Linear):
        weight, bias = layer.qkv.weight.chunk(3)[part], layer.qkv.bias
        # EVA keeps the biases beside the layer
        bias = getattr(layer, f'{name}_bias', None) if bias is None else bias.chunk(3)[part]
        projected = F.linear(tokens, weight, bias)
    else:
        projected = getattr(layer, f'{name}_proj')(tokens)
    heads = projected.unflatten(-1, (layer.num_heads, -1)).transpose(1, 2)
    norm = getattr(layer, f'{name}_norm', None)
    return heads if norm is None else norm(heads)
