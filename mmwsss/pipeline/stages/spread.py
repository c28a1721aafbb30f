"""The stage that spreads seeds of any host along the affinity of a ViT's patches."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import torch
from mmengine.registry import init_default_scope

from mmwsss.models.affinity.vit_patches import IMAGENET_MEAN, IMAGENET_STD, ViTPatches
from mmwsss.pipeline.workspace import Workspace, named_files
from mmwsss.registry import STAGES
from mmwsss.seeds.files import SOURCES, load_seed, save_seed
from mmwsss.seeds.refine import RefineItem, check_inputs
from mmwsss.seeds.spread import SpreadSettings, spread_seed
from mmwsss.structures import read_image
from mmwsss.terminal import progress

from .base import Stage
from .checks import check_source
from .images import seeded_images


@STAGES.register_module()
class SpreadSeeds(Stage):
    """Let seeds spread over patches that a ViT finds alike; nothing is trained.

    The result is seeds again, with the maps after the walk as ``cam``.

    Args:
        name: Name of the stage, which is that of its folder.
        seeds: Stage that wrote the seeds.
        backbone: Config of a ViT of timm (``TIMMBackbone``) or mmpretrain, with its weights.
        mean: Of the images that it learnt on, RGB in 0..255; ImageNet's by default.
        std: Standard deviations of these images, RGB in 0..255; ImageNet's by default.
        long_side: Images are resized to it for the ViT; None: they are not.
        **settings: Fields of `SpreadSettings` that differ from its defaults: ``source``,
            ``affinity``, ``threshold``, ``temperature``, ``transition``, ``steps``.
    """

    takes = ('seeds',)
    wants: ClassVar = {'seeds': 'seeds'}
    gives = 'seeds'
    extra_keywords: ClassVar = SpreadSettings

    def __init__(
        self,
        name: str,
        seeds: str,
        backbone: Mapping[str, Any],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        long_side: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name)
        self.seeds = seeds
        self.backbone = dict(backbone)
        self.mean = mean
        self.std = std
        self.long_side = long_side
        self.settings = SpreadSettings(**settings)

    def check(self, workspace: Workspace) -> None:
        """Look at the source, and build the network."""
        check_source(self.name, self.settings.source, self.seeds, workspace)
        network = self._build()
        if self.settings.affinity == 'attention' and network.rotates:
            raise ValueError(
                f"stage {self.name!r} has affinity='attention', which a ViT with rotary positions "
                "does not give: take 'cosine' or 'softmax'"
            )

    def seed_sources(self, workspace: Workspace) -> tuple[str, ...]:
        """Return ``cam``: what has spread is that."""
        return SOURCES[:1]

    def seed_backgrounds(self, workspace: Workspace) -> tuple[str, ...]:
        """Return the background that has spread along."""
        found = workspace.stages[self.seeds].seed_backgrounds(workspace)
        own = 'background' in found or (
            self.settings.source == 'pacam' and 'pacam_background' in found
        )
        return ('background',) if own else ()

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Network, its weights, and the options."""
        return {
            'backbone': self.backbone,
            'files': named_files(self.backbone),
            'mean': list(self.mean),
            'std': list(self.std),
            'long_side': self.long_side,
            'settings': asdict(self.settings),
        }

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Spread what has not been spread yet."""
        items = seeded_images(workspace, workspace.folder(self.seeds) / 'seeds')
        check_inputs(items)
        out_dir = workspace.folder(self.name) / 'seeds'
        network = self._build().to('cuda' if torch.cuda.is_available() else 'cpu')
        todo = [item for item in items if not (resume and _is_seed(out_dir / f'{item.id}.npz'))]
        with progress('spread', len(items), initial=len(items) - len(todo)) as bar:
            for item in todo:
                self._spread(item, network, out_dir)
                bar.update()
        return {'seeds': len(items), 'settings': asdict(self.settings)}

    def summary(self, figures: dict[str, Any]) -> str:
        """Their number."""
        return f'{figures["seeds"]} seeds'

    def _build(self) -> ViTPatches:
        init_default_scope('mmseg')
        return ViTPatches(self.backbone, self.mean, self.std, self.long_side)

    def _spread(self, item: RefineItem, network: ViTPatches, out_dir: Path) -> None:
        """Read, spread, write; an error names the image."""
        try:
            wants_attention = self.settings.affinity == 'attention'
            patches = network(read_image(item.image_path), wants_attention)
            seed = spread_seed(load_seed(item.seed_path), patches, self.settings)
            save_seed(out_dir / f'{item.id}.npz', seed)
        except Exception as error:
            raise ValueError(f'image {item.id}: {error}') from error


def _is_seed(path: Path) -> bool:
    try:
        load_seed(path)
    except (FileNotFoundError, ValueError):
        return False
    return True
