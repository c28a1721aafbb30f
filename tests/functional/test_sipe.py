"""Image-specific prototypes against plain loops."""

import math

import pytest
import torch

from mmwsss.functional.sipe import (
    image_prototypes,
    instance_seeds,
    map_overlap,
    pixel_similarity,
    prototype_consistency,
    prototype_maps,
)

F64 = torch.float64
SIZES = [(3, 4), (4, 2), (1, 1)]
CLASSES = 3


def scene(size, channels=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, channels, *size, generator=generator, dtype=F64)
    maps = torch.rand(2, CLASSES + 1, *size, generator=generator, dtype=F64)
    mask = torch.tensor([[1, 1, 0, 1], [1, 0, 0, 1]], dtype=F64)[:, :, None, None]
    return features, maps, mask


def pixels(image):
    """Vectors of an image's pixels, row by row."""
    return [image[:, y, x] for y in range(image.shape[1]) for x in range(image.shape[2])]


def cosine(a, b, eps=0.0):
    return sum(
        x / (math.sqrt(sum(a * a)) + eps) * y / (math.sqrt(sum(b * b)) + eps)
        for x, y in zip(a, b, strict=True)
    )


def naive_seeds(features, maps, mask):
    out = torch.zeros_like(maps)
    for b in range(len(features)):
        vectors, values = pixels(features[b]), pixels(maps[b])
        for i, vector in enumerate(vectors):
            like = [max(cosine(vector, other, 1e-5), 0) for other in vectors]
            overlaps = []
            for c in range(maps.shape[1]):
                shared = sum(a * m[c] for a, m in zip(like, values, strict=True))
                union = sum(like) + sum(m[c] for m in values) - shared
                overlaps.append(shared / union * (0.5 if c == 0 else 1))
            best = max(range(len(overlaps)), key=lambda c: overlaps[c])
            out[b, best, i // maps.shape[3], i % maps.shape[3]] = mask[b, best, 0, 0]
    return out


@pytest.mark.parametrize('size', SIZES)
def test_instance_seeds(size):
    for seed in range(4):
        features, maps, mask = scene(size, seed=seed)
        expected = naive_seeds(features, maps, mask)
        assert instance_seeds(features, maps, mask).equal(expected)


@pytest.mark.parametrize('size', SIZES)
def test_prototypes_and_their_maps(size):
    features, maps, mask = scene(size)
    seeds = instance_seeds(features, maps, mask)
    sides = torch.randn(2, 7, *size, generator=torch.Generator().manual_seed(5), dtype=F64)
    prototypes = image_prototypes(seeds, sides)
    found = prototype_maps(sides, prototypes)
    for b in range(2):
        chosen, vectors = pixels(seeds[b]), pixels(sides[b])
        for c in range(CLASSES + 1):
            mean = sum(s[c] * v for s, v in zip(chosen, vectors, strict=True)) / len(vectors)
            torch.testing.assert_close(prototypes[b, c], mean)
            values = [max(cosine(v, mean), 0) if mean.any() else 0.0 for v in vectors]
            values = torch.tensor(values, dtype=F64)
            torch.testing.assert_close(found[b, c].flatten(), values)
    assert not found[1, 1:3].any()  # absent


def test_the_background_must_overlap_twice_as_much():
    """A pixel like itself alone: overlaps are 2/3 halved against 0.4 and 0.3."""
    similarity = torch.ones(1, 1, 1, 1)
    maps = torch.tensor([2 / 3, 0.4, 0.3]).view(1, 3, 1, 1)
    assert instance_seeds(similarity, maps, torch.ones(1, 3, 1, 1)).flatten().tolist() == [0, 1, 0]
    maps[:, 1] = 0.3
    assert instance_seeds(similarity, maps, torch.ones(1, 3, 1, 1)).flatten().tolist() == [1, 0, 0]


def test_the_choice_is_among_absent_classes_too():
    """The pixel is most like an absent class, so nobody gets it."""
    maps = torch.tensor([0.1, 0.9, 0.5]).view(1, 3, 1, 1)
    mask = torch.tensor([1.0, 0, 1]).view(1, 3, 1, 1)
    assert not instance_seeds(torch.ones(1, 2, 1, 1), maps, mask).any()


def test_a_batch_is_its_images_one_by_one():
    features, maps, mask = scene((3, 4))
    both = instance_seeds(features, maps, mask)
    for b in range(2):
        part = slice(b, b + 1)
        assert both[part].equal(instance_seeds(features[part], maps[part], mask[part]))


def test_the_length_of_features_and_prototypes_does_not_matter():
    features, maps, mask = scene((3, 4))
    longer = features * 1e3
    assert instance_seeds(longer, maps, mask).equal(instance_seeds(features, maps, mask))
    prototypes = torch.randn(2, 4, 5, dtype=F64)
    close = torch.testing.assert_close
    close(prototype_maps(longer, prototypes * 7), prototype_maps(features, prototypes))


def test_nothing_is_not_a_number_where_nothing_is():
    zeros = torch.zeros(1, 4, 2, 2)
    assert not map_overlap(pixel_similarity(zeros), torch.zeros(1, 3, 2, 2)).any()
    assert not prototype_maps(zeros, torch.zeros(1, 3, 4)).any()


def test_consistency_by_hand():
    found = torch.tensor([1.0, 0.0, 0.5, 0.25]).view(1, 2, 1, 2)
    maps = torch.tensor([0.5, 0.5, 0.5, 1.0]).view(1, 2, 1, 2)
    assert prototype_consistency(found, maps).item() == pytest.approx(1.75 / 4)


def test_gradients():
    features, _, _ = scene((2, 3))
    prototypes = torch.randn(2, 4, 5, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(prototype_maps, (features.requires_grad_(), prototypes))
