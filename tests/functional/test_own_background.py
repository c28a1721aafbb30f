"""Ownership and the background's share against plain loops."""

import math

import pytest
import torch

from mmwsss.functional.own_background import background_share, owned_pixels, with_background

F64 = torch.float64
SIZES = [(3, 4), (4, 2), (1, 1)]
LABEL = torch.tensor([[1, 0, 1], [0, 1, 0]])


def scene(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, 5, *size, generator=generator, dtype=F64)
    cam = torch.rand(2, 3, *size, generator=generator, dtype=F64)
    valid = torch.ones(2, 1, *size, dtype=F64)
    if size[1] > 2:
        valid[1, :, :, -1] = 0
    return features, cam, valid


def naive_maps(cam, label, valid):
    """Background and present classes of one image: a list of (N + 1) values by pixel."""
    out = {}
    for y in range(cam.shape[1]):
        for x in range(cam.shape[2]):
            if valid[0, y, x]:
                values = [float(c) if n else 0.0 for c, n in zip(cam[:, y, x], label, strict=True)]
                out[y, x] = [1 - max(values), *values]
    return out


def cosine(a, b):
    lengths = [math.sqrt(sum(float(v) ** 2 for v in vector)) + 1e-5 for vector in (a, b)]
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    return dot / (lengths[0] * lengths[1])


@pytest.mark.parametrize('size', SIZES)
def test_the_background_comes_first(size):
    _, cam, valid = scene(size)
    maps = with_background(cam, LABEL, valid)
    for b in range(2):
        expected = torch.zeros(4, *size, dtype=F64)
        for (y, x), values in naive_maps(cam[b], LABEL[b], valid[b]).items():
            expected[:, y, x] = torch.tensor(values, dtype=F64)
        torch.testing.assert_close(maps[b], expected)


@pytest.mark.parametrize('size', SIZES)
def test_ownership_in_plain_loops(size):
    owners = set()
    for seed in range(4):
        features, cam, valid = scene(size, seed)
        owned = owned_pixels(features, with_background(cam, LABEL, valid), LABEL, valid)
        for b in range(2):
            maps = naive_maps(cam[b], LABEL[b], valid[b])
            expected = torch.zeros(4, *size, dtype=F64)
            for y, x in maps:
                like = {
                    (v, u): max(cosine(features[b, :, y, x], features[b, :, v, u]), 0)
                    for v, u in maps
                }
                overlaps = {}
                for n in [0, *(n + 1 for n in range(3) if LABEL[b, n])]:
                    shared = sum(like[j] * maps[j][n] for j in maps)
                    union = sum(like.values()) + sum(maps[j][n] for j in maps) - shared
                    overlaps[n] = shared / union * (0.5 if n == 0 else 1)
                best = max(overlaps, key=overlaps.get)
                expected[best, y, x] = 1
                owners.add(best)
            assert owned[b].equal(expected)
    assert size == (1, 1) or owners == {0, 1, 2, 3}  # the scenes are not trivial


def test_the_padding_owns_nothing_and_says_nothing():
    features, cam, valid = scene((3, 4))
    loud = torch.where(valid > 0, features, 50.0)
    owned = [
        owned_pixels(z, with_background(cam, LABEL, valid), LABEL, valid) for z in (features, loud)
    ]
    assert owned[0].equal(owned[1])
    assert owned[0].sum(dim=1, keepdim=True).equal(valid)


def naive_share(values):
    ground, *classes = values
    total = ground + max(classes, default=0.0)
    if total == 0:
        return [1.0] + [0.0] * len(classes)
    return [value / total for value in values]


@pytest.mark.parametrize('classes', [0, 1, 3])
@pytest.mark.parametrize('size', SIZES)
def test_background_share_in_plain_loops(size, classes):
    maps = torch.rand(1 + classes, *size, dtype=F64)
    maps[:, 0, 0] = 0
    share = background_share(maps)
    for y in range(size[0]):
        for x in range(size[1]):
            expected = naive_share(maps[:, y, x].tolist())
            torch.testing.assert_close(share[:, y, x].tolist(), expected)


def test_a_score_over_one_half_is_the_argmax():
    maps = torch.rand(4, 20, 30, dtype=F64)
    share = background_share(maps)
    assert share.argmax(dim=0).equal(maps.argmax(dim=0))
    assert (share[1:].amax(dim=0) > 0.5).equal(maps.argmax(dim=0) > 0)
    assert share.min() >= 0
    assert share.max() <= 1
