"""Collecting the rows of all processes."""

import torch
from mmengine import dist
from torch import Tensor


def gather_rows(rows: Tensor, index: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of every process, in the order in which one process would have them.

    Samplers deal images to the processes in turn: the first image of each comes before the second
    one of any.

    Args:
        rows: ``(M, D)``; ``M`` may differ between processes.
        index: ``(M,)`` int64, an integer of each row.
        image_index: ``(M,)`` int64, ascending: of which of this process's images each row is.

    Returns:
        ``(M_all, D)`` and ``(M_all,)``, the same on every process; detached.
    """
    rows, index = rows.detach(), index.detach()
    processes = dist.get_world_size()
    if processes == 1:
        return rows, index
    sizes = [int(size) for size in dist.all_gather(torch.tensor([len(rows)], device=rows.device))]
    all_rows = _gather(rows, sizes)
    all_index, images = _gather(torch.stack([index, image_index], dim=1), sizes).unbind(dim=1)
    rank = torch.arange(processes, device=rows.device)
    rank = rank.repeat_interleave(torch.tensor(sizes, device=rows.device))
    order = (images * processes + rank).argsort(stable=True)
    return all_rows[order], all_index[order]


def _gather(part: Tensor, sizes: list[int]) -> Tensor:
    """Return the parts of all processes, ``(sum of sizes, D)``, in the order of ranks."""
    padded = part.new_zeros(max(sizes), part.shape[1])  # all_gather wants one shape of all
    padded[: len(part)] = part
    parts = zip(dist.all_gather(padded), sizes, strict=True)
    return torch.cat([all_padded[:size] for all_padded, size in parts])
