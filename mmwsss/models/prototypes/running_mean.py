"""Running means that every process shares."""

from typing import Any

import torch
from torch import Tensor, nn

_MANY = 1_000_000  # updates after which the correction of the start is long over


class RunningMean(nn.Module):
    """Running means of rows, kept in buffers and so in the checkpoint.

    Corrected for their start as Adam's means are (Kingma and Ba, ICLR 2015, Algorithm 1): after
    ``t`` updates the value of ``s`` updates ago weighs ``momentum^s (1 - momentum)`` divided by
    ``1 - momentum^t``, the sum of all these weights. So the first updates are averaged evenly, and
    none of them is remembered for longer than the others.

    Args:
        rows: Number of means.
        channels: ``D``.
        momentum: Weight of the *old* mean in the long run, in [0, 1).

    Attributes:
        mean: ``(rows, D)``; zero before a row's first update.
        updates: Updates that each row has had, ``(rows,)``.

    Raises:
        ValueError: `momentum` is out of range.
    """

    mean: Tensor
    updates: Tensor

    def __init__(self, rows: int, channels: int, momentum: float) -> None:
        super().__init__()
        if not 0 <= momentum < 1:
            raise ValueError(f'the momentum of a running mean must lie in [0, 1), not {momentum}')
        self.momentum = momentum
        self.register_buffer('mean', torch.zeros(rows, channels))
        self.register_buffer('updates', torch.zeros(rows, dtype=torch.long))
        self.register_load_state_dict_pre_hook(_read_seen)

    def reset(self) -> None:
        """Begin anew, as if there had been no update."""
        self.mean.zero_()
        self.updates.zero_()

    @torch.no_grad()
    def update(self, total: Tensor, count: Tensor) -> None:
        """Take in a step's sums over all processes.

        Args:
            total: ``(rows, D)``.
            count: ``(rows,)``; a row with count 0 stays as it is.
        """
        counted = count > 0
        self.updates.add_(counted)
        batch_mean = total / count.clamp(min=1)[:, None]
        past = self.momentum ** self.updates.clamp(min=1).double()
        new_weight = ((1 - self.momentum) / (1 - past)).to(self.mean)[:, None]
        moved = self.mean + new_weight * (batch_mean - self.mean)
        self.mean.copy_(torch.where(counted[:, None], moved, self.mean))


def _read_seen(module: nn.Module, state: dict[str, Any], prefix: str, *unused: Any) -> None:
    """Take in a checkpoint of the time when a row was told apart only as ``seen`` or not.

    Its means were not corrected for their start: a row that was seen goes on as one of long ago.
    """
    seen = state.pop(f'{prefix}seen', None)
    if seen is not None:
        state.setdefault(f'{prefix}updates', seen.long() * _MANY)
