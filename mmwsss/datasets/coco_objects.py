"""COCO's 80 object classes as a data set of mmseg."""

from typing import Any

from mmseg.datasets import BaseSegDataset

from mmwsss.registry import DATASETS
from mmwsss.seeds.masks import voc_palette

# fmt: off
COCO_CLASSES = (
    'background', 'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck',
    'boat', 'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat',
    'dog', 'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'backpack', 'umbrella',
    'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite',
    'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle',
    'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange',
    'broccoli', 'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant',
    'bed', 'dining table', 'toilet', 'tv', 'laptop', 'mouse', 'remote', 'keyboard', 'cell phone',
    'microwave', 'oven', 'toaster', 'sink', 'refrigerator', 'book', 'clock', 'vase', 'scissors',
    'teddy bear', 'hair drier', 'toothbrush',
)
# fmt: on


@DATASETS.register_module()
class COCOObjectDataset(BaseSegDataset):
    """COCO with background and its 80 object classes; masks by `mmwsss convert coco`.

    Args:
        kwargs: As for mmseg's `BaseSegDataset`.
    """

    METAINFO = {'classes': COCO_CLASSES, 'palette': voc_palette()[: len(COCO_CLASSES)].tolist()}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            img_suffix='.jpg', seg_map_suffix='.png', reduce_zero_label=False, **kwargs
        )
