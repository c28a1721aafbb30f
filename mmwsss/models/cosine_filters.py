"""Filters with which a small ViT that has minutes to learn sees its patches at first."""

import math

import torch
from torch import Tensor

_COLOURS = ((1.0, 1.0, 1.0), (1.0, 0.0, -1.0), (0.5, -1.0, 0.5))  # grey, red-blue, green-purple


def cosine_filters(channels: int, patch: int) -> Tensor:
    """Make orthonormal filters of a patch: low frequencies of the cosine transform (DCT-II).

    Two thirds of them see grey, the others two colour differences.

    Args:
        channels: Number of filters.
        patch: Side of a patch.

    Returns:
        ``(channels, 3, patch, patch)``.

    Example:
        >>> filters = cosine_filters(6, 4).flatten(1)
        >>> torch.allclose(filters @ filters.T, torch.eye(6), atol=1e-6)
        True
    """
    place = torch.arange(patch) + 0.5
    waves = torch.stack([torch.cos(math.pi * u * place / patch) for u in range(patch)])
    waves = waves / waves.norm(dim=1, keepdim=True)
    colours = torch.tensor(_COLOURS)
    colours = colours / colours.norm(dim=1, keepdim=True)
    frequencies = sorted(
        ((u, v) for u in range(patch) for v in range(patch)), key=lambda uv: uv[0] ** 2 + uv[1] ** 2
    )
    differences = channels // 6
    chosen = [(0, uv) for uv in frequencies[: channels - 2 * differences]]
    chosen += [(colour, uv) for uv in frequencies[:differences] for colour in (1, 2)]
    return torch.stack(
        [
            colours[colour][:, None, None] * torch.outer(waves[u], waves[v])
            for colour, (u, v) in chosen
        ]
    )
