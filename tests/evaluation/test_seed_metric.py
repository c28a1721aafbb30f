import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmengine.structures import BaseDataElement

from mmwsss.evaluation import seed_metric
from mmwsss.evaluation.seed_evaluation import SeedSweep, evaluate_seeds, format_evaluation
from mmwsss.evaluation.seed_metric import SeedMetric, SeedWriter
from mmwsss.registry import METRICS
from mmwsss.seeds.files import Seed, load_seed, save_seed
from mmwsss.seeds.masks import load_mask, save_mask

CLASSES = ('cat', 'dog')
ROOT = Path(__file__).parents[2]


@pytest.fixture
def samples(tmp_path):
    """Five data samples as a model returns them, their seeds also on disk."""
    rng = np.random.default_rng(0)
    samples = []
    for k in range(5):
        seed = Seed(
            classes=[0, 1], cam=rng.random((2, 4, 5)), pacam=rng.random((2, 4, 5)), size=(14, 19)
        )
        save_seed(tmp_path / 'seeds' / f'{k}.npz', seed)
        gt = tmp_path / 'gt' / f'{k}.png'
        save_mask(gt, rng.choice([0, 1, 2, 255], (14, 19)).astype(np.uint8))
        sample = BaseDataElement(
            metainfo={'img_id': str(k), 'seg_map_path': str(gt), 'img_path': f'{k}.jpg'}
        )
        sample.set_field(load_seed(tmp_path / 'seeds' / f'{k}.npz'), 'pred_seed', dtype=Seed)
        samples.append(sample)
    return samples


def expected_metrics(tmp_path):
    ids = [str(k) for k in range(5)]
    evaluation = evaluate_seeds(tmp_path / 'seeds', tmp_path / 'gt', ids, CLASSES)
    return {
        f'seed/{source}_{name}': curve['best'][key]
        for source, curve in evaluation['sources'].items()
        for name, key in (('mIoU', 'mIoU'), ('threshold', 'threshold'))
    }


def test_in_the_evaluator_of_a_runner(samples, tmp_path):
    metrics = [
        {'type': 'mmwsss.SeedMetric', 'split': 'train'},
        {'type': 'mmwsss.SeedWriter', 'out_dir': str(tmp_path / 'new')},
    ]
    with DefaultScope.overwrite_default_scope('mmseg'):  # as our configs do
        evaluator = Evaluator(metrics)
    evaluator.dataset_meta = {'classes': ('background', *CLASSES)}
    for _ in range(2):  # a second evaluation starts from nothing
        evaluator.process(samples[:2])
        evaluator.process(samples[2:])
        metrics = evaluator.evaluate(5)
        assert metrics.pop('seed/written') == 5
        assert metrics == expected_metrics(tmp_path)
    for k in range(5):
        new, old = (tmp_path / folder / f'{k}.npz' for folder in ('new', 'seeds'))
        assert new.read_bytes() == old.read_bytes()


def test_background_is_no_foreground_class():
    metric = SeedMetric()
    metric.dataset_meta = {'classes': ('background', *CLASSES)}
    assert metric._new_sweep().classes == CLASSES


def test_registered():
    assert METRICS.get('SeedMetric') is SeedMetric
    assert METRICS.get('SeedWriter') is SeedWriter


def evaluate(samples):
    metric = SeedMetric(classes=CLASSES)
    metric.process(None, samples)
    return metric.evaluate(len(samples))


@pytest.mark.parametrize(('size', 'world'), [(5, 2), (4, 2), (5, 3), (1, 2), (2, 4)])
def test_repeated_images_count_once(samples, monkeypatch, size, world):
    """What ``DefaultSampler(round_up=True)`` hands to every process, process by process."""
    samples = [sample.to_dict() for sample in samples]
    order = (list(range(size)) * world)[: -(-size // world) * world]
    sweeps = []
    with monkeypatch.context() as patch:
        patch.setattr(seed_metric, 'get_world_size', lambda: world)
        patch.setattr(
            SeedMetric, 'compute_metrics', lambda _, results: sweeps.extend(results) or {}
        )
        for rank in range(world):
            patch.setattr(seed_metric, 'get_rank', lambda rank=rank: rank)
            metric = SeedMetric(classes=CLASSES)
            metric.process(None, [samples[k] for k in order[rank::world]])
            metric.evaluate(size)
    assert sum(sweep.images for sweep in sweeps) == size
    metrics = SeedMetric(classes=CLASSES).compute_metrics(sweeps)
    assert {f'seed/{name}': value for name, value in metrics.items()} == evaluate(samples[:size])


def test_two_processes(samples, tmp_path):
    script = tmp_path / 'rank.py'
    script.write_text(
        textwrap.dedent(f"""
        import json, os
        from pathlib import Path
        from torch.distributed import destroy_process_group, init_process_group
        from mmwsss.evaluation import SeedMetric, SeedWriter
        from mmwsss.seeds import load_seed
        init_process_group('gloo')
        rank = int(os.environ['RANK'])
        folder = Path({str(tmp_path)!r})
        metrics = SeedMetric(classes={CLASSES}), SeedWriter(folder / 'new')
        for k in [0, 1, 2, 3, 4, 0][rank::2]:
            sample = dict(img_id=str(k), seg_map_path=folder / 'gt' / f'{{k}}.png',
                          pred_seed=load_seed(folder / 'seeds' / f'{{k}}.npz'))
            for metric in metrics:
                metric.process(None, [sample])
        results = metrics[0].evaluate(5) | metrics[1].evaluate(5)
        (folder / f'{{rank}}.json').write_text(json.dumps(results))
        destroy_process_group()  # else gloo aborts now and then
        """)
    )
    env = os.environ | {'PYTHONPATH': str(ROOT), 'WORLD_SIZE': '2', 'MASTER_ADDR': '127.0.0.1'}
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        env['MASTER_PORT'] = str(free.getsockname()[1])
    ranks = [
        subprocess.Popen(
            [sys.executable, str(script)],
            cwd=tmp_path,
            env=env | {'RANK': str(rank), 'LOCAL_RANK': str(rank)},
        )
        for rank in range(2)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    expected = expected_metrics(tmp_path) | {'seed/written': 5}
    for rank in range(2):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == expected


def test_memory_does_not_grow(samples):
    metric = SeedMetric(classes=CLASSES)
    for _ in range(3):
        metric.process(None, [sample.to_dict() for sample in samples])
    assert metric.results == []
    assert metric._sweep.images == 14  # the newest waits: it may be a repetition


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'seg_map_path': None}, 'image 0 has no ground truth: leave SeedMetric out'),
        ({'pred_seed': None}, 'image 0 has no pred_seed'),
        ({'pred_seed': {'cam': 0}}, 'image 0 has no pred_seed, but dict'),
        (
            {'pred_seed': Seed(classes=[2], cam=np.zeros((1, 1, 1)), size=(14, 19))},
            'image 0.*class',
        ),
        ({'pred_seed': Seed(classes=[1], cam=np.zeros((1, 1, 1)), size=(19, 14))}, r'\(19, 14\)'),
    ],
)
def test_wrong_samples(samples, change, message):
    with pytest.raises(ValueError, match=message):
        evaluate([samples[0].to_dict() | change])


def test_masks_that_the_host_learns_from_are_no_ground_truth(samples, tmp_path):
    truth = samples[0].seg_map_path
    labels = tmp_path / 'ir_label.png'
    save_mask(labels, np.zeros((14, 19), dtype=np.uint8))
    sample = samples[0].to_dict() | {'seg_map_path': str(labels)}
    expected = evaluate([samples[0].to_dict()])
    assert evaluate([sample | {'ground_truth_path': truth}]) == expected
    assert evaluate([sample]) != expected
    with pytest.raises(ValueError, match='image 0 has no ground truth: leave SeedMetric out'):
        evaluate([sample | {'ground_truth_path': None}])


def test_missing_ground_truth(samples, tmp_path):
    (tmp_path / 'gt' / '0.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'0\.png'):
        evaluate([samples[0].to_dict()])


def test_no_classes_and_no_seeds(samples):
    metric = SeedMetric()
    metric.process(None, [samples[0].to_dict()])
    with pytest.raises(ValueError, match='names of the classes'):
        metric.evaluate(1)
    with pytest.raises(ValueError, match='no seed'):
        SeedMetric(classes=CLASSES).evaluate(0)


def test_writer_needs_seed_and_id(samples, tmp_path):
    writer = SeedWriter(tmp_path / 'out')
    sample = samples[0].to_dict()
    for key in ('img_id', 'pred_seed'):
        with pytest.raises(ValueError, match=f'image 0.* has no {key}'):
            writer.process(None, [{name: sample[name] for name in sample if name != key}])
    assert not (tmp_path / 'out').exists()


def test_the_options_reach_the_sweep_and_the_log(samples, monkeypatch):
    shown = []
    monkeypatch.setattr(seed_metric, 'print_log', lambda text, logger: shown.append((text, logger)))
    options = {'sources': ('pacam',), 'thresholds': (0.2, 0.7), 'ignore_index': 2}
    metric = SeedMetric(CLASSES, split='val', prefix='mine', **options)
    expected = SeedSweep(CLASSES, **options)
    for sample in samples:
        mask = load_mask(sample.seg_map_path)
        save_mask(sample.seg_map_path, np.where(mask == 255, 0, mask).astype(np.uint8))
        expected.add(sample.pred_seed, load_mask(sample.seg_map_path))
    metric.process(None, [sample.to_dict() for sample in samples])
    best = expected.results()['pacam']['best']
    assert metric.evaluate(5) == {
        'mine/pacam_mIoU': best['mIoU'],
        'mine/pacam_threshold': best['threshold'],
    }
    evaluation = {'split': 'val', 'images': 5, 'sources': expected.results()}
    assert shown == [('\n' + format_evaluation(evaluation), 'current')]


def test_results_are_gathered_as_the_config_says(tmp_path):
    for metric in (
        SeedMetric(CLASSES, collect_device='gpu'),
        SeedWriter(tmp_path, prefix='mine', collect_device='gpu'),
    ):
        assert metric.collect_device == 'gpu'
    assert metric.prefix == 'mine'
    assert SeedMetric(CLASSES).collect_device == SeedWriter(tmp_path).collect_device == 'cpu'


def test_an_image_without_an_id_is_named_by_its_path(samples):
    sample = samples[0].to_dict()
    del sample['img_id'], sample['pred_seed']
    with pytest.raises(ValueError, match=r'^image 0\.jpg has no pred_seed, but NoneType'):
        evaluate([sample])
    del sample['img_path']
    with pytest.raises(ValueError, match=r'^image without a name has no pred_seed'):
        evaluate([sample])


def test_the_writer_is_done_when_its_files_are_written(samples, tmp_path, monkeypatch):
    may, written = threading.Event(), []
    monkeypatch.setattr(seed_metric, 'save_seed', lambda *_: may.wait(60) and written.append(1))
    writer = SeedWriter(tmp_path)
    writer.process(None, [sample.to_dict() for sample in samples[:2]])
    threading.Timer(0.1, may.set).start()
    assert writer.evaluate(2) == {'seed/written': 2}
    assert written == [1, 1]
