"""Running means that every process shares."""

import torch
from torch import Tensor, nn


class RunningMean(nn.Module):
    """Running means of rows, kept in buffers and so in the checkpoint.

    A row's first update sets it; later ones move it by ``1 - momentum``.

    Args:
        rows: Number of means.
        channels: ``D``.
        momentum: Weight of the *old* mean.
    """

    mean: Tensor
    seen: Tensor

    def __init__(self, rows: int, channels: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer('mean', torch.zeros(rows, channels))
        self.register_buffer('seen', torch.zeros(rows, dtype=torch.bool))

    @torch.no_grad()
    def update(self, total: Tensor, count: Tensor) -> None:
        """Take in a step's sums over all processes.

        Args:
            total: ``(rows, D)``.
            count: ``(rows,)``; a row with count 0 stays as it is.
        """
        batch_mean = total / count.clamp(min=1)[:, None]
        old_weight = torch.where(self.seen, self.momentum, 0.0)[:, None]
        moved = old_weight * self.mean + (1 - old_weight) * batch_mean
        counted = count > 0
        self.mean.copy_(torch.where(counted[:, None], moved, self.mean))
        self.seen.logical_or_(counted)
