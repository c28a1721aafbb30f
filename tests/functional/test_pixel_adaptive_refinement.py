import numpy as np
import pytest
import torch

from mmwsss.functional.pixel_adaptive_refinement import (
    neighbour_weights,
    pixel_adaptive_refinement,
)

RNG = np.random.default_rng(0)


def softmax(values):
    powers = np.exp(values - np.max(values))
    return powers / powers.sum()


def naive_step(image, maps, dilations):
    _, height, width = image.shape
    refined = np.zeros_like(maps)
    for y in range(height):
        for x in range(width):
            places, distances = [], []
            for step in dilations:
                for dy in (-step, 0, step):
                    for dx in (-step, 0, step):
                        if (dy, dx) != (0, 0):
                            inside = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
                            places.append(inside)
                            distances.append(np.hypot(dy, dx))
            colors = np.array([image[:, b, a] for b, a in places])
            deviation = colors.std(axis=0, ddof=1) + 1e-12
            unlike = [np.mean(((c - image[:, y, x]) / (0.3 * deviation)) ** 2) for c in colors]
            far = (np.array(distances) / (0.3 * np.std(distances, ddof=1))) ** 2
            weights = softmax(-np.array(unlike)) + 0.01 * softmax(-far)
            for weight, (b, a) in zip(weights, places, strict=True):
                refined[:, y, x] += weight * maps[:, b, a]
    return refined


@pytest.mark.parametrize(
    ('size', 'dilations'), [((5, 7), (1, 2)), ((4, 3), (1, 3, 6)), ((1, 1), (2, 3))]
)
def test_against_plain_loops(size, dilations):
    image, maps = RNG.uniform(0, 255, (3, *size)), RNG.random((2, *size))
    expected = naive_step(image, naive_step(image, maps, dilations), dilations)
    refined = pixel_adaptive_refinement(
        torch.from_numpy(image)[None], torch.from_numpy(maps)[None], dilations, iterations=2
    )
    np.testing.assert_allclose(refined[0], expected, atol=1e-6)


def test_maps_stop_at_an_edge_of_the_image():
    image = torch.zeros(1, 3, 12, 20)
    image[..., 10:] = 255
    maps = 0.3 + 0.1 * torch.rand(1, 2, 12, 20)
    maps[:, 0, :, :10] += 0.3
    maps[:, 1, :, 10:] += 0.3
    wrong = torch.rand(1, 1, 12, 20) < 0.1
    noisy = torch.where(wrong, maps.flip(1), maps)
    label = pixel_adaptive_refinement(image, noisy).argmax(dim=1)
    assert (label == maps.argmax(dim=1)).all() and (noisy.argmax(dim=1) != label).any()


def test_one_colour_is_shared_evenly_but_for_the_distance():
    weights = neighbour_weights(torch.full((1, 3, 4, 4), 7.0), (1, 2))
    torch.testing.assert_close(weights.sum(dim=1), torch.full((1, 4, 4), 1.01))
    # in the order of rows: the four that touch the pixel have nearly all of the hundredth
    touching = [1, 3, 4, 6]
    others = [k for k in range(16) if k not in touching]
    torch.testing.assert_close(weights[0, touching, 1, 1], torch.full((4,), 1 / 16 + 0.01 / 4))
    torch.testing.assert_close(weights[0, others, 1, 1], torch.full((12,), 1 / 16))


def test_the_unit_of_the_colours_does_not_matter():
    image, maps = torch.rand(2, 3, 6, 5), torch.rand(2, 4, 6, 5)
    torch.testing.assert_close(
        pixel_adaptive_refinement(image, maps), pixel_adaptive_refinement(255 * image, maps)
    )


def test_maps_of_another_size_are_refused():
    with pytest.raises(ValueError, match='but the maps'):
        pixel_adaptive_refinement(torch.rand(1, 3, 6, 5), torch.rand(1, 2, 3, 5))
