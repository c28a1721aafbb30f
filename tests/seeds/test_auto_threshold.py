import numpy as np
import pytest

from mmwsss.seeds import Seed, auto_threshold, load_seed, save_seed


def write(folder, *maps, classes=(0, 1)):
    paths = []
    for number, cam in enumerate(maps):
        paths.append(folder / f'{number}.npz')
        save_seed(paths[-1], Seed(np.array(classes[: len(cam)], dtype=int), cam, (8, 12)))
    return paths


def two_valued(low, high, share):
    """Two classes; the strongest of both is high on a share of the columns, and else low."""
    cam = np.zeros((2, 8, 12), dtype=np.float32)
    cam[0], cam[1] = low, low / 2
    cam[1, :, : round(12 * share)] = high
    return cam


def test_the_threshold_lies_between_objects_and_ground(tmp_path):
    paths = write(tmp_path, two_valued(0.3, 0.7, 0.25), two_valued(0.25, 0.8, 0.5))
    found = auto_threshold(paths, 'cam')
    assert 0.3 <= found['threshold'] < 0.7
    assert len(found['thresholds']) == len(found['separation']) == 101
    best = found['thresholds'].index(found['threshold'])
    assert found['separation'][best] == 1 == max(found['separation'])
    assert found['separation'][0] == 0 == found['separation'][90]


def test_images_of_background_change_nothing(tmp_path):
    paths = write(tmp_path, two_valued(0.3, 0.7, 0.25), np.zeros((0, 8, 12), dtype=np.float32))
    assert auto_threshold(paths, 'cam') == auto_threshold(paths[:1], 'cam')
    with pytest.raises(ValueError, match='no seed has a class'):
        auto_threshold(paths[1:], 'cam')


def test_seeds_that_say_nothing_are_refused(tmp_path):
    paths = write(tmp_path, np.full((1, 8, 12), 0.5, dtype=np.float32))
    with pytest.raises(ValueError, match='has learnt nothing'):
        auto_threshold(paths, 'cam')


def naive_otsu(images):
    """Otsu on pixels that weigh as much as their image does, over the thresholds 0.00 to 1.00."""
    best, chosen = -1.0, None
    for step in range(101):
        threshold = np.float32(step / 100)
        shares, sums = [0.0, 0.0], [0.0, 0.0]
        for strongest in images:
            for score in strongest.ravel():
                side = int(score > threshold)
                shares[side] += 1 / strongest.size / len(images)
                sums[side] += float(score) / strongest.size / len(images)
        if min(shares) > 1e-9:
            means = [total / share for total, share in zip(sums, shares, strict=True)]
            variance = shares[0] * shares[1] * (means[0] - means[1]) ** 2
            if variance > best + 1e-9:
                best, chosen = variance, step / 100
    return chosen


def test_images_weigh_alike_whatever_their_size_and_the_source_is_the_one_asked_for(tmp_path):
    rng = np.random.default_rng(0)
    maps = [rng.random((2, 4, 5)) ** 3, rng.random((2, 16, 20))]
    other = [rng.random(each.shape) ** 0.3 for each in maps]
    paths = []
    for number, (cam, pacam) in enumerate(zip(maps, other, strict=True)):
        paths.append(tmp_path / f'{number}.npz')
        save_seed(paths[-1], Seed(np.array([0, 1]), cam, (16, 20), pacam=pacam))
    for source in ('cam', 'pacam', 'sum'):
        strongest = [load_seed(path).maps(source).max(axis=0) for path in paths]
        assert auto_threshold(paths, source)['threshold'] == naive_otsu(strongest)
