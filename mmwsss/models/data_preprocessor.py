"""Batches whose padding is zero after the normalisation, with a valid mask for each sample."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample

from mmwsss.functional.cpu_copy import remember
from mmwsss.registry import MODELS


@MODELS.register_module()
class CAMDataPreProcessor(SegDataPreProcessor):
    """mmseg's preprocessor that also cares for the valid mask.

    A canvas that the pipeline padded with zeros is not zero any more once the mean is subtracted.
    Here the inputs are multiplied by the valid mask after the normalisation. When the batch leaves,
    every data sample has a ``valid_mask``, uint8 ``(1, H, W)`` of the batch's size: its own, padded
    with zeros, or one made from the size that its image had before the batch was padded.

    It asks for no transfer to a GPU to be waited for, and keeps image labels on the CPU, too
    (`mmwsss.functional.cpu_copy`). The arguments are those of mmseg.

    Attributes:
        turns_channels: Whether images come in the order BGR, as they are read.
    """

    channel_conversion: bool

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._non_blocking = True
        # mmseg turns channels by a list of indices, which the CPU waits for
        self.turns_channels, self.channel_conversion = self.channel_conversion, False

    def cast_data(self, data: Any) -> Any:
        """Bring what the loader gave to the device."""
        cast = super().cast_data(data)
        if isinstance(data, SegDataSample) and 'gt_label' in data:
            remember(cast.gt_label.multi_hot, data.gt_label.multi_hot)
        return cast

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
        data = self.cast_data(data)
        if self.turns_channels and len(data['inputs'][0]) == 3:
            data['inputs'] = [image.flip(0) for image in data['inputs']]
        batch = super().forward(data, training)
        inputs, samples = batch['inputs'], batch['data_samples']
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
