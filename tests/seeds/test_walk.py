import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmwsss.functional.random_walk import normalize_walk, random_walk
from mmwsss.seeds.files import Seed
from mmwsss.seeds.walk import WalkSettings, walk_seed


@pytest.fixture
def edge():
    return torch.rand(5, 7, generator=torch.Generator().manual_seed(0))


def seed_of(grid=(5, 7), classes=(1, 3), size=(18, 27)):
    rng = np.random.default_rng(0)
    shape = (len(classes), *grid)
    return Seed(np.array(classes, dtype=int), rng.random(shape), size, pacam=rng.random(shape))


def test_the_maps_walk_and_share_one_maximum(edge):
    seed = seed_of()
    walked = walk_seed(seed, edge, WalkSettings(steps=8))
    expected = random_walk(torch.from_numpy(seed.cam), edge, steps=8)
    np.testing.assert_allclose(walked.cam, normalize_walk(expected, (18, 27)), atol=1e-6)
    assert walked.classes.tolist() == [1, 3]
    assert walked.size == (18, 27)
    assert walked.pacam is None
    assert walked.cam.max() == 1
    assert walked.cam.max(axis=(1, 2)).min() < 1  # no class has a maximum of its own


def test_source_and_power(edge):
    seed = seed_of()
    walked = walk_seed(seed, edge, WalkSettings(source='pacam', power=1.5, steps=3))
    expected = random_walk(torch.from_numpy(seed.pacam) ** 1.5, edge, steps=3)
    np.testing.assert_allclose(walked.cam, normalize_walk(expected, (18, 27)), atol=1e-6)


def test_full_size_is_four_times_larger_and_cropped(edge):
    seed = seed_of()
    walked = walk_seed(seed, edge, WalkSettings(steps=3, full_size=True))
    maps = random_walk(torch.from_numpy(seed.cam), edge, steps=3)
    large = F.interpolate(maps[None], scale_factor=4, mode='bilinear', align_corners=False)[0]
    large = large[:, :18, :27]
    np.testing.assert_allclose(walked.cam, large / large.max(), atol=1e-6)


def test_a_seed_on_another_grid_is_resized(edge):
    walked = walk_seed(seed_of(grid=(18, 27)), edge, WalkSettings(steps=1))
    assert walked.cam.shape == (2, 5, 7)


@pytest.mark.parametrize('full_size', [False, True])
def test_an_image_without_classes(edge, full_size):
    walked = walk_seed(seed_of(classes=()), edge, WalkSettings(full_size=full_size))
    assert walked.cam.shape == (0, *((18, 27) if full_size else (5, 7)))


def test_an_empty_map_stays_empty(edge):
    seed = Seed(np.array([2]), np.zeros((1, 5, 7)), (18, 27))
    assert not walk_seed(seed, edge, WalkSettings(steps=2)).cam.any()


def test_boundaries_of_a_crop_are_refused(edge):
    with pytest.raises(ValueError, match='not of the same part of the image'):
        walk_seed(seed_of(grid=(40, 7), size=(160, 27)), edge, WalkSettings(steps=1))


def test_boundaries_of_half_the_resolution_are_taken():
    seed = seed_of(grid=(94, 125), size=(375, 500))
    assert walk_seed(seed, torch.rand(47, 63), WalkSettings(steps=1)).cam.shape == (2, 47, 63)


@pytest.mark.parametrize('full_size', [False, True])
def test_an_own_background_walks_along(edge, full_size):
    seed = seed_of()
    seed.pacam_background = np.random.default_rng(1).random((5, 7), dtype=np.float32)
    settings = WalkSettings('pacam', steps=3, full_size=full_size)
    walked = walk_seed(seed, edge, settings)
    maps = random_walk(
        torch.from_numpy(np.concatenate([seed.pacam_background[None], seed.pacam])), edge, steps=3
    )
    if full_size:
        maps = F.interpolate(maps[None], scale_factor=4, mode='bilinear', align_corners=False)[0]
        maps = maps[:, :18, :27]
    planes = np.concatenate([walked.background[None], walked.cam])
    total = maps[0] + maps[1:].amax(dim=0)
    np.testing.assert_allclose(planes, maps / total, atol=1e-5)
    assert set(np.unique(planes.argmax(axis=0))) > {0}
    assert walk_seed(seed, edge, WalkSettings(steps=3)).background is None  # of the cam


@pytest.mark.parametrize('source', ['cam', 'pacam'])
def test_maps_on_the_grid_are_read_as_those_of_full_size(edge, source):
    """Cells above the maximum of the image are cut off, and shares are taken before enlarging."""
    seed = seed_of()
    if source == 'pacam':
        seed.pacam_background = np.random.default_rng(1).random((5, 7), dtype=np.float32)
    small = walk_seed(seed, edge, WalkSettings(source, steps=3))
    large = walk_seed(seed, edge, WalkSettings(source, steps=3, full_size=True))
    assert small.extent == (20, 28)
    assert large.extent is None
    read, whole = small.full_size('cam'), large.full_size('cam')
    assert read.shape == whole.shape == (2, 18, 27)
    if source == 'cam':
        below = (whole < 0.5).all(axis=0)
        assert below.mean() > 0.2
        np.testing.assert_allclose(read[:, below], whole[:, below], atol=0.02)
        np.testing.assert_array_equal(read.argmax(axis=0), whole.argmax(axis=0))
    else:
        pairs = (small.full_size_background('cam'), large.full_size_background('cam'))
        assert np.mean((read.max(0) > pairs[0]) == (whole.max(0) > pairs[1])) > 0.94  # of noise


def test_a_grid_that_is_not_of_stride_4_has_no_extent():
    seed = seed_of(grid=(94, 125), size=(375, 500))
    assert walk_seed(seed, torch.rand(47, 63), WalkSettings(steps=1)).extent is None


@pytest.mark.parametrize('source', ['cam', 'pacam'])
def test_radius_steps_and_both_exponents(edge, source):
    seed = seed_of()
    seed.pacam_background = np.random.default_rng(1).random((5, 7), dtype=np.float32)
    settings = WalkSettings(source, power=2.0, radius=3, beta=4.0, steps=2)
    walked = walk_seed(seed, edge, settings)
    planes = seed.cam if source == 'cam' else [seed.pacam_background, *seed.pacam]
    maps = random_walk(torch.from_numpy(np.stack(planes)) ** 2.0, edge, 3, 4.0, 2)
    if source == 'cam':
        expected = normalize_walk(maps, (18, 27))
        np.testing.assert_allclose(walked.cam, expected, atol=1e-6)
    else:
        total = maps[0] + maps[1:].amax(dim=0)
        np.testing.assert_allclose(walked.cam, maps[1:] / total, atol=1e-5)
        assert walked.extent == (20, 28) and walked.size == (18, 27)
        assert walked.classes.tolist() == [1, 3]


def test_a_seed_on_another_grid_is_resized_bilinearly(edge):
    seed = seed_of(grid=(10, 14))
    halved = seed.cam.reshape(2, 5, 2, 7, 2).mean(axis=(2, 4))
    coarse = Seed(seed.classes, halved, seed.size)
    settings = WalkSettings(steps=1)
    fine, expected = (walk_seed(each, edge, settings).cam for each in (seed, coarse))
    np.testing.assert_allclose(fine, expected, atol=1e-6)


@pytest.mark.parametrize(
    ('size', 'extent'),
    [
        ((20, 28), (20, 28)),
        ((17, 25), (20, 28)),
        ((16, 28), None),
        ((20, 24), None),
        ((21, 28), None),
    ],
)
def test_maps_that_stick_out_by_less_than_a_cell_have_an_extent(edge, size, extent):
    assert walk_seed(seed_of(size=size), edge, WalkSettings(steps=1)).extent == extent


def test_without_an_extent_the_maximum_of_all_maps_is_one():
    seed = seed_of(grid=(6, 8), size=(375, 500))
    edge = torch.rand(6, 8, generator=torch.Generator().manual_seed(0))
    walked = walk_seed(seed, edge, WalkSettings(steps=2))
    maps = random_walk(torch.from_numpy(seed.cam), edge, steps=2)
    assert walked.extent is None
    np.testing.assert_allclose(walked.cam, maps / maps.max(), atol=1e-6)
    with pytest.raises(ValueError, match=r'the seed is 6 x 8, the boundaries are 6 x 30'):
        walk_seed(seed, torch.rand(6, 30), WalkSettings(steps=1))
