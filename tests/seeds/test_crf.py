import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from mmwsss.functional.dense_crf import PairwiseKernel, dense_crf
from mmwsss.seeds import crf
from mmwsss.seeds.crf import (
    CLIP_ES_CRF,
    CRF_PRESETS,
    IRN_CRF,
    DenseCRF,
    ImageCRF,
    crf_from_labels,
    crf_from_probabilities,
    crf_preset,
    is_on_gpu,
    wrap_colors,
)

try:
    from pydensecrf import densecrf, utils
except ImportError:
    densecrf = None
needs_pydensecrf = pytest.mark.skipif(densecrf is None, reason='the package is optional')

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


def assert_close(posterior, expected):
    """As far as the order of sums allows: 1e-3 on 99.9 % of the pixels, 99.99 % the same label."""
    assert (np.abs(posterior - expected).max(axis=0) < 1e-3).mean() > 0.999
    assert (posterior.argmax(axis=0) == expected.argmax(axis=0)).mean() > 0.9999


@needs_pydensecrf
def test_hard_labels_are_irns():
    unary = utils.unary_from_labels(LABELS, 3, gt_prob=0.7, zero_unsure=False)
    posterior = crf_from_labels(IMAGE, LABELS, 3, replace(IRN_CRF, backend='pydensecrf'))
    np.testing.assert_array_equal(posterior, plain(unary, (3, 3), (50, 5, 10)))
    assert posterior.dtype == np.float32
    np.testing.assert_allclose(posterior.sum(axis=0), 1, atol=1e-5)


@needs_pydensecrf
def test_probabilities_are_clip_ess():
    unary = utils.unary_from_softmax(PROBABILITIES.copy(order='C'))
    settings = replace(CLIP_ES_CRF, backend='pydensecrf')
    posterior = crf_from_probabilities(IMAGE, PROBABILITIES, settings)
    np.testing.assert_array_equal(posterior, plain(unary, (1, 3), (67, 3, 4)))


def smooth_scene(labels, size=(60, 83)):
    """An image with noise, a flat black corner and a white one, and probabilities to match."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[: size[0], : size[1]]
    waves = [np.sin(x / 9 + k) * np.cos(y / (7 + k)) for k in range(labels)]
    image = 120 + 60 * np.stack([waves[0], waves[1], waves[-1]], axis=2)
    image = (image + rng.normal(0, 8, image.shape)).clip(0, 255).astype(np.uint8)
    image[:20, :25], image[-20:, -25:] = 0, 255
    scores = np.exp(2 * np.array(waves) + rng.normal(0, 0.5, (labels, *size)))
    return image, (scores / scores.sum(axis=0)).astype(np.float32)


@needs_pydensecrf
@pytest.mark.parametrize('labels', [3, 21])
@pytest.mark.parametrize('preset', CRF_PRESETS)
def test_the_backends_agree(preset, labels):
    image, probabilities = smooth_scene(labels)
    posteriors = []
    for backend in ('torch', 'pydensecrf'):
        settings = crf_preset(preset, backend)
        if settings.gt_prob is None:
            posteriors.append(crf_from_probabilities(image, probabilities, settings))
        else:
            hard = probabilities.argmax(axis=0)
            posteriors.append(crf_from_labels(image, hard, labels, settings))
    assert_close(*posteriors)
    assert np.abs(posteriors[0] - probabilities).max() > 0.3  # the CRF did something


@needs_pydensecrf
def test_auto_is_the_package_on_a_cpu_and_torch_on_a_gpu(monkeypatch):
    assert IRN_CRF.chosen_backend() == 'pydensecrf'
    assert replace(IRN_CRF, backend='torch').chosen_backend() == 'torch'
    settings = [IRN_CRF, replace(IRN_CRF, backend='torch'), replace(IRN_CRF, backend='pydensecrf')]
    assert [is_on_gpu(one) for one in (*settings, None)] == [False, False, False, False]
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    assert IRN_CRF.chosen_backend() == 'torch'
    assert [is_on_gpu(one) for one in (*settings, None)] == [True, True, False, False]


def test_without_the_package_auto_is_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)
    assert IRN_CRF.chosen_backend() == 'torch'
    posterior = crf_from_labels(IMAGE, LABELS, 3)
    np.testing.assert_array_equal(
        posterior, crf_from_labels(IMAGE, LABELS, 3, replace(IRN_CRF, backend='torch'))
    )


def test_probabilities_need_not_sum_to_one():
    scale = RNG.uniform(0.2, 1, SIZE).astype(np.float32)
    probabilities = 0.02 + 0.9 * PROBABILITIES  # away from the clipping at 1e-5
    np.testing.assert_allclose(
        crf_from_probabilities(IMAGE, scale * probabilities),
        crf_from_probabilities(IMAGE, probabilities),
        atol=1e-3,
    )


@pytest.mark.parametrize('backend', ['auto', 'torch'])
def test_it_follows_the_image(backend):
    """Noisy labels of a picture with two halves come out as the two halves."""
    image = np.zeros((20, 40, 3), dtype=np.uint8)
    image[:, 20:] = 255
    truth = (np.arange(40) >= 20)[None].repeat(20, axis=0).astype(int)
    noisy = np.where(np.random.default_rng(1).random(truth.shape) < 0.2, 1 - truth, truth)
    assert (noisy != truth).mean() > 0.1
    posterior = crf_from_labels(image, noisy, 2, replace(IRN_CRF, backend=backend))
    np.testing.assert_array_equal(posterior.argmax(axis=0), truth)


def test_strided_images_and_several_iterations():
    strided = np.ascontiguousarray(IMAGE[..., ::-1])[..., ::-1]
    assert not strided.flags.c_contiguous
    np.testing.assert_array_equal(
        crf_from_labels(strided, LABELS, 3), crf_from_labels(IMAGE, LABELS, 3)
    )
    once = crf_from_labels(IMAGE, LABELS, 3, replace(IRN_CRF, iterations=1))
    assert not np.allclose(once, crf_from_labels(IMAGE, LABELS, 3))


@pytest.mark.parametrize('backend', ['auto', 'torch'])
def test_all_that_is_refined_of_an_image_shares_its_lattices(backend, monkeypatch):
    built = []
    name = f'_build_{replace(IRN_CRF, backend=backend).chosen_backend()}'
    build = getattr(crf, name)
    monkeypatch.setattr(crf, name, lambda *given: built.append(given[1]) or build(*given))
    settings = replace(IRN_CRF, backend=backend)
    other = (LABELS + 1) % 3
    alone = [crf_from_labels(IMAGE, labels, 3, settings) for labels in (LABELS, other)]
    assert built == [3, 3]
    shared = ImageCRF(IMAGE, settings)
    for labels, expected in zip((LABELS, other, LABELS), (*alone, alone[0]), strict=True):
        np.testing.assert_array_equal(shared.from_labels(labels, 3), expected)
    assert built == [3, 3, 3]
    assert shared.from_labels(LABELS, 4).shape == (4, *SIZE)


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
        ({'backend': 'numpy'}, "one of .*, not 'numpy'"),
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
    with pytest.raises(ImportError, match=r"pip install 'mmwsss\[crf\]', or .* backend='torch'"):
        crf_from_labels(IMAGE, LABELS, 3, replace(IRN_CRF, backend='pydensecrf'))


def test_colours_that_wrapped_around():
    image = np.array([[[130, 116, 0], [0, 117, 104]]], dtype=np.uint8)
    # 130 - 122.675 = 7.3; 116 - 116.669 = -0.7, towards zero; 0 - 104.008 = -104.008
    assert wrap_colors(image).tolist() == [[[152, 0, 7], [0, 0, 134]]]


@needs_pydensecrf
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


def test_a_preset_keeps_the_backend_that_is_asked_for():
    assert crf_preset('irn', 'torch') == replace(IRN_CRF, backend='torch')
    assert crf_preset('clip_es').backend == 'auto'
    assert crf_preset(None, 'torch') is None


@pytest.mark.parametrize('wrapped', [False, True])
def test_torch_gets_kernels_energies_and_iterations(wrapped):
    """Without the package, too."""
    settings = DenseCRF(0.6, 2.0, 4.0, 30.0, 7.0, 5.0, 3, wrapped, backend='torch')
    kernels = PairwiseKernel(2.0, 4.0), PairwiseKernel(30.0, 5.0, 7.0)
    colors = wrap_colors(IMAGE) if wrapped else IMAGE
    images = torch.from_numpy(colors.copy()).permute(2, 0, 1)[None]

    def expected(probabilities):
        energy = -np.log(probabilities)[None].astype(np.float32)
        return dense_crf(torch.from_numpy(energy), images, kernels, iterations=3)[0]

    hard = np.full((3, *SIZE), 0.2)  # (1 - 0.6) / 2
    np.put_along_axis(hard, LABELS[None], 0.6, axis=0)
    found = crf_from_labels(IMAGE, LABELS, 3, settings)
    np.testing.assert_allclose(found, expected(hard), atol=1e-5)
    soft = np.clip(PROBABILITIES, 1e-5, 1)
    found = crf_from_probabilities(IMAGE, PROBABILITIES, replace(settings, gt_prob=None))
    np.testing.assert_allclose(found, expected(soft), atol=1e-5)
