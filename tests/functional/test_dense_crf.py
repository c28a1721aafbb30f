import numpy as np
import pytest
import torch
from naive_lattice import naive_filter

from mmwsss.functional.dense_crf import FullyConnectedCRF, PairwiseKernel, dense_crf

RNG = np.random.default_rng(0)
SIZE = (5, 6)
KERNELS = (PairwiseKernel(1.37, 2), PairwiseKernel(4.1, 3, srgb=40))


def naive_crf(energy, image, kernels, iterations):
    """Mean field with every sum written out; the kernels are matrices of the lattice filter."""
    labels, height, width = energy.shape
    pixels = [(y, x) for y in range(height) for x in range(width)]
    terms = []
    for kernel in kernels:
        points = [[x / kernel.sxy, y / kernel.sxy] for y, x in pixels]
        if kernel.srgb:
            points = [
                [*point, *(image[:, y, x] / kernel.srgb)]
                for point, (y, x) in zip(points, pixels, strict=True)
            ]
        matrix, _ = naive_filter(np.array(points), np.eye(len(pixels)))
        scale = matrix.sum(axis=1) ** -0.5
        terms.append(kernel.compat * scale[:, None] * matrix * scale)
    flat = energy.reshape(labels, -1)
    posterior = np.exp(-flat) / np.exp(-flat).sum(axis=0)
    for _ in range(iterations):
        updated = np.zeros_like(posterior)
        for label in range(labels):
            for a in range(len(pixels)):
                message = sum(
                    term[a, b] * posterior[label, b] for term in terms for b in range(len(pixels))
                )
                updated[label, a] = np.exp(-flat[label, a] + message)
        posterior = updated / updated.sum(axis=0)
    return posterior.reshape(energy.shape)


def sample(labels, batch=1):
    energy = RNG.uniform(0, 3, size=(batch, labels, *SIZE))
    return torch.from_numpy(energy), torch.from_numpy(RNG.uniform(0, 255, size=(batch, 3, *SIZE)))


@pytest.mark.parametrize('labels', [2, 4, 7, 17])
def test_against_plain_loops(labels):
    energy, image = sample(labels)
    expected = naive_crf(energy[0].numpy(), image[0].numpy(), KERNELS, 3)
    posterior = dense_crf(energy, image, KERNELS, iterations=3)
    np.testing.assert_allclose(posterior[0], expected, atol=5e-5)
    assert posterior.dtype == torch.float32


def test_a_batch_is_its_images():
    energy, images = sample(3, batch=3)
    together = dense_crf(energy, images, KERNELS)
    for index in range(3):
        one = slice(index, index + 1)
        torch.testing.assert_close(together[one], dense_crf(energy[one], images[one], KERNELS))


def test_kernels_serve_any_number_of_energies():
    energy, images = sample(3, batch=2)
    crf = FullyConnectedCRF(images, KERNELS)
    for one in (energy, energy[:, :2], energy.flip(1)):
        torch.testing.assert_close(crf.posterior(one), dense_crf(one, images, KERNELS))


def test_labels_have_no_order():
    energy, image = sample(6)
    order = torch.randperm(6)
    torch.testing.assert_close(
        dense_crf(energy[:, order], image, KERNELS), dense_crf(energy, image, KERNELS)[:, order]
    )


def test_one_label_is_sure():
    energy, image = sample(1)
    torch.testing.assert_close(dense_crf(energy, image, KERNELS), torch.ones(1, 1, *SIZE))


def test_high_energies_and_weights_overflow_nothing():
    energy, image = sample(2)
    posterior = dense_crf(100 * energy, image, [PairwiseKernel(3, 200)])
    assert posterior.isfinite().all()


def test_an_image_of_another_size_is_refused():
    energy, image = sample(2)
    with pytest.raises(ValueError, match=r'images are \(1, 3, 4, 6\), but the energies are'):
        dense_crf(energy, image[:, :, 1:], KERNELS)
