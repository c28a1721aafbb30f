"""Filling a support bank without training: as a function, and as a loop for the Runner."""

from typing import Any

from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from mmwsss.registry import LOOPS


def plain_model(runner: Runner) -> Any:
    """Return the runner's model without its DDP wrapper.

    Raises:
        ValueError: It has no prototype head.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    if getattr(model, 'prototype_head', None) is None:
        raise ValueError(
            'this hook or loop needs a prototype head: add `model = '
            'dict(prototype_head=_base_.cpal_head)` to the config'
        )
    return model


def fill_bank(model: Any, dataloader: DataLoader) -> None:
    """Collect the instance prototypes of one pass over `dataloader`, in evaluation mode."""
    was_training = model.training
    model.eval()
    for batch in dataloader:
        model.collect(batch)
    model.train(was_training)


@LOOPS.register_module()
class BankFillLoop(EpochBasedTrainLoop):
    """A "training" that learns no weight: fill the bank of a finished host, cluster, save.

    Makes the training-free PACAM: load a host's checkpoint with ``load_from``, run `tools/train.py`
    with this loop as ``train_cfg``, and read the PACAM from the checkpoint it saves.

    Args:
        runner: The runner.
        dataloader: Config or instance of the training data loader.
        seed: Seed of k-means.
        max_epochs: Passes over the data; the bank keeps the last ones.
    """

    def __init__(
        self, runner: Runner, dataloader: dict | DataLoader, seed: int = 0, max_epochs: int = 1
    ) -> None:
        super().__init__(runner, dataloader, max_epochs=max_epochs)
        self.seed = seed

    def run_epoch(self) -> None:
        """Fill the bank with one pass and cluster it."""
        self.runner.call_hook('before_train_epoch')
        model = plain_model(self.runner)
        fill_bank(model, self.dataloader)
        model.prototype_head.update_context_prototypes(self.seed)
        self._iter += len(self.dataloader)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1  # after the hooks, as in mmengine: they add one themselves
