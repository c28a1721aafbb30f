"""When a frozen part of the network begins to learn."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsss.registry import HOOKS

from .running_model import unwrapped_model


@HOOKS.register_module()
class UnfreezeHook(Hook):
    """Let parts of the model learn from an epoch on.

    Distributed training registers the learning parameters when it wraps the model, so the model is
    wrapped anew.

    Args:
        epoch: The first epoch, counted from 0, in which they learn.
        modules: Their names, as in ``backbone.layers.7``.
        freeze: Freeze them until then; False where the model does it itself.
    """

    def __init__(self, epoch: int, modules: Sequence[str], freeze: bool = False) -> None:
        self.epoch = epoch
        self.modules = tuple(modules)
        self.freeze = freeze

    def before_train(self, runner: Runner) -> None:
        """Look for the modules, and freeze them.

        Raises:
            ValueError: The model has no such module.
        """
        known = {name for name, _ in unwrapped_model(runner).named_modules()}
        for name in self.modules:
            if name not in known:
                raise ValueError(
                    f'UnfreezeHook is to unfreeze {name!r}, which the model does not have: set its '
                    'modules to the last blocks of this backbone'
                )
        if self.freeze:
            self._let_learn(runner, False)

    def before_train_epoch(self, runner: Runner) -> None:
        """Unfreeze, in the epoch or, after a resume, in a later one."""
        if runner.epoch >= self.epoch:
            self._let_learn(runner, True)

    def _let_learn(self, runner: Runner, learn: bool) -> None:
        model = unwrapped_model(runner)
        parameters = [p for name in self.modules for p in model.get_submodule(name).parameters()]
        if all(parameter.requires_grad == learn for parameter in parameters):
            return
        for parameter in parameters:
            parameter.requires_grad_(learn)
        if model is not runner.model:
            runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)
