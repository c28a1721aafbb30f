"""The batch of all processes, for losses in which images are compared with each other."""

from typing import Any

import torch
from mmengine import dist
from torch import Tensor


def joint_batch(part: Tensor) -> Tensor:
    """Return the rows of all processes, so that a contrast is over the joint batch, not a part.

    Every process then computes the loss of the joint batch. DDP averages the gradients of the
    processes, each of which has those of its own images alone; the gradient of `part` times their
    number undoes that average.

    Args:
        part: ``(B, ...)``, as many rows in each process.

    Returns:
        ``(processes B, ...)`` in the order of ranks; in one process `part` itself.
    """
    if dist.get_world_size() == 1:
        return part
    if part.dtype == torch.bool:
        return joint_batch(part.byte()).bool()
    return _Gather.apply(part)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        return torch.cat(dist.all_gather(part.contiguous()))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        processes, rank = dist.get_world_size(), dist.get_rank()
        return gradient.chunk(processes)[rank] * processes
