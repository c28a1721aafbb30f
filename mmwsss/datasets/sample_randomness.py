"""A sample's randomness from (seed, epoch, image id), and from nothing else."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


class SampleRandomness:
    """Seeds the generators that transforms draw from, for one sample at a time.

    The order of the samples, the number of workers and processes, and what was drawn before make no
    difference. The epoch lies in shared memory: workers that live on between epochs see a
    `set_epoch` made in the main process. Covered are Python's `random`, the global generator of
    numpy and torch's CPU generator; a transform with a generator of its own is not.

    Args:
        seed: The seed of the run.
        views: Random views that an image has: epochs take turns, and the seed makes no difference,
            so that all runs see the same ones. None draws a new view in every epoch.

    Example:
        >>> randomness = SampleRandomness(seed=1)
        >>> with randomness.of('2007_000032'):
        ...     first = random.random()
        >>> with randomness.of('2007_000032'):
        ...     first == random.random()
        True
    """

    def __init__(self, seed: int = 0, views: int | None = None) -> None:
        self.seed = seed
        self.views = views
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def epoch(self) -> int:
        """The epoch set last, 0 at first."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Make `epoch` the epoch, in all processes that hold this object."""
        self._epoch.fill_(epoch)

    @contextmanager
    def of(self, image_id: str) -> Iterator[None]:
        """Within the context draw from the sample's own randomness; then restore the generators.

        Args:
            image_id: The id of the sample's image.
        """
        key = f'{self.seed}/{self.epoch}/{image_id}'
        if self.views is not None:
            key = f'view {self.epoch % self.views}/{image_id}'
        digest = hashlib.blake2b(key.encode(), digest_size=32).digest()
        python_state, numpy_state = random.getstate(), np.random.get_state()
        with torch.random.fork_rng(devices=[]):
            random.seed(digest)
            np.random.seed(np.frombuffer(digest, dtype='<u4'))
            torch.default_generator.manual_seed(int.from_bytes(digest[:8], 'little', signed=True))
            try:
                yield
            finally:
                random.setstate(python_state)
                np.random.set_state(numpy_state)
