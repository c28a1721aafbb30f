"""A checkpoint of another number of classes is refused, not half loaded."""

from typing import Any

from torch import nn

from mmwsss.models.weights import PartialLoadError

_CURE = 'load a checkpoint of this data set, or set num_classes'


def refuse_other_class_count(module: nn.Module, name: str, cure: str = _CURE) -> None:
    """Make `module` refuse a checkpoint whose tensor `name` has another number of classes.

    mmengine prints a warning and goes on with random weights, and the user finds out after hours.

    Args:
        module: Owner of the tensor.
        name: Parameter or buffer whose first axis is the classes.
        cure: What to do, the end of the message.
    """

    def check(owner: nn.Module, state: dict[str, Any], prefix: str, *unused: Any) -> None:
        loaded = state.get(prefix + name)
        own = (
            owner.get_parameter(name)
            if name in dict(owner.named_parameters())
            else (owner.get_buffer(name))
        )
        if loaded is not None and loaded.shape[0] != own.shape[0]:
            raise PartialLoadError(
                f'the checkpoint has {loaded.shape[0]} classes and the model {own.shape[0]} '
                f'(key {prefix + name!r}): {cure}'
            )

    module.register_load_state_dict_pre_hook(check)
