"""Small tensors of a GPU whose values the CPU knows, too.

To read a tensor of a GPU, the CPU waits until the GPU has done all that it was given, and the GPU
then waits for the CPU to give it more. What the loader knew, such as image labels, need not be read
back: its copy on the CPU stays with the tensor, as an attribute. Neither may be changed in place.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def send(known: Tensor, device: torch.device | str) -> Tensor:
    """Bring a tensor of the CPU to a device, without waiting; `cpu_copy` gives it back.

    Args:
        known: Of any shape, on the CPU.
        device: Where it is needed.
    """
    return remember(known.to(device, non_blocking=True), known)


def remember(tensor: Tensor, known: Tensor) -> Tensor:
    """Return a tensor that has been told its copy on the CPU.

    Args:
        tensor: On any device; what is computed from it knows nothing.
        known: The same values on the CPU; may be `tensor`.
    """
    if tensor is not known:  # or it would hold itself
        tensor.cpu_copy = known  # type: ignore[attr-defined]
    return tensor


def cpu_copy(tensor: Tensor) -> Tensor:
    """Return a tensor's values on the CPU; waits for a GPU where they were not remembered."""
    known: Tensor | None = getattr(tensor, 'cpu_copy', None)
    return tensor.cpu() if known is None else known


def stack(tensors: Sequence[Tensor]) -> Tensor:
    """Stack tensors of one shape; what is known of all of them is known of the stack."""
    stacked = torch.stack(list(tensors))
    if not all(hasattr(tensor, 'cpu_copy') for tensor in tensors):
        return stacked
    return remember(stacked, torch.stack([cpu_copy(tensor) for tensor in tensors]))
