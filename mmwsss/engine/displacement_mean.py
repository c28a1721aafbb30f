"""When IRNet measures its mean displacement."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmwsss.registry import HOOKS


@HOOKS.register_module()
class DisplacementMeanHook(Hook):
    """Measure IRNet's mean displacement at the end of training, over the training images.

    It runs at the end of the last epoch, before `CheckpointHook`, so that the last checkpoint holds
    the mean.
    """

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure, after the last epoch."""
        if self.is_last_train_epoch(runner):
            model = runner.model.module if is_model_wrapper(runner.model) else runner.model
            model.measure_mean_shift(runner.train_dataloader)
