import numpy as np
import pytest
from PIL import Image

from mmwsss.seeds import refine
from mmwsss.seeds.crf import ImageCRF, crf_from_labels
from mmwsss.seeds.files import Seed, load_seed, save_seed
from mmwsss.seeds.ir_label import IRLabelSettings, ir_label, make_ir_labels
from mmwsss.seeds.masks import load_mask
from mmwsss.seeds.refine import refine_items
from mmwsss.structures import read_image

WITHOUT_CRF = IRLabelSettings(crf=None)


def seed_of(values, classes=(4,)):
    values = np.asarray(values, dtype=np.float32)
    return Seed(classes=np.array(classes), cam=values, size=values.shape[1:])


def image_of(seed):
    return np.zeros((*seed.size, 3), dtype=np.uint8)


def test_sure_object_sure_background_and_between():
    seed = seed_of([[[0.9, 0.31, 0.29, 0.06, 0.04, 0.0]]])
    # above 0.30: the class; up to 0.05: background; between: unsure
    assert ir_label(image_of(seed), seed, WITHOUT_CRF).tolist() == [[5, 5, 255, 255, 0, 0]]


def test_the_sure_run_decides_the_class():
    seed = seed_of([[[0.9, 0.2]], [[0.4, 0.8]]], classes=(1, 7))
    assert ir_label(image_of(seed), seed, WITHOUT_CRF).tolist() == [[2, 8]]


def test_both_runs_go_through_the_crf_of_the_present_labels():
    rng = np.random.default_rng(0)
    seed = seed_of(rng.random((2, 20, 30)) ** 4, classes=(0, 2))
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    runs = []
    for threshold in (0.30, 0.05):
        scores = np.concatenate([np.full((1, 20, 30), threshold, dtype=np.float32), seed.cam])
        runs.append(crf_from_labels(image, scores.argmax(axis=0), 3).argmax(axis=0))
    expected = np.full((20, 30), 255)
    for y in range(20):
        for x in range(30):
            if runs[0][y, x] > 0:
                expected[y, x] = (0, 1, 3)[runs[0][y, x]]
            elif runs[1][y, x] == 0:
                expected[y, x] = 0
    label = ir_label(image, seed, IRLabelSettings())
    np.testing.assert_array_equal(label, expected)
    assert {0, 255} < set(np.unique(label))  # the case is not trivial


@pytest.mark.parametrize('thresholds', [(0.30, 0.05), (None, None)])
def test_the_lattices_of_an_image_are_built_once(thresholds, monkeypatch):
    planes = np.random.default_rng(0).random((2, 8, 9)).astype(np.float32)
    seed = Seed(np.array([0]), planes[1:], (8, 9), background=planes[0])
    built = []
    monkeypatch.setattr(refine, 'ImageCRF', lambda *given: built.append(1) or ImageCRF(*given))
    ir_label(image_of(seed), seed, IRLabelSettings('cam', *thresholds))
    assert built == [1]


def test_an_image_without_classes_is_background():
    seed = Seed(classes=np.array([], dtype=int), cam=np.zeros((0, 3, 4)), size=(3, 4))
    assert not ir_label(image_of(seed), seed, IRLabelSettings()).any()


@pytest.mark.parametrize(
    ('fg', 'bg', 'message'),
    [
        (
            0.05,
            0.3,
            r'=0\.05 and bg_threshold=0\.3, but bg_threshold must not be above',
        ),
        (15, 0.1, r'fg_threshold is 15; it must lie in \[0, 1\], or be None'),
        (0.3, -0.15, r'bg_threshold is -0\.15; it must lie in'),
        (None, 0.05, 'it takes two numbers, or None for both'),
        (0.3, None, 'it takes two numbers, or None for both'),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(fg, bg, message):
    with pytest.raises(ValueError, match=message):
        IRLabelSettings(fg_threshold=fg, bg_threshold=bg)


@pytest.fixture
def items(tmp_path):
    rng = np.random.default_rng(1)
    for name in 'ab':
        image = rng.integers(0, 256, (8, 12, 3), dtype=np.uint8)
        (tmp_path / 'images').mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / 'images' / f'{name}.jpg')
        seed = Seed(classes=np.array([3]), cam=rng.random((1, 2, 3)), size=(8, 12))
        save_seed(tmp_path / 'seeds' / f'{name}.npz', seed)
    return refine_items(tmp_path / 'seeds', tmp_path / 'images', 'ab')


@pytest.mark.parametrize('processes', [1, 2])
def test_files(items, tmp_path, processes):
    assert make_ir_labels(items, tmp_path / 'out', processes=processes) == 2
    for item in items:
        expected = ir_label(
            read_image(item.image_path), load_seed(item.seed_path), IRLabelSettings()
        )
        np.testing.assert_array_equal(load_mask(tmp_path / 'out' / f'{item.id}.png'), expected)
    assert make_ir_labels(items, tmp_path / 'out', resume=True) == 0


def test_a_missing_seed_is_named_with_the_cure(items, tmp_path):
    items[1].seed_path.unlink()
    with pytest.raises(FileNotFoundError, match=r'b\.npz; run `mmwsss seeds`'):
        make_ir_labels(items, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_an_error_names_the_image(items, tmp_path):
    with pytest.raises(ValueError, match="image a: source 'pacam' needs a PACAM"):
        make_ir_labels(items, tmp_path / 'out', IRLabelSettings(source='pacam'))


def test_with_an_own_background_sure_is_what_is_far_from_one_half():
    planes = [[[0.1, 0.35, 0.45, 0.60, 0.70, 0.0]], [[0.9, 0.65, 0.55, 0.4, 0.3, 0.0]]]
    ground, maps = np.asarray(planes, dtype=np.float32)
    # shares do not change when all planes of a pixel are scaled
    seed = Seed(np.array([4]), maps[None], (1, 6), maps[None] / 2, pacam_background=ground / 2)
    settings = IRLabelSettings('pacam', None, None, crf=None)
    assert ir_label(image_of(seed), seed, settings).tolist() == [[5, 255, 255, 255, 0, 0]]


def test_with_an_own_background_both_runs_are_of_the_shares():
    rng = np.random.default_rng(0)
    planes = rng.random((3, 20, 30)).astype(np.float32) ** 4
    seed = Seed(np.array([0, 2]), planes[1:], (20, 30), planes[1:], pacam_background=planes[0])
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    shares = planes[1:] / (planes[0] + planes[1:].max(axis=0))
    expected = ir_label(
        image, Seed(seed.classes, shares, seed.size), IRLabelSettings('cam', 0.65, 0.35)
    )
    label = ir_label(image, seed, IRLabelSettings('pacam', None, None))
    np.testing.assert_array_equal(label, expected)
    assert {0, 255} < set(np.unique(label))


def test_an_image_without_classes_is_background_of_its_own_too():
    seed = Seed(np.array([], dtype=int), np.zeros((0, 3, 4)), (3, 4), background=np.ones((3, 4)))
    assert not ir_label(image_of(seed), seed, IRLabelSettings('cam', None, None)).any()


def test_equal_thresholds_leave_nothing_unsure():
    seed = seed_of([[[0.9, 0.31, 0.3, 0.29]]])
    settings = IRLabelSettings(fg_threshold=0.3, bg_threshold=0.3, crf=None)
    assert ir_label(image_of(seed), seed, settings).tolist() == [[5, 5, 0, 0]]
