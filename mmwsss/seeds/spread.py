"""Seeds spread along the affinity of a ViT's patches."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mmwsss.functional.cam import normalize_by_max
from mmwsss.functional.clip_es import attention_affinity
from mmwsss.functional.key_affinity import (
    cosine_affinity,
    row_transition,
    softmax_affinity,
    spread,
)
from mmwsss.structures import Range, Settings

from .files import Seed, Source


@dataclass(frozen=True)
class SpreadSettings(Settings):
    """How a seed spreads.

    Attributes:
        source: ``cam``, ``pacam`` or ``sum``.
        affinity: ``cosine``: patches whose keys' cosine is at least `threshold`; ``softmax``: of
            the cosines, with `temperature`; ``attention``: what patches attend to, summed over all
            blocks, as MCTformer takes it.
        threshold: Of ``cosine``.
        temperature: Of ``softmax``.
        transition: ``rows``: each row divided by its sum; ``sinkhorn``: the symmetric, doubly
            normalised and squared matrix of CLIP-ES.
        steps: Of the walk.

    Raises:
        ValueError: A choice is unknown, or a number is out of its range.
    """

    source: Source = 'cam'
    affinity: Literal['cosine', 'softmax', 'attention'] = 'cosine'
    threshold: Annotated[float, Range(1e-6, 1)] = 0.2  # TokenCut Sec. 4
    temperature: Annotated[float, Range(1e-6)] = 0.1  # ours
    transition: Literal['rows', 'sinkhorn'] = 'rows'
    steps: Annotated[int, Range(1)] = 1  # ours


@dataclass(frozen=True)
class Patches:
    """What a ViT knows of an image's patches.

    Attributes:
        grid: ``(h, w)`` of the patches, ``h w = L``.
        keys: Of the last block, ``(L, D)``, where they are asked for.
        attention: Summed over all blocks, ``(L, L)``, where it is asked for.
    """

    grid: tuple[int, int]
    keys: Tensor | None = None
    attention: Tensor | None = None


def patch_transition(patches: Patches, settings: SpreadSettings) -> Tensor:
    """Return the transition ``(1, L, L)`` of a walk over the patches."""
    if settings.affinity == 'attention':
        assert patches.attention is not None
        affinity = patches.attention[None]
    else:
        assert patches.keys is not None
        keys = patches.keys[None]
        if settings.affinity == 'cosine':
            affinity = cosine_affinity(keys, settings.threshold)
        else:
            affinity = softmax_affinity(keys, settings.temperature)
    if settings.transition == 'sinkhorn':
        return attention_affinity(affinity)
    return row_transition(affinity)


def spread_seed(seed: Seed, patches: Patches, settings: SpreadSettings) -> Seed:
    """Let the maps of a seed spread over patches that are alike.

    Args:
        seed: Of any host.
        patches: Of the same image.
        settings: Source, affinity and steps.

    Returns:
        The same classes with the maps after the walk as ``cam``, on the seed's grid, each divided
        by its maximum. A background of the seed's own walks along, and then no map is divided, so
        that they compete as before.
    """
    own = seed.own_background(settings.source)
    maps = torch.from_numpy(seed.maps(settings.source))
    if own is not None:
        maps = torch.cat([torch.from_numpy(own)[None], maps])
    if not len(maps):
        return Seed(seed.classes, seed.cam, seed.size, extent=seed.extent)
    transition = patch_transition(patches, settings)
    # each patch the mean of the cells that it covers, and back
    coarse = F.interpolate(maps[None].to(transition), patches.grid, mode='area')
    walked = spread(coarse, transition, settings.steps)
    fine = F.interpolate(walked, maps.shape[1:], mode='bilinear', align_corners=False)[0]
    if own is not None:
        planes = fine.clamp(0, 1).cpu().numpy()
        return Seed(seed.classes, planes[1:], seed.size, background=planes[0], extent=seed.extent)
    cam = normalize_by_max(fine).clamp(0, 1).cpu().numpy()
    return Seed(seed.classes, cam, seed.size, extent=seed.extent)
