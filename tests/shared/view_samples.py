"""Views of one image as `CAMSegmentor.predict` leaves them, for tests of how they are merged."""

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.registry import MODELS

SIZE = (10, 18)  # of the image: a grid of 3 x 5 cells


@MODELS.register_module(force=True)
class ChannelsAsTheyAre(nn.Module):
    """A backbone whose only stage is the image."""

    def forward(self, inputs):
        return (inputs,)


def make_view(maps, flip=None, classes=(1, 4), pacam=None, **fields):
    """A view, whose image may be flipped in a direction."""
    meta = {
        'ori_shape': SIZE,
        'flip': flip is not None,
        'flip_direction': flip,
        'img_path': 'x/a.jpg',
    }
    sample = SegDataSample(metainfo=meta)
    sample.cam_view = PixelData(metainfo={'classes': list(classes)})
    for name, values in {'maps': maps, 'pacam': pacam}.items():
        if values is not None:
            sample.cam_view.set_field(values, name, dtype=torch.Tensor)
    for name, value in fields.items():
        setattr(sample, name, value)
    return sample


def make_segmentor(head, **parts):
    """A segmentor with a CAM head and a backbone that does nothing."""
    backbone = {'type': 'mmwsss.ChannelsAsTheyAre'}
    return MODELS.build(
        {'type': 'mmwsss.CAMSegmentor', 'backbone': backbone, 'cam_head': head, **parts}
    ).eval()


def merge(head, views, full_size=False):
    """The seed of one image under a host."""
    model = CAMTTAModel(make_segmentor(head), full_size=full_size)
    (merged,) = model.merge_preds([views])
    assert 'cam_view' not in merged
    return merged.pred_seed


def resize(maps, size):
    """Resize maps ``(K, h, w)`` bilinearly."""
    return F.interpolate(maps[None], size, mode='bilinear', align_corners=False)[0]
