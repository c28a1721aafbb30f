"""The model of a Runner, whatever wraps it, as what a hook or a loop needs it to be."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmwsss.models.prototypes import BasePrototypeHead
from mmwsss.models.segmentors import CAMSegmentor


def unwrapped_model(runner: Runner) -> nn.Module:
    """Return the runner's model without its DDP wrapper."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def cam_segmentor(runner: Runner) -> CAMSegmentor:
    """Return the runner's model, which must be a classification network.

    Raises:
        ValueError: It is another one.
    """
    model = unwrapped_model(runner)
    if not isinstance(model, CAMSegmentor):
        raise ValueError(
            f'the model is a {type(model).__name__}, and this hook or loop is for a CAMSegmentor: '
            'take it out of the config'
        )
    return model


def prototype_head(runner: Runner) -> BasePrototypeHead:
    """Return the plug-in of the runner's model, which must have one.

    Raises:
        ValueError: It has none.
    """
    head = cam_segmentor(runner).prototype_head
    if head is None:
        raise ValueError(
            'this hook or loop needs a prototype head: add `model = '
            'dict(prototype_head=_base_.cpal_head)` to the config'
        )
    return head
