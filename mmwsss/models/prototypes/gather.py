"""Collecting the rows of all processes."""

import torch
from mmengine import dist
from torch import Tensor


def gather_rows(rows: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of every process, in the order of ranks.

    Args:
        rows: ``(M, D)``; ``M`` may differ between processes.
        index: ``(M,)`` int64, an integer of each row.

    Returns:
        ``(M_all, D)`` and ``(M_all,)``, the same on every process; detached.
    """
    rows, index = rows.detach(), index.detach()
    if dist.get_world_size() == 1:
        return rows, index
    sizes = [int(size) for size in dist.all_gather(torch.tensor([len(rows)], device=rows.device))]
    # all_gather wants the same shape of every process.
    padded = rows.new_zeros(max(sizes), rows.shape[1])
    padded[: len(rows)] = rows
    padded_index = index.new_zeros(max(sizes))
    padded_index[: len(index)] = index
    all_rows = [part[:size] for part, size in zip(dist.all_gather(padded), sizes, strict=True)]
    all_index = [
        part[:size] for part, size in zip(dist.all_gather(padded_index), sizes, strict=True)
    ]
    return torch.cat(all_rows), torch.cat(all_index)
