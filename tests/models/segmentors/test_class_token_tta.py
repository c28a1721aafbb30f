"""From the views of an image under CPF-CTE to its seed and its mask."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.models.segmentors import ClassTokenTTAModel
from mmwsss.registry import MODELS
from mmwsss.seeds.refine import RefineSettings, refine_seed

SIZE = (10, 18)  # of the image: a grid of 3 x 5 cells
CLASSES = [1, 3]


class Wrapped(nn.Module):
    def test_step(self, data):
        raise NotImplementedError('the tests hand over the views themselves')


def make_view(flip=False, classes=CLASSES, **maps):
    direction = 'horizontal' if flip else None
    sample = SegDataSample(metainfo={'ori_shape': SIZE, 'flip': flip, 'flip_direction': direction})
    sample.cam_view = PixelData(metainfo={'classes': list(classes)})
    for name, values in maps.items():
        sample.cam_view.set_field(values, name, dtype=torch.Tensor)
    return sample


def merge(views, **options):
    return ClassTokenTTAModel(Wrapped(), **options).merge_preds([views])[0].pred_seed


def resize(maps, size):
    return F.interpolate(maps[None], size, mode='bilinear', align_corners=False)[0]


def expected_scores(logits):
    """METHODS: drop absent classes, by the spatial maximum, to a sum of one."""
    kept = torch.stack([logits.softmax(0)[c] for c in (0, 2, 4)])  # background, classes 1 and 3
    scaled = torch.stack([plane / (plane.max() + 1e-5) for plane in kept])
    return scaled / scaled.sum(0)


def test_views_with_a_background_are_scaled_on_their_patches_then_averaged():
    logits = [3 * torch.randn(5, 4, 6), 3 * torch.randn(5, 2, 3)]
    seed = merge([make_view(logits=logits[0]), make_view(flip=True, logits=logits[1])])
    second = expected_scores(logits[1]).flip(2)
    expected = (resize(expected_scores(logits[0]), (3, 5)) + resize(second, (3, 5))) / 2
    torch.testing.assert_close(torch.from_numpy(seed.background), expected[0])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected[1:])
    assert seed.classes.tolist() == CLASSES
    assert seed.size == SIZE


def test_views_without_a_background_get_what_the_classes_leave():
    cam = torch.rand(2, 4, 6)
    seed = merge([make_view(cam=cam)])
    scaled = torch.stack([plane / (plane.max() + 1e-5) for plane in cam])
    scores = torch.cat([1 - scaled.amax(0, keepdim=True), scaled])
    expected = resize(scores / scores.sum(0), (3, 5))
    torch.testing.assert_close(torch.from_numpy(seed.background), expected[0])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected[1:])


@pytest.mark.parametrize('maps', [{'logits': torch.randn(5, 4, 6)}, {'cam': torch.zeros(0, 4, 6)}])
def test_an_image_without_classes_is_background(maps):
    seed = merge([make_view(classes=[], **maps)])
    assert seed.cam.shape == (0, 3, 5)
    assert seed.background == pytest.approx(1)


def test_full_size():
    seed = merge([make_view(logits=torch.randn(5, 4, 6))], full_size=True)
    assert seed.cam.shape == (2, *SIZE)


def make_segmentor(activation):
    torch.manual_seed(0)
    return MODELS.build(
        {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': {'type': 'mmwsss.ChannelsAsTheyAre'},
            'cam_head': {
                'type': 'mmwsss.ClassTokenHead',
                'in_channels': 3,
                'num_classes': 4,
                'token_channels': 2,
                'context': {'type': 'mmwsss.CFBiLSTM', 'hidden_channels': 2},
                'activation': activation,
            },
        }
    ).eval()


@MODELS.register_module(force=True)
class ChannelsAsTheyAre(nn.Module):
    def forward(self, inputs):
        return (inputs,)


@pytest.mark.parametrize('activation', ['softmax', 'softmax_fg', 'sigmoid'])
def test_from_the_segmentor_to_the_mask(activation):
    segmentor, image = make_segmentor(activation), torch.randn(1, 3, 3, 5)
    sample = SegDataSample(metainfo={'ori_shape': SIZE, 'flip': False})
    sample.gt_label = LabelData(multi_hot=torch.tensor([0.0, 1.0, 0.0, 1.0]))
    with torch.no_grad():
        seed = merge(segmentor.predict(image, [sample]))
    assert (seed.cam.sum(0) + seed.background) == pytest.approx(1)
    settings = RefineSettings(bg_threshold=None, crf=None)
    mask, _ = refine_seed(np.zeros((*SIZE, 3), np.uint8), seed, settings)
    assert set(np.unique(mask)) <= {0, 2, 4}
