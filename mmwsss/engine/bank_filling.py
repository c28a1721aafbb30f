"""Collecting without training, as for a support bank: a function, and loops for the Runner."""

from collections.abc import Sized
from typing import cast

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.structures import LabelData, PixelData
from torch.utils.data import DataLoader

from mmwsss.models.segmentors import CAMSegmentor
from mmwsss.registry import LOOPS
from mmwsss.terminal import track

from .running_model import cam_segmentor, prototype_head


def fill_bank(model: CAMSegmentor, dataloader: DataLoader) -> None:
    """Collect what the model collects in one pass over `dataloader`, in evaluation mode.

    A distributed sampler repeats images until every process has as many. Repeated ones take part,
    as processes wait for each other in every batch, but nothing of them is collected.
    """
    was_training = model.training
    model.eval()
    number = len(cast(Sized, dataloader.dataset))
    images = len(range(get_rank(), number, get_world_size()))  # of this process
    for batch in track('collect', dataloader, 'batch'):
        if get_world_size() > 1:
            _blank(batch, images)
            images = max(images - len(batch['data_samples']), 0)
        model.collect(batch)
    model.train(was_training)


def _blank(batch: dict, kept: int) -> None:
    """Take the classes and all pixels from the images of a batch but for the first `kept`."""
    images = batch['inputs'][kept:]
    for image, sample in zip(images, batch['data_samples'][kept:], strict=True):
        sample.gt_label = LabelData(multi_hot=torch.zeros_like(sample.gt_label.multi_hot))
        nowhere = torch.zeros(1, *image.shape[-2:], dtype=torch.uint8)
        sample.valid_mask = PixelData(data=nowhere)


@LOOPS.register_module()
class CollectLoop(EpochBasedTrainLoop):
    """A "training" that learns no weight: passes in which the model collects; hooks do the rest.

    Args:
        runner: The runner that calls the loop.
        dataloader: Config or instance of the training data loader.
        max_epochs: Passes over the data.
    """

    def __init__(self, runner: Runner, dataloader: dict | DataLoader, max_epochs: int = 1) -> None:
        super().__init__(runner, dataloader, max_epochs=max_epochs)

    def run_epoch(self) -> None:
        """Make one pass, and what belongs to its end."""
        self.runner.call_hook('before_train_epoch')
        fill_bank(cam_segmentor(self.runner), self.dataloader)
        self.finish_pass()
        self._iter += len(self.dataloader)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1  # after the hooks, as in mmengine: they add one themselves

    def finish_pass(self) -> None:
        """Do nothing more."""


@LOOPS.register_module()
class BankFillLoop(CollectLoop):
    """A "training" that learns no weight: fill the bank of a finished host, cluster, save.

    Makes the training-free PACAM: load a host's checkpoint with ``load_from``, run `mmwsss train`
    with this loop as ``train_cfg``, and read the PACAM from the checkpoint it saves.

    Args:
        runner: The runner that calls the loop.
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
        prototype_head(self.runner)  # without one, say so before the pass
        super().run_epoch()

    def finish_pass(self) -> None:
        """Cluster the bank."""
        prototype_head(self.runner).update_context_prototypes(self.seed)
