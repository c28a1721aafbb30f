import numpy as np
import pytest
import torch

from mmwsss.functional.clip_es import attention_affinity
from mmwsss.functional.key_affinity import cosine_affinity, softmax_affinity
from mmwsss.seeds.files import Seed, resize_maps
from mmwsss.seeds.spread import Patches, SpreadSettings, patch_transition, spread_seed

RNG = np.random.default_rng(0)
GRID, SIZE = (3, 4), (24, 32)
# patches of two kinds, left and right
KEYS = torch.tensor([[1.0, 0.1], [1.0, 0.1], [-0.1, 1.0], [-0.1, 1.0]]).repeat(3, 1)
PATCHES = Patches(GRID, keys=KEYS)


def make_seed(**maps):
    cam = np.zeros((1, 6, 8), dtype=np.float32)
    cam[0, 2:4, :2] = 0.8  # one patch of the left
    return Seed(classes=[5], cam=cam, size=SIZE, **maps)


def test_a_part_spreads_to_what_is_like_it():
    found = spread_seed(make_seed(), PATCHES, SpreadSettings())
    assert found.size == SIZE and found.classes.tolist() == [5]
    assert found.cam.shape == (1, 6, 8)
    np.testing.assert_allclose(found.cam[0, :, :3], 1, rtol=1e-3)
    np.testing.assert_allclose(found.cam[0, :, 5:], 0, atol=1e-6)
    assert found.background is None


def test_the_walk_against_plain_products():
    patches = Patches(GRID, keys=torch.from_numpy(RNG.normal(size=(12, 5))).float())
    cam = RNG.random((2, 3, 4)).astype(np.float32)  # on the grid of the patches
    seed = Seed(classes=[1, 3], cam=cam, pacam=cam[::-1], size=SIZE)
    settings = SpreadSettings(source='pacam', threshold=0.5, steps=3)
    affinity = cosine_affinity(patches.keys[None], 0.5)[0].numpy()
    transition = affinity / affinity.sum(axis=1, keepdims=True)
    expected = np.linalg.matrix_power(transition, 3) @ cam[::-1].reshape(2, 12).T
    found = spread_seed(seed, patches, settings).cam.reshape(2, 12).T
    np.testing.assert_allclose(found, expected / expected.max(axis=0), rtol=1e-4)


def test_a_background_of_the_seed_walks_along_and_nothing_is_stretched():
    background = np.full((6, 8), 0.3, dtype=np.float32)
    found = spread_seed(make_seed(background=background), PATCHES, SpreadSettings())
    np.testing.assert_allclose(found.background, 0.3, rtol=1e-5)
    np.testing.assert_allclose(found.cam[0, :, :3], 0.8 / 6, rtol=1e-5)


@pytest.mark.parametrize(
    ('changes', 'affinity'),
    [
        ({'threshold': 0.9}, cosine_affinity(KEYS[None], 0.9)),
        ({'affinity': 'softmax', 'temperature': 0.4}, softmax_affinity(KEYS[None], 0.4)),
        ({'affinity': 'attention'}, torch.rand(1, 12, 12)),
    ],
)
def test_every_affinity_reaches_the_walk(changes, affinity):
    patches = Patches(GRID, keys=KEYS, attention=affinity[0])
    found = patch_transition(patches, SpreadSettings(**changes))
    torch.testing.assert_close(found, affinity / affinity.sum(dim=-1, keepdim=True))
    found = patch_transition(patches, SpreadSettings(**changes, transition='sinkhorn'))
    torch.testing.assert_close(found, attention_affinity(affinity))


def test_an_image_without_classes_stays():
    seed = Seed(classes=[], cam=np.zeros((0, 6, 8)), size=SIZE)
    assert spread_seed(seed, PATCHES, SpreadSettings()).cam.shape == (0, 6, 8)


def test_maps_that_cover_more_than_the_image_still_do():
    assert spread_seed(make_seed(extent=(28, 32)), PATCHES, SpreadSettings()).extent == (28, 32)
    own = make_seed(extent=(28, 32), background=np.full((6, 8), 0.3))
    assert spread_seed(own, PATCHES, SpreadSettings()).extent == (28, 32)


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match="affinity is 'keys'; choose one of cosine, softmax"):
        SpreadSettings(affinity='keys')
    with pytest.raises(ValueError, match='threshold is 2; it must lie in'):
        SpreadSettings(threshold=2)


def test_cells_are_averaged_over_their_patch_and_maps_come_back_bilinearly():
    """Each patch is like itself alone, so that the walk changes nothing."""
    keys = torch.eye(12)
    cam = RNG.random((2, 6, 8)).astype(np.float32)
    background = RNG.random((6, 8)).astype(np.float32)
    seed = Seed(classes=[1, 3], cam=cam, size=SIZE, background=background)
    found = spread_seed(seed, Patches(GRID, keys=keys), SpreadSettings(threshold=1.0))
    planes = np.stack([background, *cam])
    patches = planes.reshape(3, 3, 2, 4, 2).mean(axis=(2, 4))
    fine = resize_maps(patches, (6, 8))
    np.testing.assert_allclose(found.background, fine[0], atol=1e-5)
    np.testing.assert_allclose(found.cam, fine[1:], atol=1e-5)


def test_the_background_of_the_pacam_walks_with_the_pacam_alone():
    pacam, ground = np.full((1, 6, 8), 0.6), np.full((6, 8), 0.3, dtype=np.float32)
    seed = make_seed(pacam=pacam, pacam_background=ground)
    found = spread_seed(seed, PATCHES, SpreadSettings(source='pacam'))
    np.testing.assert_allclose(found.background, 0.3, rtol=1e-5)
    np.testing.assert_allclose(found.cam, 0.6, rtol=1e-5)
    assert spread_seed(seed, PATCHES, SpreadSettings()).background is None
