"""Stages that write seeds: of a network, and of a random walk on other seeds."""

import copy
import inspect
from dataclasses import asdict
from typing import Any, ClassVar

from mmengine.config import Config

from mmwsss.models.cam_heads import BaseCAMHead
from mmwsss.pipeline.network import check_views, last_checkpoint
from mmwsss.pipeline.workspace import Workspace, named_files
from mmwsss.registry import MODELS, STAGES
from mmwsss.seeds.files import SOURCES
from mmwsss.seeds.refine import check_inputs
from mmwsss.seeds.walk import WalkSettings

from .base import Stage
from .checks import check_source
from .images import check_dataset, loader_recipe, seeded_images, stated
from .processes import run_network


@STAGES.register_module()
class GenerateSeeds(Stage):
    """Write one seed per image, from merged views.

    Args:
        name: Name of the stage, which is that of its folder.
        model: Stage that trained the network; None for a network that is not trained.
        masks: Stage whose ir_labels the network needs (AMN), or None.
    """

    takes = ('model', 'masks')
    wants: ClassVar = {'model': 'network', 'masks': 'masks'}
    gives = 'seeds'

    def __init__(self, name: str, model: str | None = None, masks: str | None = None) -> None:
        super().__init__(name)
        self.model = model
        self.masks = masks

    def check(self, workspace: Workspace) -> None:
        """Look at the images, and whether the network's ir_labels are those of this run."""
        config = self._config(workspace)
        mask_dir = config.seed_dataloader.dataset.get('mask_dir')
        if mask_dir and not self.masks:
            raise ValueError(
                f'the network of stage {self.name!r} reads ir_labels in {mask_dir}: name the stage '
                'that makes them, masks=...'
            )
        if not config.get('seed_tta_model'):
            check_views(config, f'stage {self.name!r}', 'tta_model')
        check_dataset(config.seed_dataloader.dataset, workspace)

    def seed_sources(self, workspace: Workspace) -> tuple[str, ...]:
        """Return ``cam``, and of a classification network with a plug-in the others."""
        model = self._config(workspace).model
        plugged = model.get('prototype_head') and not model.get('decode_head')
        return SOURCES if plugged else SOURCES[:1]

    def seed_backgrounds(self, workspace: Workspace) -> tuple[str, ...]:
        """Return what host and plug-in give; a segmentor that makes seeds has a background."""
        model = self._config(workspace).model
        if model.get('decode_head'):
            return super().seed_backgrounds(workspace)
        kind = model.get('cam_head', {}).get('type')
        host = MODELS.get(kind) if kind else None
        if not (inspect.isclass(host) and issubclass(host, BaseCAMHead)):
            return super().seed_backgrounds(workspace)
        found = ['background'] if host.own_background else []
        options = model.get('prototype_head')
        if options and MODELS.get(options.type).gives_background(options):
            found.append('pacam_background')
        return tuple(found)

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Network, views and labels."""
        config = self._config(workspace)
        if self.masks:  # the key of that stage counts, not the place of its files
            config.seed_dataloader.dataset.pop('mask_dir', None)
        return {
            'model': config.model,
            'frozen': named_files(config.model),
            'tta_model': config.get('seed_tta_model') or config.get('tta_model'),
            'data': loader_recipe(config.seed_dataloader),
            **stated(config, 'seed_writer'),
        }

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Write the seeds that are not there yet."""
        config = self._config(workspace)
        config.work_dir = str(workspace.folder(self.name) / 'log')
        if self.masks:
            config.seed_dataloader.dataset.mask_dir = str(workspace.folder(self.masks) / 'masks')
        checkpoint = None
        if self.model is not None:
            checkpoint = str(last_checkpoint(workspace.folder(self.model)))
        out_dir = str(workspace.folder(self.name) / 'seeds')
        return _write_seeds(config, workspace, checkpoint, out_dir)

    def summary(self, figures: dict[str, Any]) -> str:
        """Their number."""
        return f'{figures["seeds"]} seeds'

    def _config(self, workspace: Workspace) -> Config:
        """Return the config that the network was trained with."""
        return workspace.network_config(self.model) or copy.deepcopy(workspace.config)


@STAGES.register_module()
class WalkSeeds(Stage):
    """Let seeds walk over the boundaries that IRN's second network sees.

    The result is seeds again, with the maps after the walk as ``cam``.

    Args:
        name: Name of the stage, which is that of its folder.
        seeds: Stage that wrote the seeds.
        model: Stage that trained the `IRNet`.
        **settings: Fields of `WalkSettings` that differ from its defaults: ``source``, ``power``,
            ``radius``, ``beta``, ``steps``, ``full_size``.
    """

    takes = ('seeds', 'model')
    wants: ClassVar = {'seeds': 'seeds'}
    gives = 'seeds'
    extra_keywords: ClassVar = WalkSettings

    def __init__(self, name: str, seeds: str, model: str, **settings: Any) -> None:
        super().__init__(name)
        self.seeds = seeds
        self.model = model
        self.settings = WalkSettings(**settings)

    def check(self, workspace: Workspace) -> None:
        """Look at the network."""
        config = workspace.network_config(self.model)
        if config is None or config.model.type != 'mmwsss.IRNet':
            raise ValueError(
                f'stage {self.name!r} walks over the boundaries of {self.model!r}, which trains no '
                'mmwsss.IRNet: name a stage that does'
            )
        check_views(config, f'stage {self.name!r}', 'tta_model', 'tta_pipeline', 'seed_dataloader')
        check_source(self.name, self.settings.source, self.seeds, workspace)

    def seed_sources(self, workspace: Workspace) -> tuple[str, ...]:
        """Return ``cam``: what walked is that."""
        return SOURCES[:1]

    def seed_backgrounds(self, workspace: Workspace) -> tuple[str, ...]:
        """Return the background that walked along: that of the PACAM."""
        walked = workspace.stages[self.seeds].seed_backgrounds(workspace)
        along = self.settings.source == 'pacam' and 'pacam_background' in walked
        return ('background',) if along else ()

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """The options, and how boundaries are seen."""
        config = self._config(workspace)
        return {
            'settings': asdict(self.settings),
            'model': config.model,
            'tta_model': config.tta_model,
            'data': loader_recipe(config.seed_dataloader),
        }

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Walk where it has not been done yet."""
        seed_dir = workspace.folder(self.seeds) / 'seeds'
        check_inputs(seeded_images(workspace, seed_dir))
        out_dir = str(workspace.folder(self.name) / 'seeds')
        config = self._config(workspace)
        config.work_dir = str(workspace.folder(self.name) / 'log')
        config.seed_writer = {
            'type': 'mmwsss.WalkWriter',
            'seed_dir': str(seed_dir),
            **asdict(self.settings),
        }
        checkpoint = str(last_checkpoint(workspace.folder(self.model)))
        return _write_seeds(config, workspace, checkpoint, out_dir)

    def summary(self, figures: dict[str, Any]) -> str:
        """Their number."""
        return f'{figures["seeds"]} seeds'

    def _config(self, workspace: Workspace) -> Config:
        """Return the network's config, whose images are those of the run, with its own views."""
        config = workspace.network_config(self.model)
        assert config is not None  # `check` has seen to it
        config.seed_dataloader.dataset.pipeline = config.tta_pipeline
        return config


def _write_seeds(
    config: Config, workspace: Workspace, checkpoint: str | None, out_dir: str
) -> dict[str, Any]:
    """Write the seeds that are not there yet; return how many there are.

    How many are of this attempt says nothing of the stage.
    """
    figures = run_network('seeds', config, workspace, checkpoint=checkpoint, out_dir=out_dir)
    return {'seeds': figures['seeds']}
