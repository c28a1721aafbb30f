"""Any network of timm as a backbone: ViTs and convolutional networks."""

import difflib
import inspect
import sys
import types
from typing import Annotated, Any, Literal

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmwsss.functional.cells import count_cells, pad_to_cells
from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS
from mmwsss.structures import Range

from .statistics import IMAGENET, Statistics

_PREFIX = 'network.'
_OUTPUTS = 4  # as many as a ResNet has stages


@MODELS.register_module()
class TimmFeatures(BaseModule):
    """The maps of a network of timm: DINOv2, DINOv3, EVA-02, SigLIP 2, Swin, ConvNeXt, ResNet, ...

    Images have any size. A network that cuts them into patches is given whole ones, padded with
    zeros at the right and at the bottom; each of its maps has one cell for each patch that shows
    some of the image (`cell_size`). The classifier, and what lies behind the last output, is left
    out.

    Args:
        model: Name in timm, with its tag: ``vit_small_patch14_dinov2.lvd142m``.
        out_indices: Outputs that are returned, counted as timm does: blocks of a ViT; stages of a
            pyramid, in some networks after the stem. None returns the last four stages, of a ViT
            four blocks at equal distances, up to the last one.
        output_stride: Of the last map of a convolutional network: later strides are dropped, as
            IRN does. Networks that cannot (ViTs, Swin) keep theirs.
        dilated: Dilate convolutions where a stride was dropped; IRN does not.
        frozen_stages: The stem and this many stages (of a ViT blocks) do not learn; -1 freezes
            nothing.
        norm_eval: Batch norm always uses its running statistics (IRN).
        pretrained: Without `init_cfg`: begin with timm's weights of this name.
        options: Further arguments of the network, as ``dict(drop_path_rate=0.1)``.
        init_cfg: mmengine's initialisation. ``dict(type='Pretrained', checkpoint=FILE)`` takes a
            file with timm's names, and what timm itself can convert (DINOv2's, DINOv3's, ...).

    Attributes:
        channels: Of the outputs.
        strides: Of the outputs, in pixels.
        cell_size: Side of a cell of the last map in pixels, where maps consist of whole cells from
            the upper left corner on, of which the last may stick out of the image; None where they
            span the image.

    Raises:
        ImportError: timm is missing.
        ValueError: timm has no such network, or not as many stages or outputs.
    """

    def __init__(
        self,
        model: str,
        out_indices: tuple[int, ...] | None = None,
        output_stride: Literal[8, 16, 32] = 16,  # IRN
        dilated: bool = False,
        frozen_stages: Annotated[int, Range(-1)] = -1,
        norm_eval: bool = True,
        pretrained: bool = True,
        options: dict[str, Any] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if init_cfg is None and pretrained:
            init_cfg = {'type': 'Pretrained', 'checkpoint': f'timm://{model}'}
        super().__init__(init_cfg)
        self.network = _create(model, output_stride, options or {})
        outputs = self.network.feature_info
        outputs = list(getattr(outputs, 'info', outputs))
        self.out_indices = _chosen(out_indices, [output['reduction'] for output in outputs], model)
        self.channels = tuple(outputs[index]['num_chs'] for index in self.out_indices)
        self.strides = tuple(outputs[index]['reduction'] for index in self.out_indices)
        self._left_out = set(self.network.state_dict())
        self.network.prune_intermediate_layers(list(self.out_indices), prune_head=True)
        self._left_out -= set(self.network.state_dict())
        if not dilated:
            _drop_dilations(self.network)
        self._multiple = max(self.strides) if _cuts_patches(self.network) else 1
        self.cell_size = self.strides[-1] if self._multiple > 1 else None
        self.norm_eval = norm_eval
        self._freeze(frozen_stages, model)
        refuse_partial_load(self)

    @classmethod
    def statistics(cls, options: dict[str, Any]) -> Statistics:
        """Return the colours that the weights were trained with, which timm knows.

        Args:
            options: Of the backbone, with ``model``.
        """
        import_timm()
        from timm.models import get_pretrained_cfg

        _check_name(options['model'])
        found = get_pretrained_cfg(options['model'])
        if found is None:
            return IMAGENET
        mean, std = (
            tuple(round(255 * float(v), 4) for v in part) for part in (found.mean, found.std)
        )
        return Statistics(mean, std)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``(B, 3, H, W)`` normalised images.

        Each is ``(B, C, H / stride, W / stride)``, rounded up.
        """
        height, width = inputs.shape[-2:]
        maps = self.network.forward_intermediates(
            pad_to_cells(inputs, self._multiple),
            indices=list(self.out_indices),
            norm=True,
            intermediates_only=True,
        )
        return tuple(
            part[..., : count_cells(height, stride), : count_cells(width, stride)]
            for part, stride in zip(maps, self.strides, strict=True)
        )

    def init_weights(self) -> None:
        """Fill the network as `init_cfg` says; without one it stays as timm initialised it."""
        if self.init_cfg:
            super().init_weights()

    def train(self, mode: bool = True) -> 'TimmFeatures':
        """Set the mode; what does not learn stays in evaluation, and so may batch norm."""
        super().train(mode)
        for module in self.network.modules():
            parameters = list(module.parameters())
            frozen = parameters and not any(value.requires_grad for value in parameters)
            if frozen or (self.norm_eval and isinstance(module, nn.modules.batchnorm._BatchNorm)):
                module.eval()
        return self

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Say how deep a parameter lies, in the convention of mmpretrain.

        Args:
            param_name: Its name.
            prefix: What of it stands before the names in this backbone.

        Returns:
            Its layer, 0 of the stem, and the number of layers with the heads as one more.
        """
        groups = self._layers(coarse=False)
        name = param_name.removeprefix(f'{prefix}{_PREFIX}')
        depth = next(number for number, names in groups.items() if name in names)
        return depth, len(groups) + 1

    def own_names(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Give the tensors of a file the names that they have here.

        Args:
            state: Name -> tensor; of this backbone, of timm, or what timm can convert.

        Returns:
            The tensors of this network, and those for which it has no place; without classifiers,
            pooling, and stages behind the last output.
        """
        if any(name.startswith(_PREFIX) for name in state):
            return state
        convert = getattr(sys.modules[type(self.network).__module__], 'checkpoint_filter_fn', None)
        if convert is not None:
            state = convert(dict(state), self.network)
        parts = {name.split('.')[0] for name in self.network.state_dict()}
        return {
            f'{_PREFIX}{name}': value
            for name, value in state.items()
            if name.split('.')[0] in parts and name not in self._left_out
        }

    def _layers(self, coarse: bool) -> dict[int, list[str]]:
        """Return the names of the parameters by layer, the stem's first; `coarse`: by stage."""
        from timm.models import group_parameters

        return group_parameters(self.network, self.network.group_matcher(coarse=coarse))

    def _freeze(self, frozen_stages: int, model: str) -> None:
        groups = self._layers(coarse=True)
        if frozen_stages >= len(groups):
            raise ValueError(
                f'model.backbone.frozen_stages is {frozen_stages}, but {model} has '
                f'{len(groups) - 1}'
            )
        for number in range(frozen_stages + 1):
            for name in groups[number]:
                self.network.get_parameter(name).requires_grad_(False)


def import_timm() -> types.ModuleType:
    """Import timm, after the cures that torchvision needs.

    Raises:
        ImportError: It is missing.
    """
    try:
        import timm
    except ImportError as error:
        raise ImportError(
            f'TimmFeatures needs timm ({error}): pip install -r requirements/backbones.txt'
        ) from error
    return timm


def _check_name(model: str) -> None:
    """Raise ValueError for a name or a tag that timm does not have."""
    timm = import_timm()
    name, _, tag = model.partition('.')
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f': did you mean {" or ".join(near)}?' if near else ', see timm.list_models()'
        raise ValueError(f'model.backbone.model is {model!r}, which timm does not have{hint}')
    from timm.models import get_arch_pretrained_cfgs

    tags = [known.partition('.')[2] for known in get_arch_pretrained_cfgs(name)]
    if tag and tag not in tags:
        raise ValueError(
            f'model.backbone.model is {model!r}, but timm has {name} with the tags '
            f'{", ".join(filter(None, tags)) or "of no weights"}'
        )


def _create(model: str, output_stride: int, options: dict[str, Any]) -> Any:
    """Build a network of timm that takes images of any size."""
    _check_name(model)
    timm = import_timm()
    with torch.device('meta'):  # no numbers, only to see what it takes
        taken = inspect.signature(type(timm.create_model(model)).__init__).parameters
    known = {'dynamic_img_size': True, 'output_stride': output_stride}
    own = {name: value for name, value in known.items() if name in taken}
    network = timm.create_model(model, **{**own, 'num_classes': 0, **options})
    if not hasattr(network, 'forward_intermediates'):
        raise ValueError(f'model.backbone.model is {model!r}, which gives no maps: choose another')
    return network


def _chosen(wanted: tuple[int, ...] | None, strides: list[int], model: str) -> tuple[int, ...]:
    """Return which outputs are returned, in ascending order."""
    number = len(strides)
    if wanted is None:
        if len(set(strides)) > 1:  # a pyramid
            return tuple(range(max(number - _OUTPUTS, 0), number))
        return tuple(
            sorted({max((part + 1) * number // _OUTPUTS - 1, 0) for part in range(_OUTPUTS)})
        )
    chosen = sorted({index % number for index in wanted if -number <= index < number})
    if len(chosen) != len(wanted):
        raise ValueError(
            f'model.backbone.out_indices is {tuple(wanted)}: give different ones of 0 to '
            f'{number - 1}, as many outputs has {model}'
        )
    return tuple(chosen)


def _cuts_patches(network: nn.Module) -> bool:
    """Say whether a network drops pixels that fill no whole patch, or refuses such images.

    Convolutions of other networks pad, and their maps have a cell for the rest, too.
    """
    from timm.layers import Conv2dSame

    return any(
        isinstance(module, nn.Conv2d)
        and not isinstance(module, Conv2dSame)  # pads by the size of its input
        and module.stride[0] > 1
        and module.kernel_size[0] >= module.stride[0]
        and not any(module.padding)
        for module in network.modules()
    )


def _drop_dilations(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and max(module.dilation) > 1:
            module.dilation = (1, 1)
            if any(module.padding):
                module.padding = tuple(side // 2 for side in module.kernel_size)
