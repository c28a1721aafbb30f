import numpy as np
import pytest

from mmwsss.seeds import Seed, auto_threshold, save_seed


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
