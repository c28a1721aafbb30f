"""The toy scenes as a data set of mmseg."""

from typing import Any

from mmseg.datasets import BaseSegDataset

from mmwsss.registry import DATASETS
from mmwsss.seeds.masks import voc_palette

from .scene import CLASSES


@DATASETS.register_module()
class ToySceneDataset(BaseSegDataset):
    """Folder written by `write_toy_scenes`; background and ten classes.

    Args:
        kwargs: As for mmseg's `BaseSegDataset`.
    """

    METAINFO = {'classes': CLASSES, 'palette': voc_palette()[: len(CLASSES)].tolist()}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            img_suffix='.jpg', seg_map_suffix='.png', reduce_zero_label=False, **kwargs
        )
