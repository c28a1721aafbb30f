"""What a stage computes reaches the next one's files: a whole row on tiny networks.

The options differ from their defaults, and every file is compared with what the functions make of
the files before it.
"""

import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.structures import SegDataSample
from tiny_run import CLASSES, IDS, LOAD, save_networks, write_run

from mmwsss.evaluation import evaluate_masks, evaluate_seeds
from mmwsss.pipeline import network
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import open_workspace, run_pipeline
from mmwsss.pipeline.workspace import file_hash
from mmwsss.seeds import (
    IRLabelSettings,
    RefineSettings,
    ir_label,
    load_mask,
    load_seed,
    read_meta,
)
from mmwsss.seeds.crf import crf_preset
from mmwsss.seeds.refine import refine_seed
from mmwsss.seeds.walk import WalkSettings, walk_seed
from mmwsss.structures import read_image

NAMES = CLASSES[1:]
WALK = {'source': 'sum', 'power': 1.5, 'steps': 4, 'radius': 3, 'beta': 4.0}
IR_LABELS = {'source': 'pacam', 'fg_threshold': 0.8, 'bg_threshold': 0.4}
SURE = {'source': 'pacam', 'bg_threshold': 0.6, 'min_confidence': 0.999}
CRF = {'crf': 'clip_es', 'crf_backend': 'torch'}
PASS = {'train_cfg': {'_delete_': True, 'type': 'mmwsss.BankFillLoop'}}
VIEWS = {'type': 'mmwsss.MultiScaleFlip', 'annotations': True, 'pack': 'PackSegInputs'}
REST = {
    'optim_wrapper.optimizer.lr': 0.0,
    'train_cfg.max_epochs': 2,
    'tta_model': {'_delete_': True, 'type': 'mmwsss.CRFSegTTAModel', 'crf': None},
    'tta_pipeline': [LOAD, VIEWS],
}


def stages_of(root):
    def train(name, **options):
        return {'type': 'Train', 'config': str(root / f'{name}.py'), **options}

    return {
        'cam': {'type': 'Train', 'checkpoint': str(root / 'cam.pth')},
        'bank': {'type': 'Train', 'start': 'cam', 'options': PASS},
        'seeds': {'type': 'GenerateSeeds', 'model': 'bank'},
        'seed_scores': {'type': 'EvaluateSeeds', 'seeds': 'seeds', 'ids': str(root / 'some.txt')},
        'ir_labels': {'type': 'MakeIRLabels', 'seeds': 'seeds', **IR_LABELS, **CRF},
        'irnet': train('irnet', masks='ir_labels', checkpoint=str(root / 'irnet.pth')),
        'walk': {'type': 'WalkSeeds', 'seeds': 'seeds', 'model': 'irnet', **WALK},
        'walk_scores': {'type': 'EvaluateSeeds', 'seeds': 'walk'},
        'best': {'type': 'RefineSeeds', 'seeds': 'walk', 'bg_threshold': 'best',
                 'scores': 'walk_scores', 'crf': None},
        'sure': {'type': 'RefineSeeds', 'seeds': 'seeds', **SURE, **CRF},
        'power': {'type': 'RefineSeeds', 'seeds': 'seeds', 'source': 'sum', 'crf': None,
                  'bg_threshold': None, 'bg_power': 2.0},
        'mask_scores': {'type': 'EvaluateMasks', 'masks': 'sure'},
        'segmentor': train('segmentor', masks='sure', backbone='bank', options=REST),
        'test': {'type': 'Test', 'model': 'segmentor', 'tta': False},
        'views': {'type': 'Test', 'model': 'segmentor'},
    }  # fmt: skip


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Images, configs and weights."""
    root = tmp_path_factory.mktemp('row')
    path = write_run(root)
    save_networks(root)
    (root / 'some.txt').write_text('\n'.join(IDS[:5]))
    config = Config.fromfile(path)
    config.stages = stages_of(root)
    config.dump(path)
    return root


@pytest.fixture(scope='module')
def run(root):
    return run_pipeline(load_config(root / 'tiny.py'), root / 'run')


@pytest.fixture
def folder(run):
    return run.workspace.root


@pytest.fixture
def figures(run):
    return {name: record['figures'] for name, record in run.records.items()}


def images_and_seeds(root, folder, stage='seeds'):
    for name in IDS:
        image = read_image(root / 'JPEGImages' / f'{name}.png')
        yield name, image, load_seed(folder / stage / 'seeds' / f'{name}.npz')


def state(path):
    return torch.load(path, weights_only=False)['state_dict']


def test_a_training_begins_with_the_network_that_is_named(root, folder, figures):
    assert figures['bank'] == {'checkpoint': 'epoch_1.pth'}
    before, after = state(root / 'cam.pth'), state(folder / 'bank/epoch_1.pth')
    names = [name for name in before if name.startswith(('backbone.', 'cam_head.'))]
    assert names and all(after[name].equal(before[name]) for name in names)
    assert after['prototype_head.bank.context_count'].all()


def test_seeds_are_of_that_network_and_all_of_its_maps(root, folder, figures, run):
    assert figures['seeds'] == {'seeds': len(IDS)}
    checkpoint = folder / 'bank/epoch_1.pth'
    assert read_meta(folder / 'seeds/seeds')['checkpoint'] == file_hash(checkpoint)
    for _, _, seed in images_and_seeds(root, folder):
        assert seed.cam.max() > 0.5 and np.abs(seed.cam - seed.pacam).max() > 0.1
    path = folder / 'seeds/seeds/c.npz'
    before = path.read_bytes()
    path.unlink()
    config = run.workspace.network_config('bank')
    config.work_dir = str(root / 'log')
    counts = network.generate_seeds(config, checkpoint, folder / 'seeds/seeds')
    assert counts == {'seeds': len(IDS), 'written': 1}
    assert path.read_bytes() == before


def test_seeds_are_judged_on_the_images_that_are_named(root, folder, figures):
    truth = root / 'SegmentationClass'
    for stage, seeds, ids, split in (
        ('seed_scores', 'seeds', IDS[:5], 'some'),
        ('walk_scores', 'walk', IDS, 'train'),
    ):
        found = evaluate_seeds(folder / seeds / 'seeds', truth, list(ids), NAMES, split=split)
        assert figures[stage] == found
    assert list(figures['seed_scores']['sources']) == ['cam', 'pacam', 'sum']


def test_ir_labels_are_made_as_the_options_say(root, folder, figures):
    settings = IRLabelSettings(**IR_LABELS, crf=crf_preset('clip_es', 'torch'))
    values = set()
    for name, image, seed in images_and_seeds(root, folder):
        label = load_mask(folder / 'ir_labels/masks' / f'{name}.png')
        np.testing.assert_array_equal(label, ir_label(image, seed, settings))
        values |= set(label.ravel())
    assert values == {0, 1, 2, 255}
    assert figures['ir_labels'] == {'masks': len(IDS), **IR_LABELS, **CRF}


def test_the_network_of_boundaries_learns_from_the_ir_labels(folder, run):
    dataset = run.workspace.network_config('irnet').train_dataloader.dataset
    assert dataset.mask_dir == str(folder / 'ir_labels/masks')


def test_seeds_walk_over_the_boundaries_as_the_options_say(root, folder, figures):
    assert figures['walk'] == {'seeds': len(IDS)}
    for name, _, seed in images_and_seeds(root, folder):
        # of 255 steps, as the picture has them
        edge = torch.from_numpy(load_mask(folder / 'walk/edges' / f'{name}.png')).float() / 255
        walked = load_seed(folder / 'walk/seeds' / f'{name}.npz')
        expected = walk_seed(seed, edge, WalkSettings(**WALK))
        assert walked.pacam is None and walked.classes.tolist() == seed.classes.tolist()
        np.testing.assert_allclose(walked.cam, expected.cam, atol=0.01)


def test_the_best_threshold_of_the_judged_seeds_makes_the_masks(root, folder, figures):
    threshold = figures['walk_scores']['sources']['cam']['best']['threshold']
    assert figures['best']['bg_threshold'] == threshold
    for name, image, seed in images_and_seeds(root, folder, 'walk'):
        expected, _ = refine_seed(image, seed, RefineSettings('cam', threshold, crf=None))
        np.testing.assert_array_equal(load_mask(folder / 'best/masks' / f'{name}.png'), expected)


def test_masks_are_made_as_the_options_say(root, folder, figures):
    settings = RefineSettings(**SURE, crf=crf_preset('clip_es', 'torch'))
    unsure = 0
    for name, image, seed in images_and_seeds(root, folder):
        expected, confidence = refine_seed(image, seed, settings)
        np.testing.assert_array_equal(load_mask(folder / 'sure/argmax' / f'{name}.png'), expected)
        expected = np.where(confidence < 0.999, 255, expected)
        np.testing.assert_array_equal(load_mask(folder / 'sure/masks' / f'{name}.png'), expected)
        unsure += (expected == 255).sum()
        plain = RefineSettings('sum', None, bg_power=2.0, crf=None)
        expected, _ = refine_seed(image, seed, plain)
        np.testing.assert_array_equal(load_mask(folder / 'power/masks' / f'{name}.png'), expected)
    assert unsure
    found = {name: figures['sure'][name] for name in ('source', 'bg_threshold', 'crf', 'refiner')}
    assert found == {'source': 'pacam', 'bg_threshold': 0.6, 'crf': 'clip_es', 'refiner': 'crf'}


def test_masks_are_judged_by_the_ground_truth(root, folder, figures):
    for kind in ('argmax', 'masks'):
        found = evaluate_masks(folder / 'sure' / kind, root / 'SegmentationClass', IDS, NAMES)
        assert figures['mask_scores'][kind] == found
    assert figures['mask_scores']['argmax'] != figures['mask_scores']['masks']


def test_the_segmentor_begins_with_the_backbone_and_reads_the_masks(folder, figures):
    """Its rate is 0."""
    assert figures['segmentor'] == {'checkpoint': 'epoch_2.pth'}
    host, segmentor = (
        state(folder / path) for path in ('bank/epoch_1.pth', 'segmentor/epoch_2.pth')
    )
    names = [name for name in host if name.startswith('backbone.')]
    assert names and all(segmentor[name].equal(host[name]) for name in names)
    dataset = Config.fromfile(folder / 'segmentor/segmentor.py').train_dataloader.dataset
    assert dataset.type == 'mmwsss.PseudoMaskDataset'
    assert dataset.mask_dir == str(folder / 'sure/masks')


def test_the_trained_segmentor_is_tested_by_one_view_or_by_both(root, folder, figures, run):
    config = run.workspace.network_config('segmentor')
    model = network.load_network(config.model, folder / 'segmentor/epoch_2.pth').eval()

    def probability(image):
        size = tuple(image.shape[1:])
        sample = SegDataSample(metainfo={'img_shape': size, 'ori_shape': size})
        (found,) = model.test_step({'inputs': [image], 'data_samples': [sample]})
        return found.seg_logits.data.softmax(dim=0)

    others = 0
    for name in IDS:
        pixels = read_image(root / 'JPEGImages' / f'{name}.png')[..., ::-1]
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
        one = probability(image)
        both = (one + probability(image.flip(-1)).flip(-1)) / 2
        for stage, expected in (('test', one), ('views', both)):
            labels = load_mask(folder / stage / 'predictions' / f'{name}.png')
            assert (labels == expected.argmax(dim=0).numpy()).mean() > 0.995, stage
        others += (one.argmax(dim=0) != both.argmax(dim=0)).float().mean().item()
    assert others / len(IDS) > 0.02
    for stage in ('test', 'views'):
        predictions = folder / stage / 'predictions'
        judged = evaluate_masks(predictions, root / 'SegmentationClass', IDS, NAMES)
        assert figures[stage]['mIoU'] == pytest.approx(judged['mIoU'], abs=0.006)
        assert figures[stage]['IoU'] == judged['IoU']


def recipe_of(run, stage, changes=None):
    config = copy.deepcopy(run.workspace.config)
    config.merge_from_dict(changes or {})
    workspace = open_workspace(config, run.workspace.root)
    return workspace.stages[stage].recipe(workspace)


MADE_BY = {
    'seeds': {
        'model.cam_head.in_channels': 5,
        'tta_model.type': 'mmwsss.EdgeTTAModel',
        'seed_tta_model': {'type': 'mmwsss.SegmentorSeedTTAModel'},
        'seed_dataloader.dataset.pipeline.1.scales': (1.0,),
    },
    'seed_scores': {'ids': 'train.txt', 'ground_truth': 'elsewhere'},
    'ir_labels': {
        'source': 'cam',
        'fg_threshold': 0.7,
        'bg_threshold': 0.3,
        'crf': 'irn',
        'crf_backend': 'pydensecrf',
    },
    'walk': {
        'source': 'cam',
        'power': 1.0,
        'steps': 5,
        'radius': 4,
        'beta': 5.0,
        'full_size': True,
    },
    'sure': {
        'source': 'cam',
        'bg_threshold': 0.7,
        'min_confidence': 0.8,
        'crf': 'irn',
        'crf_backend': 'pydensecrf',
        'refiner': 'par',
    },
    'power': {'bg_power': 3.0},
    'segmentor': {
        'options.optim_wrapper.optimizer.lr': 0.1,
        'options.train_cfg.max_epochs': 3,
        'options.param_scheduler': [{'type': 'PolyLR', 'end': 2}],
        'options.custom_hooks': [],
        'options.load_from': 'begin.pth',
        'options.auto_scale_lr': {'enable': True},
        'options.randomness.seed': 4,
        'options.total_batch_size': 2,
        'options.model.decode_head.dropout_ratio': 0.2,
        'options.train_dataloader.dataset.pipeline.2.prob': 0.3,
        'options.sync_bn': 'torch',
    },
    'test': {
        'tta': True,
        'options.tta_model.crf': 'irn',
        'options.tta_pipeline.1.scales': (0.5,),
        'options.test_cfg.fp16': True,
        'options.test_evaluator.iou_metrics': ['mDice'],
        'options.test_dataloader.dataset.pipeline.0.type': 'LoadImageFromFile',
        'options.model.test_cfg.mode': 'slide',
    },
}


@pytest.mark.parametrize('stage', MADE_BY)
def test_what_decides_the_files_of_a_stage_is_in_its_recipe(root, run, stage):
    """Another value that is not would leave the files of before, as done and unchanged."""
    before = recipe_of(run, stage)
    assert recipe_of(run, stage) == before
    for option, value in MADE_BY[stage].items():
        place = option if stage == 'seeds' else f'stages.{stage}.{option}'
        value = str(root / value) if value == 'train.txt' else value
        if stage == 'segmentor' or option.startswith('options'):
            value = {option.removeprefix('options.'): value}
            old = stages_of(root)[stage].get('options', {})
            place, value = f'stages.{stage}.options', {**old, **value}
        assert recipe_of(run, stage, {place: value}) != before, option


@pytest.mark.parametrize('stage', ['bank', 'seeds'])
def test_how_fast_images_are_read_is_in_no_recipe(run, stage):
    loaders = {
        f'{name}_dataloader.{option}': value
        for name in ('train', 'seed')
        for option, value in (('num_workers', 2), ('persistent_workers', True))
    }
    assert recipe_of(run, stage, loaders) == recipe_of(run, stage)


def test_images_and_random_seed_of_the_run_are_those_of_all_its_networks(root, run):
    images = {'ann_file': 'some.txt'}
    changes = {f'{name}_dataloader.dataset.dataset': images for name in ('train', 'seed')}
    config = load_config(root / 'tiny.py', {**changes, 'randomness.seed': 3})
    config.tested_on = {**config.seed_dataloader.dataset.dataset, 'ann_file': 'others.txt'}
    workspace = open_workspace(config, run.workspace.root)
    for name in ('bank', 'irnet', 'segmentor'):
        trained = workspace.network_config(name)
        assert trained.train_dataloader.dataset.dataset.ann_file == 'some.txt', name
        assert trained.randomness.seed == 3, name
    tested = trained.test_dataloader.dataset
    assert tested.ann_file == 'others.txt' and 'test_mode' not in tested
    before = run.workspace.network_config('segmentor').test_dataloader.dataset
    assert tested.pipeline == before.pipeline and before.ann_file == 'train.txt'


def test_seeds_are_merged_and_written_by_what_is_made_for_them(root, run, monkeypatch):
    def build(config):
        raise InterruptedError(config)

    monkeypatch.setattr(network, '_build_runner', build)
    config = run.workspace.network_config('bank')
    model, merger = config.model, {'type': 'mmwsss.SegmentorSeedTTAModel'}
    for more, expected in (
        ({}, {**config.tta_model, 'module': model}),
        ({'seed_tta_model': merger}, {**merger, 'module': model}),
    ):
        config.update(more)
        with pytest.raises(InterruptedError) as caught:
            network.generate_seeds(config, root / 'cam.pth', root / 'nowhere')
        (built,) = caught.value.args
        assert built.model == expected
        assert built.test_evaluator == {'type': 'mmwsss.SeedWriter', 'out_dir': f'{root}/nowhere'}
        assert built.load_from == str(root / 'cam.pth')
        assert built.test_dataloader.dataset.pipeline == config.seed_dataloader.dataset.pipeline
        assert built.custom_hooks == [] and built.train_cfg is built.train_dataloader is None


@pytest.mark.parametrize('tta', [True, False])
def test_a_classification_network_is_always_tested_by_its_views(root, folder, figures, run, tta):
    config = run.workspace.network_config('bank')
    config.work_dir = str(root / 'log')
    config.tta_pipeline = config.seed_dataloader.dataset.pipeline
    config.test_dataloader = copy.deepcopy(config.seed_dataloader)
    dataset = config.test_dataloader.dataset
    dataset.update(load_masks=True, pipeline=[LOAD, {'type': 'mmwsss.PackImageLabelInputs'}])
    dataset.dataset.ann_file = 'some.txt'
    config.test_evaluator = {'type': 'mmwsss.SeedMetric', 'sources': ('cam',)}
    config.test_cfg = {'type': 'TestLoop'}
    found = network.test(config, folder / 'bank/epoch_1.pth', tta)
    best = figures['seed_scores']['sources']['cam']['best']
    # of float32, where the files of the seeds have float16
    assert found['seed/cam_mIoU'] == pytest.approx(best['mIoU'], abs=0.3)
