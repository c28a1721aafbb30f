"""Learning rates that fall from layer to layer, from the heads down to the stem."""

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmwsss.registry import OPTIM_WRAPPER_CONSTRUCTORS

_BACKBONE = 'backbone.'


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayConstructor(DefaultOptimWrapperConstructor):
    """mmengine's constructor of optimisers, with a rate per layer of the backbone.

    A layer that lies ``n`` layers below the heads learns at ``layer_decay ** n`` times the rate
    that it would have (BEiT). mmpretrain's constructor of this kind knows no `lr_mult`, which the
    heads of CAM networks have. Any backbone with a method `get_layer_depth` will do:
    `TimmFeatures`, and most of mmpretrain.

    Args:
        optim_wrapper_cfg: As for mmengine's.
        paramwise_cfg: As for mmengine's, and ``layer_decay`` in (0, 1].

    Raises:
        ValueError: There is no ``layer_decay``, it is out of its range, or the backbone knows no
            layers.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        self.layer_decay = (paramwise_cfg or {}).get('layer_decay')
        if not isinstance(self.layer_decay, int | float) or not 0 < self.layer_decay <= 1:
            raise ValueError(
                f'optim_wrapper.paramwise_cfg.layer_decay is {self.layer_decay}: '
                'LayerDecayConstructor needs a number over 0 and up to 1'
            )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimiser of a model."""
        wrapper = super().__call__(model)
        model = getattr(model, 'module', model)
        depth_of = getattr(model.backbone, 'get_layer_depth', None)
        if depth_of is None:
            raise ValueError(
                f'model.backbone is a {type(model.backbone).__name__}, whose layers '
                'LayerDecayConstructor does not know: leave optim_wrapper.constructor out'
            )
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        for group in wrapper.optimizer.param_groups:
            (parameter,) = group['params']  # mmengine's constructor makes a group of each
            name = names[id(parameter)]
            if name.startswith(_BACKBONE):
                depth, number = depth_of(name, _BACKBONE)
                group['lr'] *= self.layer_decay ** (number - 1 - depth)
        return wrapper
