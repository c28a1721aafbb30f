"""When VPL's vision prototypes are fitted."""

import json
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsss.models.prototypes import VisionPrototypes
from mmwsss.registry import HOOKS
from mmwsss.structures import atomic_path

from .bank_filling import CollectLoop
from .running_model import unwrapped_model

KL_CURVE_FILE = 'kl_curve.json'


@HOOKS.register_module()
class VisionPrototypeHook(Hook):
    """Fit the vision prototypes at the end of each epoch, to what the epoch collected (VPL).

    It runs before `CheckpointHook`, so that the checkpoint holds them. The figures go into the log,
    and with the KL curve into ``kl_curve.json`` in the work directory.
    """

    priority = 'NORMAL'

    def before_train(self, runner: Runner) -> None:
        """Look for the prototypes, and for a loop that collects.

        Raises:
            ValueError: One is missing.
        """
        _prototypes(runner)
        if not isinstance(runner.train_loop, CollectLoop):
            raise ValueError(
                'VisionPrototypeHook fits what a pass over the data has collected, and '
                f'{type(runner.train_loop).__name__} collects nothing: set train_cfg=dict(type='
                "'mmwsss.CollectLoop')"
            )

    def after_train_epoch(self, runner: Runner) -> None:
        """Fit; log and write the figures."""
        prototypes = _prototypes(runner)
        figures = prototypes.fit()
        text = ', '.join(f'{name} {value:.4g}' for name, value in figures.items())
        runner.logger.info(f'vision prototypes: {text}')
        if is_main_process():
            with atomic_path(Path(runner.work_dir) / KL_CURVE_FILE) as path:
                path.write_text(json.dumps({**figures, 'kl': prototypes.curve}))


def _prototypes(runner: Runner) -> VisionPrototypes:
    for module in unwrapped_model(runner).modules():  # of whichever head they are
        if isinstance(module, VisionPrototypes):
            return module
    raise ValueError(
        'VisionPrototypeHook needs vision prototypes: set model.cam_head.prototypes='
        "dict(type='mmwsss.VisionPrototypes', num_classes=...)"
    )
