"""The patch embedding of a hybrid ViT: a convolutional network in the place of one convolution."""

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmwsss.models.backbones.efficientnet_lite import EfficientNetLite0
from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS

_PATCH = (16, 16)  # pixels of a cell of the last stage


@MODELS.register_module()
class EfficientNetLite0Patches(BaseModule):
    """`EfficientNetLite0` and a 1x1 convolution make the tokens of a hybrid ViT (ViT, Sec. 3.1).

    It stands where mmpretrain's `PatchEmbed` has its one convolution, and takes what that is given;
    so any ViT of mmpretrain gets it by its config, and needs few blocks, images and epochs:
    ``patch_cfg=dict(conv_type='mmwsss.EfficientNetLite0Patches')``.

    Args:
        in_channels: 3.
        out_channels: Channels ``D`` of a token.
        kernel_size: Pixels of a patch: 16 x 16, the stride of the network.
        stride: The same number again: patches do not overlap.
        padding: 0: the network pads by itself.
        dilation: 1.
        bias: Of the 1x1 convolution.

    Raises:
        ValueError: Patches of another size, or padding, or dilation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
        bias: bool = True,
    ) -> None:
        super().__init__()
        given = (in_channels, kernel_size, stride, padding, dilation)
        if given != (3, _PATCH, _PATCH, (0, 0), (1, 1)):
            raise ValueError(
                'EfficientNetLite0Patches makes patches of 16 x 16 pixels of RGB images, without '
                f'padding and dilation; it was given kernel_size={kernel_size}, stride={stride}, '
                f'padding={padding}, dilation={dilation}, in_channels={in_channels}: set '
                'patch_size=16 of the ViT'
            )
        channels = EfficientNetLite0.stage_channels
        self.network = EfficientNetLite0(out_stages=(len(channels),))
        self.projection = nn.Conv2d(channels[-1], out_channels, 1, bias=bias)
        refuse_partial_load(self)

    def forward(self, inputs: Tensor) -> Tensor:
        """Turn ``(B, 3, H, W)`` normalised images into ``(B, D, H / 16, W / 16)``, rounded up."""
        return self.projection(self.network(inputs)[-1])
