"""mmseg's ResNet with the max-pooling of Caffe."""

from typing import Any

from mmseg.models.backbones import ResNet

from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS


@MODELS.register_module()
class ResNetCeilPool(ResNet):
    """mmseg's `ResNet` whose stem pools partial windows, too, as Caffe does.

    Weights that come from Caffe expect it: the features of most image sizes are one cell larger.
    The arguments and the names of the parameters are mmseg's.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.maxpool.ceil_mode = True
        refuse_partial_load(self)
