"""How far a training or a test is, for whoever listens."""

from contextlib import ExitStack
from typing import Any

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmwsss.registry import HOOKS
from mmwsss.terminal import progress

_WINDOW = 50  # iterations that a loss is averaged over, as in mmengine's log with our configs


@HOOKS.register_module()
class ProgressHook(Hook):
    """Move a bar: by iterations in training, with the epoch and the loss; by images in a test.

    Runs that have a terminal add it to their Runner; no config needs it.
    """

    priority = 'VERY_LOW'  # after the hooks that note the loss

    def __init__(self) -> None:
        self._stack = ExitStack()

    def before_train(self, runner: Runner) -> None:
        """Open the bar where the training begins or goes on."""
        bar = progress('train', runner.max_iters, 'iter', runner.iter)
        self._bar = self._stack.enter_context(bar)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the iteration."""
        self._bar.move(runner.iter + 1, _epoch(runner), _loss(runner))

    def after_train_epoch(self, runner: Runner) -> None:
        """Count what a loop without such iterations has done."""
        self._bar.move(runner.iter, _epoch(runner), self._bar.note)

    def after_train(self, runner: Runner) -> None:
        """Close the bar."""
        self._stack.close()

    def before_test(self, runner: Runner) -> None:
        """Open the bar."""
        images = len(runner.test_dataloader.dataset)
        self._bar = self._stack.enter_context(progress('test', images))

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the images, those of the other processes, too."""
        images = len(outputs) * get_world_size()
        self._bar.move(min(self._bar.done + images, self._bar.total))

    def after_test(self, runner: Runner) -> None:
        """Close the bar."""
        self._stack.close()


def _epoch(runner: Runner) -> str:
    if not isinstance(runner.train_loop, EpochBasedTrainLoop) or runner.max_epochs == 1:
        return ''
    return f'epoch {min(runner.epoch + 1, runner.max_epochs)}/{runner.max_epochs}'


def _loss(runner: Runner) -> str:
    """Return the mean loss of the last iterations, from where mmengine notes it."""
    history = runner.message_hub.log_scalars.get('train/loss')
    return f'loss {history.mean(_WINDOW):.4g}' if history else ''
