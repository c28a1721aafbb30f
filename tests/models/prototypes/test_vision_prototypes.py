import copy
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from mmengine import dist
from torch import distributed
from torch.multiprocessing import start_processes

from mmwsss.functional import vision_prototypes as vpl
from mmwsss.models.prototypes import VisionPrototypes
from mmwsss.registry import MODELS

SIZE = {'num_classes': 3, 'num_background': 2, 'embed_dims': 6}
SOFT = {'tau_text': 0.2, 'tau_image': 0.3, 'iterations': 30, 'phi': 0.5, 'solver': 'gradient'}


def text():
    return F.normalize(torch.randn(5, 6, generator=torch.Generator().manual_seed(7)), dim=1)


def batch(seed=0, images=4):
    generator = torch.Generator().manual_seed(seed)
    features = F.normalize(torch.randn(images, 6, 3, 4, generator=generator), dim=1)
    label = (torch.rand(images, 3, generator=generator) > 0.4).float()
    label[:, 0] = 1
    return features, torch.rand(images, 3, 3, 4, generator=generator), label


def build(**options):
    prototypes = VisionPrototypes(**SIZE, **{**SOFT, **options})
    prototypes.set_text(text())
    return prototypes


def allowed_of(label, background=2):
    return torch.cat([label > 0, torch.ones(len(label), background).bool()], dim=1)


def test_it_is_in_the_registry_with_the_numbers_of_the_paper():
    prototypes = MODELS.build({'type': 'mmwsss.VisionPrototypes', 'num_classes': 20})
    assert prototypes.vectors.shape == prototypes.text.shape == (45, 512)
    assert not prototypes.fitted
    names = ('phi', 'harden', 'tau_text', 'tau_image', 'lr', 'iterations')
    settings = prototypes.settings
    assert [getattr(settings, name) for name in names] == [0.4, 0.6, 0.01, 0.03, 10, 3000]
    assert (settings.columns, settings.sample) == ('classes', 'region')
    assert (settings.regularization, settings.solver) == ('instance', 'lbfgs')
    assert not list(prototypes.parameters())


def test_before_the_fit_they_are_the_text_prototypes():
    prototypes = VisionPrototypes(**SIZE)
    prototypes.set_text(3 * text())
    torch.testing.assert_close(prototypes.text, text())
    assert prototypes.vectors.equal(prototypes.text)
    with pytest.raises(ValueError, match=r'\(4, 6\) for \(5, 6\)'):
        prototypes.set_text(text()[:4])


@pytest.mark.parametrize('normalize', [True, False])
def test_the_fit_is_the_recipe_on_the_regions_of_all_batches(normalize):
    prototypes = build(normalize=normalize, columns='all')
    parts = [batch(0), batch(1, images=2)]
    for part in parts:
        prototypes.collect(*part)
    figures = prototypes.fit()
    features, cam, label = (torch.cat(column) for column in zip(*parts, strict=True))
    x, image_index, _ = vpl.region_vectors(features, cam, label, 0.5, normalize)
    target = vpl.target_distribution(x, text(), allowed_of(label[image_index]), 0.2, 0.6)
    expected = vpl.fit_by_projected_gradient(x, target, text(), 0.3, 10.0, 30)
    torch.testing.assert_close(prototypes.vectors, expected.prototypes)
    torch.testing.assert_close(torch.tensor(prototypes.curve), expected.curve, rtol=1e-4, atol=0)
    assert prototypes.fitted and prototypes.text.equal(F.normalize(text(), dim=1))
    assert figures['rows'] == len(x) and figures['step'] == expected.step
    for name, value in (
        ('kl_start', prototypes.curve[0]),
        ('kl_peak', max(prototypes.curve)),
        ('kl_end', prototypes.curve[-1]),
        ('gap_before', vpl.modality_gap(x, text()[:3])),
        ('gap_after', vpl.modality_gap(x, expected.prototypes[:3])),
    ):
        assert figures[name] == pytest.approx(float(value)), name


def test_a_fit_begins_at_the_text_and_forgets_what_it_was_fitted_to():
    once, twice = build(), build()
    once.collect(*batch(1))
    twice.collect(*batch(0))
    twice.fit()
    twice.collect(*batch(1))
    assert once.fit() == twice.fit()
    assert once.vectors.equal(twice.vectors)


def test_class_level_targets():
    prototypes = build(regularization='class')
    prototypes.collect(*batch())
    prototypes.fit()
    x, _, class_index = vpl.region_vectors(*batch(), 0.5)
    target = vpl.class_level_targets(class_index, text()[:3], 0.2, 0.6)
    expected = vpl.fit_by_projected_gradient(x, target, text()[:3], 0.3, 10.0, 30)
    torch.testing.assert_close(prototypes.vectors[:3], expected.prototypes)


def test_the_classes_alone_learn_by_default():
    prototypes = build()
    prototypes.collect(*batch())
    prototypes.fit()
    x, image_index, _ = vpl.region_vectors(*batch(), 0.5)
    allowed = allowed_of(batch()[2][image_index], 0)
    target = vpl.target_distribution(x, text()[:3], allowed, 0.2, 0.6)
    expected = vpl.fit_by_projected_gradient(x, target, text()[:3], 0.3, 10.0, 30)
    torch.testing.assert_close(prototypes.vectors[:3], expected.prototypes)
    torch.testing.assert_close(prototypes.vectors[3:], text()[3:])


def boat_scene():
    """Regions of a boat, a train and a bird, each from an image of its own, and their text.

    The region of the boat has a cosine of .23 with "boat" and of .51 with the background name
    "water"; the others are nearest to their own class. All regions share a direction, as CLIP's do.
    """
    axes = torch.eye(10)
    regions = 0.8 * axes[0] + 0.6 * axes[1:4]  # (3, 10)
    cosines = torch.tensor(
        [[0.23, 0.18, 0.18], [0.18, 0.3, 0.18], [0.18, 0.18, 0.3], [0.51, 0.2, 0.2], [0.2] * 3]
    )
    shared = cosines @ torch.linalg.pinv(regions).T  # (5, 10): the part that the regions see
    rest = (1 - shared.square().sum(dim=1, keepdim=True)).sqrt() * axes[4:9]
    return regions, shared + rest


@pytest.mark.parametrize(
    ('options', 'low', 'high'),
    [
        ({}, 0.45, 0.55),
        ({'columns': 'all'}, 0, 0.15),
        ({'solver': 'gradient'}, 0.6, 0.75),
        ({'solver': 'gradient', 'columns': 'all'}, -0.75, -0.6),
        ({'solver': 'gradient', 'regularization': 'class'}, 0.6, 0.75),
    ],
)
def test_a_background_name_does_not_push_a_class_away_from_its_region(options, low, high):
    """With all columns the margin of .28 hardens the boat's target to "water"."""
    regions, names = boat_scene()
    torch.testing.assert_close(
        regions @ names[[0, 3]].T, torch.tensor([[0.23, 0.51]] + [[0.18, 0.2]] * 2)
    )
    prototypes = VisionPrototypes(num_classes=3, num_background=2, embed_dims=10, **options)
    prototypes.set_text(names)
    maps = regions[:, :, None, None].expand(3, 10, 2, 2)
    prototypes.collect(maps, torch.eye(3)[:, :, None, None].expand(3, 3, 2, 2), torch.eye(3))
    prototypes.fit()
    assert low < float(regions[0] @ prototypes.vectors[0]) < high


def test_pixels_and_images_as_examples():
    features, cam, label = batch()
    pixels = build(sample='pixel', num_pixels=2)
    torch.manual_seed(0)
    pixels.collect(features, cam, label)
    torch.manual_seed(0)
    x, *_ = vpl.pixel_vectors(features, cam, label, 0.5, 2)
    assert pixels.fit()['rows'] == len(x)
    images = build(sample='image')
    valid = torch.ones(4, 1, 3, 4)
    valid[2, :, 1:] = 0
    images.collect(features, cam, label, valid)
    figures = images.fit()
    gap = vpl.modality_gap(vpl.image_vectors(features, valid), text()[:3])
    assert figures['rows'] == 4 and figures['gap_before'] == pytest.approx(float(gap))
    images.collect(features, cam, label)
    gap = vpl.modality_gap(vpl.image_vectors(features, torch.ones_like(valid)), text()[:3])
    assert images.fit()['gap_before'] == pytest.approx(float(gap))


def test_the_other_solver():
    quick, slow = build(solver='lbfgs'), build(iterations=2000)
    ends = []
    for prototypes in (quick, slow):
        prototypes.collect(*batch())
        ends.append(prototypes.fit()['kl_end'])
    assert len(quick.curve) < 300 and len(slow.curve) == 2001
    assert ends[0] == pytest.approx(ends[1], rel=1e-2)


def test_without_an_iteration_of_any_solver_the_text_prototypes_stay():
    for solver in ('gradient', 'lbfgs'):
        prototypes = build(solver=solver, iterations=0)
        prototypes.collect(*batch())
        prototypes.fit()
        torch.testing.assert_close(prototypes.vectors, text())


def test_text_can_be_moved_across_the_gap_instead():
    moved = build(solver='shift', shift=0.5, columns='all')
    moved.collect(*batch())
    figures = moved.fit()
    assert figures['gap_after'] < figures['gap_before'] and len(moved.curve) == 2
    assert (moved.vectors - text()).abs().amax(dim=1).min() > 0.01  # the background, too
    stays = build(solver='shift', shift=0)
    stays.collect(*batch())
    stays.fit()
    torch.testing.assert_close(stays.vectors, text())


def test_half_precision_maps_are_fitted_in_single():
    prototypes = build()
    prototypes.collect(*(part.half() for part in batch()))
    prototypes.fit()
    assert prototypes.vectors.dtype == torch.float32
    torch.testing.assert_close(prototypes.vectors.norm(dim=1), torch.ones(5))


def test_nothing_collected_says_what_to_do():
    prototypes = build(phi=1.0)
    with pytest.raises(ValueError, match='lower phi'):
        prototypes.fit()
    prototypes.collect(*batch())
    with pytest.raises(ValueError, match='lower phi'):
        prototypes.fit()
    assert not prototypes.fitted


def test_fitted_prototypes_travel_in_the_checkpoint_and_keep_their_text():
    prototypes, loaded = build(), VisionPrototypes(**SIZE)
    prototypes.collect(*batch())
    prototypes.fit()
    loaded.load_state_dict(copy.deepcopy(prototypes.state_dict()))
    assert loaded.fitted and loaded.vectors.equal(prototypes.vectors)
    loaded.set_text(text() + 1e-6)
    assert loaded.vectors.equal(prototypes.vectors)
    with pytest.raises(ValueError, match='fitted from other text'):
        loaded.set_text(text().roll(1, dims=0))
    with pytest.raises(ValueError, match='5 classes and the model 6'):
        VisionPrototypes(4, 2, 6).load_state_dict(prototypes.state_dict())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'sample': 'patch'}, r"prototypes.sample is 'patch'; choose one of region, pixel"),
        ({'solver': 'adam'}, 'solver'),
        ({'columns': 'none'}, 'columns'),
        ({'regularization': 'both'}, 'regularization'),
        ({'phi': 1.5}, r'phi is 1.5; it must lie in \[0, 1\]'),
        ({'tau_image': 0}, 'tau_image'),
        ({'iterations': -1}, 'iterations'),
        ({'sample': 'image', 'regularization': 'class'}, 'one class each'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        VisionPrototypes(3, **options)


def dealt(whole):
    """Deal the images of a batch to two processes."""
    return [[part[rank::2] for part in whole] for rank in range(2)]


def work(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=2
    )
    results = []
    for shares in (dealt(batch(0)), (batch(0), None)):
        prototypes = build(regularization='class')
        assert dist.get_world_size() == 2
        if shares[rank] is not None:  # the second time, rank 1 has nothing
            prototypes.collect(*shares[rank])
        figures = prototypes.fit()
        results.append((figures, prototypes.state_dict(), prototypes.curve))
    torch.save(results, f'{folder}/{rank}.pt')
    distributed.barrier()
    distributed.destroy_process_group()


def test_two_processes_are_one(tmp_path):
    subprocess.run([sys.executable, __file__, str(tmp_path)], check=True, timeout=120)
    first, second = (torch.load(tmp_path / f'{rank}.pt') for rank in range(2))
    for turn in range(2):
        alone = build(regularization='class')
        alone.collect(*batch(0))
        figures = alone.fit()
        assert first[turn][0] == second[turn][0] == figures
        assert first[turn][2] == second[turn][2] == alone.curve
        for name, value in alone.state_dict().items():
            assert all(rank[turn][1][name].equal(value) for rank in (first, second)), name


if __name__ == '__main__':
    # a fresh interpreter that has computed nothing may fork, and imports once for both ranks
    start_processes(work, (sys.argv[1],), nprocs=2, start_method='fork')


def test_places_of_images_go_on_from_batch_to_batch(monkeypatch):
    """They say in which order the examples of several processes are fitted."""
    from mmwsss.models.prototypes import vision_prototypes as module

    seen = []

    def record(rows, index, place):
        seen.append(place)
        return rows, index

    monkeypatch.setattr(module, 'gather_rows', record)
    prototypes = build(sample='image')
    for _ in range(2):
        prototypes.collect(*batch(images=3))
        prototypes.collect(*batch(images=2))
        prototypes.fit()
    assert [place.tolist() for place in seen] == [[0, 1, 2, 3, 4]] * 4


def test_the_settings_of_a_region_reach_it():
    loose, strict = build(phi=0.1), build(phi=0.9)
    for prototypes in (loose, strict):
        prototypes.collect(*batch())
    rows = [prototypes.fit()['rows'] for prototypes in (loose, strict)]
    assert rows[0] > rows[1]
    pixels = [build(sample='pixel', num_pixels=number, phi=0.0) for number in (1, 99)]
    for prototypes in pixels:
        prototypes.collect(*batch())
    rows = [prototypes.fit()['rows'] for prototypes in pixels]
    assert rows == [int(batch()[2].sum()), 12 * int(batch()[2].sum())]


def test_means_of_images_are_normalised_or_not():
    gaps = []
    for normalize in (True, False):
        prototypes = build(sample='image', normalize=normalize)
        prototypes.collect(*batch())
        x = vpl.image_vectors(batch()[0], torch.ones(4, 1, 3, 4), normalize)
        gaps.append(prototypes.fit()['gap_before'])
        assert gaps[-1] == pytest.approx(float(vpl.modality_gap(x, text()[:3])))
    assert gaps[0] != pytest.approx(gaps[1])


@pytest.mark.parametrize('solver', ['gradient', 'lbfgs', 'shift'])
def test_every_solver_is_told_its_settings(solver):
    prototypes = build(solver=solver, lr=3.0, tau_image=0.4, shift=0.2, columns='classes')
    prototypes.collect(*batch())
    prototypes.fit()
    x, image_index, _ = vpl.region_vectors(*batch(), 0.5)
    start = text()[:3]
    target = vpl.target_distribution(x, start, allowed_of(batch()[2][image_index], 0), 0.2, 0.6)
    expected = {
        'gradient': lambda: vpl.fit_by_projected_gradient(x, target, start, 0.4, 3.0, 30),
        'lbfgs': lambda: vpl.fit_by_lbfgs(x, target, start, 0.4),
        'shift': lambda: vpl.fit_by_shift(x, target, start, 0.4, 0.2),
    }[solver]()
    torch.testing.assert_close(prototypes.vectors[:3], expected.prototypes)
    torch.testing.assert_close(torch.tensor(prototypes.curve), expected.curve, rtol=1e-4, atol=0)
