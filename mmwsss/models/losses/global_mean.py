"""Means whose denominator depends on the data, over all processes."""

from mmengine import dist
from torch import Tensor


def global_mean(total: Tensor, count: Tensor, guard: bool = True) -> Tensor:
    """Mean over all processes, so that two processes equal one with the joint batch.

    DDP averages gradients over processes; the local sum times the world size, divided by the
    global count, undoes that average.

    Args:
        total: Local sum, any shape, with gradient.
        count: Local count, same shape.
        guard: Whether a mean of nothing is zero; False leaves it 0/0.

    Returns:
        Same shape; with `guard` zero where nothing was counted anywhere (the gradient is zero,
        too), without it NaN.
    """
    count = count.detach().clone()
    dist.all_reduce(count)
    return total * dist.get_world_size() / (count.clamp(min=1) if guard else count)
