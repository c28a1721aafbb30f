"""When IRNet measures its mean displacement."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsss.models.affinity import IRNet
from mmwsss.registry import HOOKS

from .running_model import unwrapped_model


@HOOKS.register_module()
class DisplacementMeanHook(Hook):
    """Measure IRNet's mean displacement at the end of training, over the training images.

    It runs at the end of the last epoch, before `CheckpointHook`, so that the last checkpoint holds
    the mean.
    """

    def before_train(self, runner: Runner) -> None:
        """Look for the network.

        Raises:
            ValueError: The model is another one.
        """
        self._network(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure, after the last epoch."""
        if self.is_last_train_epoch(runner):
            self._network(runner).measure_mean_shift(runner.train_dataloader)

    def _network(self, runner: Runner) -> IRNet:
        model = unwrapped_model(runner)
        if not isinstance(model, IRNet):
            raise ValueError(
                f'DisplacementMeanHook is for an IRNet, and the model is a {type(model).__name__}: '
                'take the hook out of custom_hooks'
            )
        return model
