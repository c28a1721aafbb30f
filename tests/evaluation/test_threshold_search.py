import json

import numpy as np
import pytest
from PIL import Image

from mmwsss.commands.main import main
from mmwsss.evaluation import threshold_search
from mmwsss.evaluation.threshold_search import (
    PrecisionCurve,
    choose_evenly,
    choose_thresholds,
    format_curve,
    measure_precision,
)
from mmwsss.seeds.crf import IRN_CRF
from mmwsss.seeds.files import Seed, load_seed, save_seed
from mmwsss.seeds.masks import load_mask, save_mask
from mmwsss.seeds.refine import refine_items


@pytest.fixture
def items(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / 'images').mkdir()
    for name in 'abc':
        Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).save(
            tmp_path / 'images' / f'{name}.jpg'
        )
        seed = Seed(np.array([0, 2]), rng.random((2, 6, 8)), (6, 8))
        save_seed(tmp_path / 'seeds' / f'{name}.npz', seed)
        truth = rng.choice([0, 0, 1, 3, 255], (6, 8)).astype(np.uint8)
        save_mask(tmp_path / 'truth' / f'{name}.png', truth)
    return refine_items(tmp_path / 'seeds', tmp_path / 'images', 'abc')


def naive_precision(items, truth_dir, threshold):
    counts = {'fg': [0, 0], 'bg': [0, 0]}
    for item in items:
        seed, truth = load_seed(item.seed_path), load_mask(truth_dir / f'{item.id}.png')
        for y in range(6):
            for x in range(8):
                if truth[y, x] == 255:
                    continue
                best = max(range(2), key=lambda k: seed.cam[k, y, x])
                above = seed.cam[best, y, x] > threshold
                label = (1, 3)[best] if above else 0
                kind = counts['fg' if label else 'bg']
                kind[0] += label == truth[y, x]
                kind[1] += 1
    return [kind[0] / kind[1] for kind in counts.values()]


@pytest.mark.parametrize('processes', [1, 2])
def test_precision_equals_plain_counting(items, tmp_path, processes):
    thresholds = (0.3, 0.6)
    curve = measure_precision(
        items, tmp_path / 'truth', crf=None, thresholds=thresholds, processes=processes
    )
    for index, threshold in enumerate(thresholds):
        expected = naive_precision(items, tmp_path / 'truth', threshold)
        assert [curve.foreground[index], curve.background[index]] == pytest.approx(expected)


def test_unreachable_precision_takes_the_best_and_keeps_the_order():
    curve = PrecisionCurve((0.1, 0.2, 0.3), np.array([0.6, 0.5, np.nan]), np.array([0.7, 0.8, 0.6]))
    assert choose_thresholds(curve, 0.99, 0.99) == (0.1, 0.1)


def test_the_command_records_its_choice_and_the_split(items, tmp_path, capsys):
    (tmp_path / 'ids.txt').write_text('a\nb\nc\n')
    words = ['thresholds', tmp_path / 'seeds', tmp_path / 'truth', '--images', tmp_path / 'images']
    words += ['--ids', tmp_path / 'ids.txt', '--crf', 'none', '--out', tmp_path / 'out.json']
    assert main([str(word) for word in words]) == 0
    record = json.loads((tmp_path / 'out.json').read_text())
    assert 'for the stage MakeIRLabels' in capsys.readouterr().out
    assert record['split'] == str(tmp_path / 'ids.txt')
    assert record['images'] == 3
    assert record['bg_threshold'] <= record['fg_threshold']


def test_a_precision_that_nothing_can_have_is_refused_at_once(tmp_path, capsys):
    (tmp_path / 'ids.txt').write_text('a')
    command = ['thresholds', 'seeds', 'truth', '--images', 'images', '--fg-precision', '85']
    assert main([*command, '--ids', str(tmp_path / 'ids.txt')]) == 1
    assert '--fg-precision is 85.0; it must lie in [0, 1]' in capsys.readouterr().err


CURVE = PrecisionCurve((0.1, 0.2, 0.3), np.array([0.5, 0.8, 0.9]), np.array([0.99, 0.98, 0.9]))


def test_the_lowest_threshold_of_a_sure_foreground_and_the_highest_of_a_sure_background():
    assert choose_thresholds(CURVE, 0.8, 0.98) == (0.2, 0.2)  # what is reached is reached
    assert choose_thresholds(CURVE, 0.81, 0.981) == (0.3, 0.1)
    assert choose_thresholds(CURVE, 0.1, 0.1) == (0.1, 0.1)  # not above that of the foreground
    nothing = PrecisionCurve((0.1, 0.2), np.array([np.nan, 0.2]), np.array([np.nan, 0.3]))
    assert choose_thresholds(nothing, 0.9, 0.9) == (0.2, 0.2)


def test_some_images_of_many_are_evenly_spread():
    assert choose_evenly('abcdef', 3) == ['a', 'c', 'e']
    assert choose_evenly('abc', 7) == choose_evenly('abc') == ['a', 'b', 'c']


def test_the_table_has_a_row_per_threshold():
    rows = [row.strip('|').split('|') for row in format_curve(CURVE).splitlines() if '|' in row]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ['threshold', 'foreground precision', 'background precision'],
        ['0.10', '0.500', '0.990'],
        ['0.20', '0.800', '0.980'],
        ['0.30', '0.900', '0.900'],
    ]


def test_source_crf_and_thresholds_reach_the_masks(items, tmp_path, monkeypatch):
    seen = []

    def record(image, seed, settings):
        seen.extend(settings)
        return [(np.zeros(seed.size, dtype=np.uint8), None)] * len(settings)

    monkeypatch.setattr(threshold_search, 'refine_seed_by', record)
    curve = measure_precision(items[:1], tmp_path / 'truth')
    assert [each.bg_threshold for each in seen] == list(curve.thresholds)
    assert curve.thresholds == tuple(round(0.05 * step, 2) for step in range(1, 20))
    assert {(each.source, each.crf) for each in seen} == {('cam', IRN_CRF)}
    assert np.isnan(curve.foreground).all() and not np.isnan(curve.background).any()
    seen.clear()
    measure_precision(items[:1], tmp_path / 'truth', 'pacam', None, (0.5,))
    assert [(each.source, each.crf, each.bg_threshold) for each in seen] == [('pacam', None, 0.5)]


@pytest.mark.parametrize('has_gpu', [True, False])
def test_workers_are_told_of_a_gpu(items, tmp_path, monkeypatch, has_gpu):
    told = []
    monkeypatch.setattr('torch.cuda.is_available', lambda: has_gpu)
    monkeypatch.setattr(
        'mmwsss.evaluation.threshold_search.run_in_processes',
        lambda work, items, processes, on_gpu: told.append((processes, on_gpu)) or [],
    )
    measure_precision(items, tmp_path / 'truth', processes=9)
    measure_precision(items, tmp_path / 'truth', crf=None, processes=9)
    assert told == [(9, has_gpu), (9, False)]


def test_a_ground_truth_of_another_size_is_named(items, tmp_path):
    save_mask(tmp_path / 'truth' / 'b.png', np.zeros((8, 6), dtype=np.uint8))
    with pytest.raises(ValueError, match=r'b: the ground truth is \(8, 6\), the seed \(6, 8\)'):
        measure_precision(items, tmp_path / 'truth', crf=None)
