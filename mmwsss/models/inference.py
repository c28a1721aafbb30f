"""A trained network made ready to predict: the same function, computed faster."""

import copy
from collections.abc import Sequence

import torch
from mmcv.cnn.utils import fuse_conv_bn
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_PROBE_SIDE = 64  # pixels of the image on which both forms of a backbone are compared
_TOLERANCE = 1e-4  # of a feature map's largest value


def prepare_for_inference(network: nn.Module) -> None:
    """Make the backbones of a network faster, in place; it can only predict afterwards.

    Batch norms are folded into the convolutions that they follow, so that parameters have other
    names; a backbone whose norms do not follow their convolutions keeps them. Memory is ordered
    channels last, and on a CPU all convolutions are oneDNN's.

    Args:
        network: With its final weights, on its device; is set to evaluation.
    """
    network.train(False)
    for module in list(network.modules()):
        backbone = module._modules.get('backbone')
        if backbone is None:
            continue
        if any(isinstance(part, _BatchNorm) for part in backbone.modules()):
            backbone = module._modules['backbone'] = _folded(backbone)
        backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for part in backbone.modules():
            if type(part) is nn.Conv2d and part.padding_mode == 'zeros':
                part.__class__ = _OneDNNConv2d


class _OneDNNConv2d(nn.Conv2d):
    """A convolution that oneDNN computes on a CPU; torch would not let it in one thread.

    There torch multiplies 1x1 convolutions as matrices, which takes twice as long where MKL does
    not use all of a processor.
    """

    def _conv_forward(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        suits = inputs.device.type == 'cpu' and inputs.dtype == weight.dtype == torch.float32
        if not suits or torch.is_autocast_enabled('cpu') or isinstance(self.padding, str):
            return super()._conv_forward(inputs, weight, bias)
        return torch.mkldnn_convolution(
            inputs, weight, bias, self.padding, self.stride, self.dilation, self.groups
        )


@torch.no_grad()
def _folded(backbone: nn.Module) -> nn.Module:
    """Return the backbone with folded norms, or as it is if that would be another one."""
    folded = fuse_conv_bn(copy.deepcopy(backbone))
    device = next(backbone.parameters()).device
    generator = torch.Generator().manual_seed(0)
    probe = torch.randn(1, 3, _PROBE_SIDE, _PROBE_SIDE, generator=generator).to(device)
    return folded if _agree(backbone(probe), folded(probe)) else backbone


def _agree(features: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return all(
        bool((first - second).abs().max() <= _TOLERANCE * first.abs().max())
        for first, second in zip(features, others, strict=True)
    )
