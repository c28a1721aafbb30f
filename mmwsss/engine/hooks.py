"""Hooks: they say *when*; state is in the model's buffers, formulas in `mmwsss.functional`."""

import random
from typing import Annotated, Any, Protocol, runtime_checkable

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmwsss.registry import HOOKS
from mmwsss.structures import Count, Range

from .bank_filling import fill_bank
from .running_model import cam_segmentor, prototype_head

_SEEDS_PER_STEP = 1000  # ours: class n clusters with seed + n, so runs of seeds must not overlap


@HOOKS.register_module()
class ContextPrototypeHook(Hook):
    """Cluster the support bank into context prototypes, once at the start of each epoch (CPAL).

    Args:
        warmup_epochs: Epochs of classification alone, in which the bank fills.
        interval: Cluster every so many iterations instead, from the first interval on, whatever
            `warmup_epochs` says; needed with an iteration-based loop, whose only "epoch" begins
            with an empty bank.
        prefill: Fill the bank with one pass before training and begin without a warm-up.
        refill: Empty the bank after the last epoch, fill it with one pass of the finished network
            and cluster it: what seeds are made with is then of one network, and not of all those
            that came before it (ours).
        seed: Seed of k-means.
    """

    def __init__(
        self,
        # ours: the paper says nothing of its first epoch
        warmup_epochs: Annotated[int, Range(0)] = 1,
        interval: Count | None = None,
        prefill: bool = False,
        refill: bool = False,
        seed: int = 0,
    ) -> None:
        self.warmup_epochs = 0 if prefill else warmup_epochs
        self.interval = interval
        self.prefill = prefill
        self.refill = refill
        self.seed = seed

    def before_train(self, runner: Runner) -> None:
        """Check the loop, and fill the bank if asked to.

        Raises:
            ValueError: An iteration-based loop without `interval`, or no prototype head.
        """
        prototype_head(runner)  # without one, say so at once
        if self.interval is None and not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                'ContextPrototypeHook clusters at the start of an epoch, and '
                f'{type(runner.train_loop).__name__} has only one: use EpochBasedTrainLoop, or '
                'give the hook an interval in iterations'
            )
        if self.prefill and not runner.iter:
            fill_bank(cam_segmentor(runner), runner.train_dataloader)

    def before_train_epoch(self, runner: Runner) -> None:
        """Cluster, after the warm-up."""
        if self.interval is None and runner.epoch >= self.warmup_epochs:
            self._cluster(runner, runner.epoch)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Cluster every `interval` iterations."""
        if self.interval is not None and self.every_n_train_iters(runner, self.interval):
            self._cluster(runner, runner.iter)

    def after_train_epoch(self, runner: Runner) -> None:
        """Fill the bank anew after the last epoch, if asked to; the checkpoint is saved later."""
        if self.refill and self.is_last_train_epoch(runner):
            prototype_head(runner).forget()
            fill_bank(cam_segmentor(runner), runner.train_dataloader)
            self._cluster(runner, runner.max_epochs)

    def _cluster(self, runner: Runner, step: int) -> None:
        seed = self.seed + step * _SEEDS_PER_STEP
        prototype_head(runner).update_context_prototypes(seed)


@runtime_checkable
class KnowsEpoch(Protocol):
    """A data set whose samples are random in another way in each epoch; mmseg's own are not."""

    def set_epoch(self, epoch: int) -> None:
        """Draw from now on as in this epoch."""


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Make every epoch's randomness a function of (seed, epoch, rank).

    mmengine's checkpoints hold no random state; with this hook a run that is resumed at an epoch's
    edge equals one that was not cut off.

    Args:
        seed: Seed of the run.
    """

    priority = 'VERY_HIGH'

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed this process's generators, and tell the data set the epoch."""
        entropy = [self.seed, runner.epoch, get_rank()]
        mixed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        random.seed(mixed)
        np.random.seed(mixed)
        torch.manual_seed(mixed)
        dataset = runner.train_dataloader.dataset
        if isinstance(dataset, KnowsEpoch):
            dataset.set_epoch(runner.epoch)


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Stop a training whose loss is not finite, and name the batch."""

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Check the step's losses.

        Raises:
            FloatingPointError: One is NaN or infinite.
        """
        bad = [name for name, value in (outputs or {}).items() if not _is_finite(value)]
        if bad:
            images = [sample.img_path for sample in data_batch['data_samples']]
            raise FloatingPointError(
                f'{", ".join(bad)} is not finite in epoch {runner.epoch + 1}, iteration '
                f'{batch_idx + 1}, with the images {images}: lower the learning rate, or look at '
                'these images and their masks'
            )


def _is_finite(value: Any) -> bool:
    return bool(torch.as_tensor(value).isfinite().all())
