import sys
from dataclasses import replace

import numpy as np
import pytest
from pydensecrf import densecrf, utils

from mmwsss.seeds.crf import (
    CLIP_ES_CRF,
    CRF_PRESETS,
    IRN_CRF,
    DenseCRF,
    crf_from_labels,
    crf_from_probabilities,
    wrap_colors,
)

RNG = np.random.default_rng(0)
SIZE = (24, 31)
IMAGE = RNG.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
LABELS = RNG.integers(0, 3, SIZE)
PROBABILITIES = RNG.dirichlet([1, 1, 1], SIZE).transpose(2, 0, 1).astype(np.float32)  # strided


def plain(unary, gaussian, bilateral, colors=IMAGE):
    crf = densecrf.DenseCRF2D(SIZE[1], SIZE[0], 3)
    crf.setUnaryEnergy(unary)
    crf.addPairwiseGaussian(sxy=gaussian[0], compat=gaussian[1])
    crf.addPairwiseBilateral(
        sxy=bilateral[0], srgb=bilateral[1], compat=bilateral[2], rgbim=colors.copy()
    )
    return np.array(crf.inference(10)).reshape(3, *SIZE)


def test_hard_labels_are_irns():
    unary = utils.unary_from_labels(LABELS, 3, gt_prob=0.7, zero_unsure=False)
    posterior = crf_from_labels(IMAGE, LABELS, 3)
    np.testing.assert_array_equal(posterior, plain(unary, (3, 3), (50, 5, 10)))
    assert posterior.dtype == np.float32
    np.testing.assert_allclose(posterior.sum(axis=0), 1, atol=1e-5)


def test_probabilities_are_clip_ess():
    unary = utils.unary_from_softmax(PROBABILITIES.copy(order='C'))
    posterior = crf_from_probabilities(IMAGE, PROBABILITIES)
    np.testing.assert_array_equal(posterior, plain(unary, (1, 3), (67, 3, 4)))


def test_probabilities_need_not_sum_to_one():
    scale = RNG.uniform(0.2, 1, SIZE).astype(np.float32)
    probabilities = 0.02 + 0.9 * PROBABILITIES  # away from the clipping at 1e-5
    np.testing.assert_allclose(
        crf_from_probabilities(IMAGE, scale * probabilities),
        crf_from_probabilities(IMAGE, probabilities),
        atol=1e-3,
    )


def test_it_follows_the_image():
    """Noisy labels of a picture with two halves come out as the two halves."""
    image = np.zeros((20, 40, 3), dtype=np.uint8)
    image[:, 20:] = 255
    truth = (np.arange(40) >= 20)[None].repeat(20, axis=0).astype(int)
    noisy = np.where(np.random.default_rng(1).random(truth.shape) < 0.2, 1 - truth, truth)
    assert (noisy != truth).mean() > 0.1
    np.testing.assert_array_equal(crf_from_labels(image, noisy, 2).argmax(axis=0), truth)


def test_strided_images_and_several_iterations():
    strided = np.ascontiguousarray(IMAGE[..., ::-1])[..., ::-1]
    assert not strided.flags.c_contiguous
    np.testing.assert_array_equal(
        crf_from_labels(strided, LABELS, 3), crf_from_labels(IMAGE, LABELS, 3)
    )
    once = crf_from_labels(IMAGE, LABELS, 3, replace(IRN_CRF, iterations=1))
    assert not np.allclose(once, crf_from_labels(IMAGE, LABELS, 3))


def test_one_label_needs_no_crf():
    posterior = crf_from_labels(IMAGE, np.zeros(SIZE, dtype=int), 1)
    np.testing.assert_array_equal(posterior, np.ones((1, *SIZE)))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'image': IMAGE[:-1]}, r'the image is \(23, 31\), but what to refine is \(24, 31\)'),
        ({'image': IMAGE[..., 0]}, r'the image must be \(H, W, 3\) uint8'),
        ({'image': IMAGE / 255}, 'uint8, not .* float64'),
        ({'labels': LABELS + 1}, r'labels must lie in 0\.\.2, not 1\.\.3'),
        ({'labels': LABELS - 1}, r'labels must lie in 0\.\.2, not -1\.\.1'),
        ({'labels': LABELS.astype(float)}, 'integers'),
        ({'settings': CLIP_ES_CRF}, 'use crf_from_probabilities'),
    ],
)
def test_wrong_labels(change, message):
    with pytest.raises(ValueError, match=message):
        crf_from_labels(**({'image': IMAGE, 'labels': LABELS, 'n_labels': 3} | change))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'image': IMAGE[:, :-1]}, 'but what to refine is'),
        ({'probabilities': PROBABILITIES[0]}, r'must be \(C, H, W\)'),
        ({'probabilities': PROBABILITIES[:0]}, r'must be \(C, H, W\)'),
        ({'probabilities': PROBABILITIES * 2}, r'in \[0, 1\]'),
        ({'probabilities': PROBABILITIES * np.nan}, r'in \[0, 1\]'),
        ({'settings': IRN_CRF}, 'use crf_from_labels'),
    ],
)
def test_wrong_probabilities(change, message):
    with pytest.raises(ValueError, match=message):
        crf_from_probabilities(**({'image': IMAGE, 'probabilities': PROBABILITIES} | change))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'gt_prob': 1.0}, 'gt_prob'),
        ({'gt_prob': 0.0}, 'gt_prob'),
        ({'bilateral_srgb': 0}, 'positive'),
        ({'gaussian_sxy': -1}, 'positive'),
        ({'bilateral_sxy': 0}, 'positive'),
        ({'iterations': 0}, 'at least one iteration'),
    ],
)
def test_wrong_settings(change, message):
    with pytest.raises(ValueError, match=message):
        replace(IRN_CRF, **change)


def test_presets():
    assert DenseCRF(0.7, 3, 3, 50, 5, 10, 10) == IRN_CRF
    assert DenseCRF(None, 1, 3, 67, 3, 4, 10) == CLIP_ES_CRF


def test_preset_names():
    assert {
        'irn': IRN_CRF,
        'clip_es': CLIP_ES_CRF,
        'clip_es_released': replace(CLIP_ES_CRF, wrapped_colors=True),
    } == CRF_PRESETS


def test_missing_requirement(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)
    with pytest.raises(ImportError, match=r'pip install mmwsss\[crf\]'):
        crf_from_labels(IMAGE, LABELS, 3)


def test_colours_that_wrapped_around():
    image = np.array([[[130, 116, 0], [0, 117, 104]]], dtype=np.uint8)
    # 130 - 122.675 = 7.3; 116 - 116.669 = -0.7, towards zero; 0 - 104.008 = -104.008
    assert wrap_colors(image).tolist() == [[[152, 0, 7], [0, 0, 134]]]


def test_the_released_crf_of_clip_es_compares_wrapped_colours_in_bgr():
    """To the bit; the other order is not the same, because the kernel is approximated."""
    bgr = IMAGE[..., ::-1].astype(np.float32)
    bgr -= np.array([104.008, 116.669, 122.675])
    wrapped = bgr.astype(np.int64).astype(np.uint8)
    unary = utils.unary_from_softmax(PROBABILITIES.copy(order='C'))
    posterior = crf_from_probabilities(IMAGE, PROBABILITIES, CRF_PRESETS['clip_es_released'])
    np.testing.assert_array_equal(posterior, plain(unary, (1, 3), (67, 3, 4), wrapped))
    reversed_ = plain(unary, (1, 3), (67, 3, 4), wrapped[..., ::-1])
    assert np.abs(posterior - reversed_).max() > 1e-4
