from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from mmwsss.models.segmentors import CRFSegTTAModel, crf_tta
from mmwsss.seeds.crf import CRF_PRESETS

SIZE = (12, 16)


class Wrapped(nn.Module):
    out_channels = 4

    def test_step(self, data):
        raise NotImplementedError('the tests hand over the views themselves')


@pytest.fixture
def image_path(tmp_path):
    """Left half red, right half blue."""
    pixels = np.zeros((*SIZE, 3), dtype=np.uint8)
    pixels[:, :8, 0] = 255
    pixels[:, 8:, 2] = 255
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    return str(tmp_path / 'a.png')


def make_view(logits, path):
    sample = SegDataSample(metainfo={'img_path': path})
    sample.seg_logits = PixelData(data=logits)
    return sample


def merge(views, **options):
    (merged,) = CRFSegTTAModel(Wrapped(), **options).merge_preds([views])
    return merged.pred_sem_seg.data


def probabilities(path, **levels):
    """Logits of 4 classes whose softmax is given for background, 1 and 3."""
    p = torch.full((4, *SIZE), 1e-6)
    p[0], p[1], p[3] = levels['background'], levels['one'], levels['three']
    return make_view((p / p.sum(0)).log(), path)


def test_classes_keep_their_numbers_and_the_edge_of_the_image_wins(image_path):
    logits = torch.full((4, *SIZE), -20.0)
    logits[0, :, :6] = 2.0  # two columns off the edge of the image
    logits[3, :, 6:] = 2.0
    logits[0, :, 6:], logits[3, :, :6] = 1.0, 1.0
    label = merge([make_view(logits, image_path)])
    assert label.shape == (1, *SIZE)
    assert label.dtype == torch.int64
    assert (label[0, :, :8] == 0).all()
    assert (label[0, :, 8:] == 3).all()


def test_the_crf_gets_the_mean_probability_of_the_likely_classes(image_path, monkeypatch):
    calls = []

    def record(image, probability, settings):
        calls.append((image, probability, settings))
        return probability

    monkeypatch.setattr(crf_tta, 'crf_from_probabilities', record)
    views = [
        probabilities(image_path, background=0.7, one=1e-6, three=0.3),
        probabilities(image_path, background=0.1, one=1e-6, three=0.9),
    ]
    label = merge(views, crf='irn')
    ((image, probability, settings),) = calls
    assert image[0, 0].tolist() == [255, 0, 0]  # RGB
    assert probability.shape == (2, *SIZE)  # background and class 3
    # logits would have been averaged to 0.34 : 0.66
    np.testing.assert_allclose(probability[0], 0.4, atol=1e-4)
    np.testing.assert_allclose(probability.sum(0), 1, atol=1e-6)
    assert settings == CRF_PRESETS['irn']
    assert (label == 3).all()


def test_the_threshold_of_likely_classes(image_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        crf_tta, 'crf_from_probabilities', lambda image, p, settings: seen.append(len(p)) or p
    )
    view = [probabilities(image_path, background=0.5, one=0.01, three=0.49)]
    for threshold in (1e-3, 0.05):
        merge(view, min_probability=threshold)
    assert seen == [3, 2]


def test_background_alone_needs_no_crf(image_path, monkeypatch):
    monkeypatch.setattr(crf_tta, 'crf_from_probabilities', None)
    view = probabilities(image_path, background=1.0, one=1e-6, three=1e-6)
    assert not merge([view]).any()


def test_background_stays_even_when_it_is_unlikely(image_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        crf_tta, 'crf_from_probabilities', lambda image, p, settings: seen.append(len(p)) or p
    )
    view = probabilities(image_path, background=1e-6, one=1e-6, three=1.0)
    assert (merge([view]) == 3).all()
    assert seen == [2]


def test_an_unknown_preset_is_refused():
    with pytest.raises(KeyError, match='nonsense'):
        CRFSegTTAModel(Wrapped(), crf='nonsense')


def test_without_a_crf_it_is_the_most_likely_class_of_the_mean(image_path):
    """The view that is sure wins over the one that leans."""
    sure = probabilities(image_path, background=0.05, one=0.9, three=0.05)
    leaning = probabilities(image_path, background=0.1, one=0.4, three=0.5)
    label = merge([leaning, sure], crf=None)
    assert label.shape == (1, *SIZE)
    assert (label == 1).all()
    assert (merge([leaning], crf=None) == 3).all()


def test_mean_probabilities_are_kept_where_they_are_asked_for(image_path):
    views = [
        probabilities(image_path, background=0.2, one=0.1, three=0.7),
        probabilities(image_path, background=0.4, one=0.3, three=0.3),
    ]
    model = CRFSegTTAModel(Wrapped(), crf=None)
    (merged,) = model.merge_preds([list(views)])
    assert 'seg_probability' not in merged
    model.keep_probability = True
    (merged,) = model.merge_preds([list(views)])
    expected = torch.tensor([0.3, 0.2, 0.0, 0.5])[:, None, None].expand(4, *SIZE)
    torch.testing.assert_close(merged.seg_probability.data, expected, rtol=0, atol=1e-5)


def test_the_crf_is_computed_as_the_config_says(image_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        crf_tta, 'crf_from_probabilities', lambda image, p, settings: seen.append(settings) or p
    )
    view = probabilities(image_path, background=0.5, one=0.2, three=0.3)
    merge([view])
    merge([view], crf='irn', crf_backend='torch')
    assert seen == [CRF_PRESETS['clip_es'], replace(CRF_PRESETS['irn'], backend='torch')]


def test_an_image_of_background_has_whole_numbers_too(image_path):
    view = probabilities(image_path, background=1.0, one=1e-6, three=1e-6)
    label = merge([view])
    assert label.dtype == torch.int64 and label.shape == (1, *SIZE)
