"""What stands for DDP around a model in which nothing learns."""

from typing import Any

from torch import nn

from mmwsss.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class FrozenModelWrapper(nn.Module):
    """Hands the Runner's calls to the model: no gradient has to be averaged.

    DDP refuses a model without a parameter that learns, as the hosts on a frozen CLIP are.

    Args:
        module: The model, no parameter of which learns.
    """

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.train_step = module.train_step
        self.val_step = module.val_step
        self.test_step = module.test_step

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model."""
        return self.module(*args, **kwargs)
