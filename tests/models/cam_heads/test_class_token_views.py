"""From the views of an image under CPF-CTE to its seed and its mask."""

import numpy as np
import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from view_samples import SIZE, make_segmentor, make_view, resize
from view_samples import merge as merge_views

from mmwsss.models.cam_heads import ClassTokenOutput
from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.seeds.refine import RefineSettings, refine_seed

CLASSES = [1, 3]


def host(activation='softmax', **options):
    return {
        'type': 'mmwsss.ClassTokenHead',
        'in_channels': 3,
        'num_classes': 4,
        'token_channels': 2,
        'context': {'type': 'mmwsss.CFBiLSTM', 'hidden_channels': 2},
        'activation': activation,
        **options,
    }


def view_of(logits=None, cam=None, flip=None, classes=CLASSES, **options):
    """A view of the second image of a batch, from what `forward` gives."""
    cam = torch.rand(4, *logits.shape[1:]) if cam is None else cam
    two = {'cam': torch.stack([cam + 5, cam]), 'valid': torch.ones(2, 1, *cam.shape[1:])}
    two['pixel_logits'] = None if logits is None else torch.stack([-logits, logits])
    output = ClassTokenOutput(features=(), pooled=torch.zeros(2, 4), **two)
    head = make_segmentor(host(**options)).cam_head
    maps = head.view_maps(output, 1, torch.tensor(classes, dtype=torch.long))
    return make_view(maps, flip, classes)


def merge(views, **options):
    return merge_views(host(), views, **options)


def expected_scores(logits):
    """METHODS: drop absent classes, by the spatial maximum, to a sum of one."""
    kept = torch.stack([logits.softmax(0)[c] for c in (0, 2, 4)])  # background, classes 1 and 3
    scaled = torch.stack([plane / (plane.max() + 1e-5) for plane in kept])
    return scaled / scaled.sum(0)


def test_views_with_a_background_are_scaled_on_their_patches_then_averaged():
    logits = [3 * torch.randn(5, 4, 6), 3 * torch.randn(5, 2, 3)]
    seed = merge([view_of(logits[0]), view_of(logits[1], flip='horizontal')])
    second = expected_scores(logits[1]).flip(2)
    expected = (resize(expected_scores(logits[0]), (3, 5)) + resize(second, (3, 5))) / 2
    torch.testing.assert_close(torch.from_numpy(seed.background), expected[0])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected[1:])
    assert seed.classes.tolist() == CLASSES
    assert seed.size == SIZE


def test_views_without_a_background_get_what_the_classes_leave():
    cam = torch.rand(4, 4, 6)
    seed = merge([view_of(cam=cam)])
    scaled = torch.stack([plane / (plane.max() + 1e-5) for plane in cam[CLASSES]])
    scores = torch.cat([1 - scaled.amax(0, keepdim=True), scaled])
    expected = resize(scores / scores.sum(0), (3, 5))
    torch.testing.assert_close(torch.from_numpy(seed.background), expected[0])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected[1:])


def masks(seed):
    settings = RefineSettings(bg_threshold=None, crf=None)
    return refine_seed(np.zeros((*SIZE, 3), np.uint8), seed, settings)[0]


@pytest.mark.parametrize('background', [True, False])
def test_eq_10_as_printed_takes_the_probabilities_as_they_are(background):
    """A class of .45 everywhere loses to a background of .55, and wins when it is scaled."""
    probability = torch.tensor([0.55, 0.0, 0.45, 0.0, 0.0]).clamp(min=1e-9)
    maps = {'cam': probability[1:, None, None].repeat(1, 4, 6)}
    if background:
        maps = {'logits': probability.log()[:, None, None].repeat(1, 4, 6)}
    printed = merge([view_of(**maps, normalize_seeds=False)])
    assert printed.background == pytest.approx(0.55)
    assert printed.cam[0] == pytest.approx(0.45)
    assert not masks(printed).any()
    maps = {name: values.clone() for name, values in maps.items()}
    for values in maps.values():
        values[0, 0, 0] += 5 if background else 0  # a patch of sure background
    scaled = merge([view_of(**maps)])
    assert scaled.cam[0].mean() > 0.45


@pytest.mark.parametrize('maps', [{'logits': torch.randn(5, 4, 6)}, {'cam': torch.rand(4, 4, 6)}])
def test_an_image_without_classes_is_background(maps):
    seed = merge([view_of(classes=[], **maps)])
    assert seed.cam.shape == (0, 3, 5)
    assert seed.background == pytest.approx(1)


def test_full_size():
    seed = merge([view_of(torch.randn(5, 4, 6))], full_size=True)
    assert seed.cam.shape == (2, *SIZE)


@pytest.mark.parametrize('activation', ['softmax', 'softmax_fg', 'sigmoid'])
def test_from_the_segmentor_to_the_mask(activation):
    torch.manual_seed(0)
    segmentor, image = make_segmentor(host(activation)), torch.randn(1, 3, 3, 5)
    sample = SegDataSample(metainfo={'ori_shape': SIZE, 'flip': False})
    sample.gt_label = LabelData(multi_hot=torch.tensor([0.0, 1.0, 0.0, 1.0]))
    with torch.no_grad():
        views = segmentor.predict(image, [sample])
    seed = CAMTTAModel(segmentor).merge_preds([views])[0].pred_seed
    assert (seed.cam.sum(0) + seed.background) == pytest.approx(1)
    settings = RefineSettings(bg_threshold=None, crf=None)
    mask, _ = refine_seed(np.zeros((*SIZE, 3), np.uint8), seed, settings)
    assert set(np.unique(mask)) <= {0, 2, 4}


@pytest.mark.parametrize('normalize', [True, False])
@pytest.mark.parametrize('activation', ['softmax_fg', 'sigmoid'])
def test_the_padding_of_a_view_is_background(activation, normalize):
    head = make_segmentor(host(activation, normalize_seeds=normalize)).cam_head
    valid = torch.ones(1, 1, 4, 6)
    valid[..., 3:] = 0
    output = head((torch.randn(1, 3, 4, 6),), valid)
    scores = head.view_maps(output, 0, torch.tensor(CLASSES))
    assert scores[0, :, 3:].eq(1).all() and not scores[1:, :, 3:].any()
    assert scores[1:, :, :3].all()
