"""Outputs of layers that do not learn, kept on disk between epochs and runs."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from mmwsss.structures import atomic_path

Layers = Callable[[Tensor], Sequence[Tensor]]


class FeatureCache:
    """Computes frozen layers once per image view, and reads their outputs ever after.

    A view is known by its pixels, so that nothing else has to name it: training, seeds and flips
    share one cache, and a view that was never seen is computed. It pays where views come again:
    with ``views`` of `ImageLabelDataset`. One file per view holds the outputs in float32; layers
    of other weights have a folder of their own.

    Args:
        folder: Where the files go; safe to delete.
        layers: Modules whose outputs are kept; their weights must not change.
    """

    def __init__(self, folder: str | os.PathLike[str], layers: Sequence[nn.Module]) -> None:
        self.folder = Path(folder)
        self._layers = layers
        self._weights: str | None = None

    def __call__(self, inputs: Tensor, compute: Layers) -> list[Tensor]:
        """Return what `compute` returns for `inputs`, from disk where it is there.

        Args:
            inputs: Views ``(B, C, H, W)``.
            compute: From views to outputs, each view by itself; run without gradient.
        """
        folder = self.folder / self._weights_key()
        # the layers are convolutions: the outputs of a view do not depend on its neighbours
        paths = [folder / f'{_digest(view)}.pt' for view in inputs.cpu()]
        missing = [index for index, path in enumerate(paths) if not path.is_file()]
        if missing:
            folder.mkdir(parents=True, exist_ok=True)
            with torch.no_grad():
                computed = compute(inputs[missing])
            for row, index in enumerate(missing):
                outputs = [output[row].float().cpu().clone() for output in computed]
                with atomic_path(paths[index]) as temporary:
                    torch.save(outputs, temporary)
        kept = [torch.load(path, weights_only=True) for path in paths]
        return [torch.stack(parts).to(inputs) for parts in zip(*kept, strict=True)]

    def _weights_key(self) -> str:
        """Return a hash of the weights, found once: they were loaded before the first view."""
        if self._weights is None:
            whole = hashlib.blake2b(digest_size=12)
            for layer in self._layers:
                for name, tensor in sorted(layer.state_dict().items()):
                    whole.update(name.encode())
                    whole.update(tensor.cpu().contiguous().numpy().tobytes())
            self._weights = whole.hexdigest()
        return self._weights


def _digest(view: Tensor) -> str:
    values = view.contiguous().numpy()
    key = hashlib.blake2b(repr((values.shape, values.dtype.str)).encode(), digest_size=16)
    key.update(values.data)
    return key.hexdigest()
