"""Means whose denominator depends on the data, over all processes."""

from mmengine import dist
from torch import Tensor


def global_mean(total: Tensor, count: Tensor) -> Tensor:
    """Mean over all processes, so that two processes equal one with the joint batch.

    DDP averages gradients over processes; the local sum times the world size, divided by the
    global count, undoes that average.

    Args:
        total: Local sum, any shape, with gradient.
        count: Local count, same shape.

    Returns:
        Same shape; zero where nothing was counted anywhere (the gradient is zero, too).
    """
    count = count.detach().clone()
    dist.all_reduce(count)
    return total * dist.get_world_size() / count.clamp(min=1)
