"""Batches whose padding is zero after the normalisation, with a valid mask for each sample."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample

from mmwsss.registry import MODELS
from mmwsss.structures.host_copy import host_copy, remember


@MODELS.register_module()
class CAMDataPreProcessor(SegDataPreProcessor):
    """mmseg's preprocessor that also cares for the valid mask.

    A canvas that the pipeline padded with zeros is not zero any more once the mean is subtracted.
    Here the inputs are multiplied by the valid mask after the normalisation. When the batch leaves,
    every data sample has a ``valid_mask``, uint8 ``(1, H, W)`` of the batch's size: its own, padded
    with zeros, or one made from the size that its image had before the batch was padded.

    What it sends to a GPU it does not wait for, and of image labels the CPU keeps a copy
    (`mmwsss.structures.host_copy`). The arguments are those of mmseg.
    """

    channel_conversion: bool

    def cast_data(self, data: Any) -> Any:
        """Bring what the loader gave to the device, without waiting for it."""
        self._non_blocking = True  # mmengine's argument, which mmseg's preprocessor does not take
        return super().cast_data(data)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Normalise, pad and stack.

        Args:
            data: ``inputs``, a list of uint8 ``(3, h, w)``, and ``data_samples`` or None.
            training: Whether inputs may differ in size.

        Returns:
            ``inputs`` float ``(B, 3, H, W)`` and ``data_samples`` with ``valid_mask``.

        Raises:
            ValueError: A valid mask has another size than its image.
        """
        sizes = [tuple(image.shape[-2:]) for image in data['inputs']]
        given = data.get('data_samples')
        batch = self._normalized(data, training)
        inputs, samples = batch['inputs'], batch['data_samples']
        _keep_labels(given or [], samples or [])
        masks = [
            _valid_mask(size, sample, inputs.device)
            for size, sample in zip(sizes, samples or [None] * len(sizes), strict=True)
        ]
        masks = [_pad_to(mask, tuple(inputs.shape[-2:])) for mask in masks]
        for sample, mask in zip(samples or [], masks, strict=False):
            sample.valid_mask = PixelData(data=mask)
            sample.set_metainfo({'pad_shape': tuple(inputs.shape[-2:])})
        # After the normalisation, so that the padding is zero and not minus the mean.
        batch['inputs'] = inputs * torch.stack(masks)  # (B, 3, H, W) * (B, 1, H, W)
        return batch

    def _normalized(self, data: dict[str, Any], training: bool) -> dict[str, Any]:
        """Do what mmseg does; but it turns channels by a list, for which it waits for the GPU."""
        turns = self.channel_conversion
        if turns:
            data = {**data, 'inputs': [image.flip(0) for image in data['inputs']]}
        self.channel_conversion = False
        try:
            return super().forward(data, training)
        finally:
            self.channel_conversion = turns


def _keep_labels(given: Sequence[SegDataSample], sent: Sequence[SegDataSample]) -> None:
    for before, after in zip(given, sent, strict=True):
        if 'gt_label' in before and 'multi_hot' in before.gt_label:
            remember(after.gt_label.multi_hot, host_copy(before.gt_label.multi_hot))


def _valid_mask(
    size: tuple[int, ...], sample: SegDataSample | None, device: torch.device
) -> torch.Tensor:
    """Give the valid mask of one image before the batch is padded, uint8 ``(1, h, w)``."""
    if sample is None or 'valid_mask' not in sample:
        return torch.ones((1, *size), dtype=torch.uint8, device=device)
    mask = sample.valid_mask.data
    if tuple(mask.shape[-2:]) != size:
        raise ValueError(
            f'The valid mask of {sample.get("img_path")} is {tuple(mask.shape[-2:])}, its image '
            f'{size}; RandomPadCrop must be the last transform that changes the size.'
        )
    return mask


def _pad_to(mask: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """Pad ``(1, h, w)`` with zeros at the right and at the bottom."""
    height, width = mask.shape[-2:]
    return F.pad(mask, (0, size[1] - width, 0, size[0] - height))
