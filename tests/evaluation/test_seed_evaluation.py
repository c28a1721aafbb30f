import json

import numpy as np
import pytest
import torch

from mmwsss.commands.main import main
from mmwsss.evaluation import seed_evaluation
from mmwsss.evaluation.seed_evaluation import (
    IoUMetric,  # from mmseg, after our cures
    SeedSweep,
    class_names,
    evaluate_masks,
    evaluate_seeds,
    format_evaluation,
)
from mmwsss.seeds.files import Seed, load_seed, save_seed
from mmwsss.seeds.masks import load_mask, save_mask
from mmwsss.seeds.refine import RefineSettings, refine_seed

CLASSES = ('cat', 'dog', 'cow')
IDS = ['a', 'b', 'c']


@pytest.fixture
def data(tmp_path):
    """Seeds and masks of three images; one has no class, nobody has a cow."""
    rng = np.random.default_rng(0)
    for name, classes, size in (('a', [0, 1], (17, 22)), ('b', [1], (20, 9)), ('c', [], (8, 8))):
        grid = (len(classes), 5, 6)
        seed = Seed(classes=np.array(classes, int), cam=rng.random(grid), pacam=rng.random(grid),
                    size=size)  # fmt: skip
        save_seed(tmp_path / 'seeds' / f'{name}.npz', seed)
        gt = rng.choice([0, *(c + 1 for c in classes), 255], size).astype(np.uint8)
        save_mask(tmp_path / 'gt' / f'{name}.png', gt)
    return tmp_path


def plain_masks(data, source, threshold):
    """Write argmax masks at one threshold."""
    for name in IDS:
        seed = load_seed(data / 'seeds' / f'{name}.npz')
        image = np.zeros((*seed.size, 3), np.uint8)
        mask, _ = refine_seed(image, seed, RefineSettings(source, threshold, crf=None))
        save_mask(data / 'pred' / f'{name}.png', mask)
    return data / 'pred'


def test_the_sweep_equals_masks_at_each_threshold(data):
    evaluation = evaluate_seeds(data / 'seeds', data / 'gt', IDS, CLASSES, split='val')
    assert evaluation['split'] == 'val'
    assert evaluation['images'] == 3
    assert list(evaluation['sources']) == ['cam', 'pacam', 'sum']
    for source, curve in evaluation['sources'].items():
        assert curve['thresholds'] == [t / 100 for t in range(101)]
        for t in (0, 15, 50, 99):
            pred = plain_masks(data, source, curve['thresholds'][t])
            expected = evaluate_masks(pred, data / 'gt', IDS, CLASSES)
            assert curve['mIoU'][t] == pytest.approx(expected['mIoU'], rel=1e-12)
        best = curve['best']
        assert best['mIoU'] == max(curve['mIoU'])
        pred = plain_masks(data, source, best['threshold'])
        expected = evaluate_masks(pred, data / 'gt', IDS, CLASSES)
        assert best['IoU'] == pytest.approx(expected['IoU'])
        assert best['IoU']['cow'] is None
        assert list(best['IoU']) == ['background', *CLASSES]
    json.dumps(evaluation, allow_nan=False)


def test_full_maps_go_at_the_border():
    """Perfect seeds are best at threshold 0; say that it is the border."""
    gt = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    sweep = SeedSweep(CLASSES)
    sweep.add(Seed(classes=[0], cam=(gt == 1)[None].astype(float), size=(2, 2)), gt)
    best = sweep.results()['cam']['best']
    assert best == {
        'threshold': 0.0,
        'mIoU': 100.0,
        'IoU': {'background': 100.0, 'cat': 100.0, 'dog': None, 'cow': None},
        'at_border': True,
    }
    inner = SeedSweep(CLASSES)
    inner.add(Seed(classes=[0], cam=np.where(gt == 1, 0.6, 0.4)[None], size=(2, 2)), gt)
    best = inner.results()['cam']['best']
    assert best['threshold'] == 0.4
    assert not best['at_border']


def test_sources_that_the_seeds_lack_are_left_out(data):
    for name in IDS:
        seed = load_seed(data / 'seeds' / f'{name}.npz')
        seed.pacam = None
        save_seed(data / 'seeds' / f'{name}.npz', seed)
    evaluation = evaluate_seeds(data / 'seeds', data / 'gt', IDS, CLASSES)
    assert list(evaluation['sources']) == ['cam']
    with pytest.raises(ValueError, match='none of the sources'):
        evaluate_seeds(data / 'seeds', data / 'gt', IDS, CLASSES, sources=['sum'])


def test_mixed_seeds(data):
    seed = load_seed(data / 'seeds' / 'b.npz')
    seed.pacam = None
    save_seed(data / 'seeds' / 'b.npz', seed)
    with pytest.raises(ValueError, match=r'b\.npz: .*two models are mixed'):
        evaluate_seeds(data / 'seeds', data / 'gt', IDS, CLASSES)


def test_own_thresholds(data):
    evaluation = evaluate_seeds(
        data / 'seeds', data / 'gt', IDS, CLASSES, ['cam'], thresholds=[0.1, 0.75]
    )
    assert evaluation['sources']['cam']['thresholds'] == [0.1, 0.75]
    assert len(evaluation['sources']['cam']['mIoU']) == 2


def test_merged_sweeps_are_one_sweep(data):
    parts = [SeedSweep(CLASSES) for _ in range(3)]  # the last one sees nothing
    whole = SeedSweep(CLASSES)
    for k, name in enumerate(IDS):
        pair = load_seed(data / 'seeds' / f'{name}.npz'), load_mask(data / 'gt' / f'{name}.png')
        whole.add(*pair)
        parts[k % 2].add(*pair)
    merged = SeedSweep(CLASSES)
    for part in parts:
        merged.merge(part)
    assert merged.results() == whole.results()
    assert merged.images == 3


def test_several_processes_count_as_one(data, monkeypatch):
    pred = plain_masks(data, 'cam', 0.3)
    ids = IDS * 2
    seeds = evaluate_seeds(data / 'seeds', data / 'gt', ids, CLASSES)
    masks = evaluate_masks(pred, data / 'gt', ids, CLASSES)
    monkeypatch.setattr(seed_evaluation, 'MANY_IMAGES', 2)
    monkeypatch.setattr(seed_evaluation, '_CHUNK', 2)
    assert evaluate_seeds(data / 'seeds', data / 'gt', ids, CLASSES, processes=2) == seeds
    assert evaluate_masks(pred, data / 'gt', ids, CLASSES, processes=2) == masks
    with pytest.raises(FileNotFoundError, match='none'):
        evaluate_seeds(data / 'seeds', data / 'gt', [*ids, 'none'], CLASSES, processes=2)


def test_sweeps_of_two_models_are_not_merged(data):
    sweeps = [SeedSweep(CLASSES, sources) for sources in (['cam'], ['pacam'])]
    for sweep in sweeps:
        sweep.add(load_seed(data / 'seeds' / 'a.npz'), load_mask(data / 'gt' / 'a.png'))
    with pytest.raises(ValueError, match=r"have \['cam'\], others \['pacam'\]: seeds of two"):
        sweeps[0].merge(sweeps[1])


def test_missing_and_wrong_files(data):
    def evaluate(classes=CLASSES, ids=IDS):
        return evaluate_seeds(data / 'seeds', data / 'gt', ids, classes)

    with pytest.raises(ValueError, match='no image'):
        evaluate(ids=[])
    with pytest.raises(ValueError, match=r'a\.npz: the seed has class 1 of 1'):
        evaluate(classes=['cat'])
    with pytest.raises(ValueError, match=r'b\.npz: .*label above the 3'):
        save_mask(data / 'gt' / 'b.png', np.full((20, 9), 4, np.uint8))
        evaluate()
    with pytest.raises(ValueError, match=r'b\.npz: the seed is of an image of \(20, 9\)'):
        save_mask(data / 'gt' / 'b.png', np.zeros((9, 20), np.uint8))
        evaluate()
    with pytest.raises(FileNotFoundError, match=r'd\.npz'):
        evaluate(ids=['d'])
    (data / 'gt' / 'c.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'c\.png'):
        evaluate(ids=['c'])
    with pytest.raises(ValueError, match="source is 'crf'; choose one of cam, pacam, sum"):
        SeedSweep(CLASSES, sources=['crf'])
    with pytest.raises(ValueError, match='sources is empty'):
        SeedSweep(CLASSES, sources=[])
    with pytest.raises(ValueError, match=r'a threshold is 15; it must lie in \[0, 1\]'):
        SeedSweep(CLASSES, thresholds=[0.5, 15])


def test_nothing_labelled(data):
    save_mask(data / 'gt' / 'c.png', np.full((8, 8), 255, np.uint8))
    save_mask(data / 'pred' / 'c.png', np.zeros((8, 8), np.uint8))
    with pytest.raises(ValueError, match='no labelled pixel'):
        evaluate_seeds(data / 'seeds', data / 'gt', ['c'], CLASSES)
    with pytest.raises(ValueError, match='no labelled pixel'):
        evaluate_masks(data / 'pred', data / 'gt', ['c'], CLASSES)


def test_masks_are_judged_as_mmseg_does(data):
    pred_dir = plain_masks(data, 'cam', 0.5)
    metric = IoUMetric()
    metric.dataset_meta = {'classes': ('background', *CLASSES)}
    for name in IDS:
        pred, gt = (load_mask(d / f'{name}.png') for d in (pred_dir, data / 'gt'))
        sample = {
            'pred_sem_seg': {'data': torch.from_numpy(pred)},
            'gt_sem_seg': {'data': torch.from_numpy(gt)},
        }
        metric.process({}, [sample])
    expected = metric.evaluate(3)['mIoU']
    evaluation = evaluate_masks(pred_dir, data / 'gt', IDS, CLASSES)
    assert round(evaluation['mIoU'], 2) == pytest.approx(expected)
    assert evaluation['images'] == 3


def test_ignored_predictions_count_as_background(data):
    save_mask(data / 'gt' / 'a.png', np.array([[0, 0, 1, 255]], np.uint8))
    save_mask(data / 'pred' / 'a.png', np.array([[255, 0, 255, 1]], np.uint8))
    evaluation = evaluate_masks(data / 'pred', data / 'gt', ['a'], ['cat'])
    assert evaluation['IoU'] == pytest.approx({'background': 200 / 3, 'cat': 0})


def test_counts_beyond_float32(data, monkeypatch):
    """float32 cannot tell 2^24 + 1 pixels from 2^24."""
    counts = [torch.tensor([2.0**24, 1.0])] * 4, [torch.tensor([1.0, 0.0])] * 4
    returned = iter(counts)
    totals = []
    monkeypatch.setattr(IoUMetric, 'intersect_and_union', lambda *args: tuple(next(returned)))
    original = IoUMetric.total_area_to_metrics
    monkeypatch.setattr(
        IoUMetric,
        'total_area_to_metrics',
        lambda *areas: totals.append(areas[0].tolist()) or original(*areas),
    )
    for name in 'ab':
        save_mask(data / 'pred' / f'{name}.png', load_mask(data / 'gt' / f'{name}.png'))
    with pytest.raises(ValueError, match='label'):
        evaluate_masks(data / 'pred', data / 'gt', ['a'], ['cat'])
    for name in 'ab':
        for folder in ('gt', 'pred'):
            save_mask(data / folder / f'{name}.png', np.zeros((2, 2), np.uint8))
    evaluate_masks(data / 'pred', data / 'gt', ['a', 'b'], ['cat'])
    assert totals == [[2.0**24 + 1, 1]]


def test_wrong_masks(data):
    pred_dir = plain_masks(data, 'cam', 0.5)
    with pytest.raises(ValueError, match='no image'):
        evaluate_masks(pred_dir, data / 'gt', [], CLASSES)
    save_mask(pred_dir / 'a.png', np.zeros((3, 3), np.uint8))
    with pytest.raises(ValueError, match=r'a\.png is \(3, 3\), its ground truth \(17, 22\)'):
        evaluate_masks(pred_dir, data / 'gt', IDS, CLASSES)
    save_mask(pred_dir / 'a.png', np.full((17, 22), 4, np.uint8))
    with pytest.raises(ValueError, match=r'a\.png: it has label 4'):
        evaluate_masks(pred_dir, data / 'gt', IDS, CLASSES)
    (pred_dir / 'a.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'a\.png'):
        evaluate_masks(pred_dir, data / 'gt', IDS, CLASSES)


def test_class_names(tmp_path):
    path = tmp_path / 'names.json'
    with pytest.raises(FileNotFoundError, match=r'names\.json is missing'):
        class_names([str(path)])
    path.write_text('["cat", "dog"]')
    assert class_names([str(path)]) == ('cat', 'dog')
    for text, message in (
        ('[', 'no JSON'),
        ('{"a": 1}', 'list of'),
        ('[1]', 'list'),
        ('[]', 'list'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            class_names([str(path)])
    assert class_names(['cat']) == ('cat',)


def test_table(data):
    evaluation = evaluate_seeds(data / 'seeds', data / 'gt', IDS, CLASSES, split='train')
    evaluation['sources']['sum']['best']['at_border'] = True
    text = format_evaluation(evaluation)
    for source, curve in evaluation['sources'].items():
        assert source in text
        assert f'{curve["best"]["mIoU"]:.2f}' in text
    assert 'chosen on train' in text
    assert 'sum: the best threshold lies at the border' in text
    assert 'cam: the best' not in text.replace('pacam', '')


def test_command(data, capsys):
    (data / 'train.txt').write_text('a\nb\nc\n')
    command = ['evaluate', data / 'seeds', '--masks', data / 'gt']
    command += ['--ids', data / 'train.txt', '--curve', data / 'curve.json', '--classes', *CLASSES]
    assert main([str(word) for word in command]) == 0
    assert 'best threshold' in capsys.readouterr().out
    evaluation = json.loads((data / 'curve.json').read_text())
    assert evaluation == evaluate_seeds(data / 'seeds', data / 'gt', IDS, CLASSES, split='train')


def test_pixels_of_another_ignored_value_do_not_count(data):
    """With 3 in the place of 255, all figures stay."""
    pred = plain_masks(data, 'cam', 0.4)
    seeds = evaluate_seeds(data / 'seeds', data / 'gt', IDS, CLASSES)
    masks = evaluate_masks(pred, data / 'gt', IDS, CLASSES)
    sweep = SeedSweep(CLASSES, ignore_index=3)
    for name in IDS:
        gt = load_mask(data / 'gt' / f'{name}.png')
        gt[gt == 255] = 3
        save_mask(data / 'gt' / f'{name}.png', gt)
        sweep.add(load_seed(data / 'seeds' / f'{name}.npz'), gt)
    own = evaluate_seeds(data / 'seeds', data / 'gt', IDS, CLASSES, ignore_index=3)
    assert own == seeds and sweep.results() == seeds['sources']
    assert evaluate_masks(pred, data / 'gt', IDS, CLASSES, ignore_index=3) == masks
    assert evaluate_masks(pred, data / 'gt', IDS, CLASSES) != masks


def test_the_last_threshold_is_a_border_too():
    gt = np.array([[0, 1]], dtype=np.uint8)
    seed = Seed(classes=[0], cam=np.array([[[0.4, 0.8]]]), size=(1, 2))
    for thresholds, at_border in (((0.2, 0.5), True), ((0.2, 0.5, 0.9), False)):
        sweep = SeedSweep(CLASSES, thresholds=thresholds)
        sweep.add(seed, gt)
        best = sweep.results()['cam']['best']
        assert (best['threshold'], best['at_border']) == (0.5, at_border)
