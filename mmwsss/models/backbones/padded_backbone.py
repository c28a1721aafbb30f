"""Backbones of mmpretrain and mmseg that cut images into patches, for images of any size."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from mmwsss.functional.cells import count_cells, pad_to_cells
from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS


@MODELS.register_module()
class PaddedBackbone(BaseModule):
    """A backbone that is given whole patches, and whose maps are cut back to the image.

    Without it a ConvNeXt of mmpretrain drops the pixels that fill no whole patch. Networks whose
    convolutions pad (ResNet) need it not. For timm there is `TimmFeatures`.

    Args:
        backbone: Config, with its own `init_cfg`; returns a tuple of maps.
        strides: Of its maps, in pixels.
        init_cfg: mmengine's initialisation.

    Attributes:
        cell_size: Side of a cell of the last map in pixels (`CAMSegmentor`).

    Raises:
        ValueError: In `forward`, the backbone returns more or fewer maps than there are strides.
    """

    def __init__(
        self, backbone: dict[str, Any], strides: tuple[int, ...], init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.network: Any = MODELS.build(backbone)
        self.strides = tuple(strides)
        self.cell_size = self.strides[-1]
        refuse_partial_load(self)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``(B, 3, H, W)`` normalised images.

        Each is ``(B, C, H / stride, W / stride)``, rounded up.
        """
        height, width = inputs.shape[-2:]
        maps = self.network(pad_to_cells(inputs, max(self.strides)))
        if len(maps) != len(self.strides):
            raise ValueError(
                f'model.backbone.strides has {len(self.strides)} numbers, but '
                f'{type(self.network).__name__} returns {len(maps)} maps: give the stride of each'
            )
        return tuple(
            part[..., : count_cells(height, stride), : count_cells(width, stride)]
            for part, stride in zip(maps, self.strides, strict=True)
        )

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Say how deep a parameter lies, as the backbone of mmpretrain does.

        Args:
            param_name: Its name.
            prefix: What of it stands before the names in this backbone.
        """
        return self.network.get_layer_depth(param_name, f'{prefix}network.')
