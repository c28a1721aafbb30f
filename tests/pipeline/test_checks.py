"""What is found before the first stage, and trainings that go on."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmwsss.pipeline import network
from mmwsss.pipeline.config import check_types, load_config, merge_options
from mmwsss.pipeline.run import check_stages, open_workspace
from mmwsss.pipeline.stages import training
from mmwsss.pipeline.stages.images import loader_recipe
from mmwsss.registry import MODELS
from mmwsss.seeds import Seed, read_meta, save_mask, save_seed, write_meta
from mmwsss.toy_scenes import CLASSES

ROOT = Path(__file__).resolve().parents[2]
IDS = ('a', 'b')
CAT = CLASSES.index('cat')  # with the background at 0


@pytest.fixture
def config(tmp_path, monkeypatch):
    """CPAL's toy config on two images, which make no batch."""
    monkeypatch.setattr(training, 'check_batches', lambda *a: None)
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path))
    data = tmp_path / 'toy_scenes'
    for folder in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (data / folder).mkdir(parents=True)
    for name in IDS:
        Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(data / 'JPEGImages' / f'{name}.jpg')
        save_mask(data / 'SegmentationClass' / f'{name}.png', np.full((8, 9), CAT, np.uint8))
    for split in ('train', 'val'):
        (data / f'ImageSets/Segmentation/{split}.txt').write_text('a\nb\n')
    (data / 'image_labels.json').write_text(json.dumps({name: ['cat'] for name in IDS}))
    return load_config(ROOT / 'configs/quickstart/irn_cpal_toy.py')


def check(config, tmp_path, *names):
    """Check some of the stages, or all of them."""
    workspace = open_workspace(config, tmp_path / 'run')
    wanted = names or workspace.stages
    check_stages([workspace.stages[name] for name in wanted], workspace)


def stage_of(config, name):
    return config.stages[name]


def test_the_shipped_pipeline_passes(config, tmp_path):
    check(config, tmp_path)


def test_a_backbone_that_has_other_layers_is_no_beginning(config, tmp_path):
    stage_of(config, 'irnet').config = 'configs/irn/irnet_r50_own.py'
    message = r"irnet\.backbone is 'cam', whose mmwsss\.EfficientNetLite0 .*: set .*backbone=None"
    with pytest.raises(ValueError, match=message):
        check(config, tmp_path)
    stage_of(config, 'irnet').backbone = None
    check(config, tmp_path)


def test_missing_files_are_named(config, tmp_path):
    data = tmp_path / 'toy_scenes'
    (data / 'ImageSets/Segmentation/val.txt').rename(data / 'val.txt')
    with pytest.raises(FileNotFoundError, match=r'no image list .*val\.txt; check `data_root`'):
        check(config, tmp_path)
    (data / 'val.txt').rename(data / 'ImageSets/Segmentation/val.txt')
    (data / 'SegmentationClass/b.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 2 mask files .*b\.png; set the folder'):
        check(config, tmp_path)


def test_a_missing_mask_of_the_test_is_named(config, tmp_path):
    data = tmp_path / 'toy_scenes'
    (data / 'ImageSets/Segmentation/val.txt').write_text('c\n')
    (data / 'JPEGImages/a.jpg').rename(data / 'JPEGImages/c.jpg')
    for split in ('train',):
        (data / f'ImageSets/Segmentation/{split}.txt').write_text('b\n')
    with pytest.raises(FileNotFoundError, match=r'1 of 1 mask files .*c\.png'):
        check(config, tmp_path)


def test_images_to_judge_need_seeds(config, tmp_path):
    (tmp_path / 'ids.txt').write_text('a\nc\n')
    save_mask(tmp_path / 'toy_scenes/SegmentationClass/c.png', np.zeros((8, 9), np.uint8))
    stage_of(config, 'seed_scores').ids = str(tmp_path / 'ids.txt')
    with pytest.raises(ValueError, match=r"'seed_scores' judges image 'c' and 0 more"):
        check(config, tmp_path)


def test_images_without_a_label_are_found_before_the_first_stage(config, tmp_path):
    (tmp_path / 'labels.json').write_text('{"a": []}')
    config.seed_dataloader.dataset.label_file = str(tmp_path / 'labels.json')
    with pytest.raises(ValueError, match=r'no entry for 1 of 2 images, among them b'):
        check(config, tmp_path)


@pytest.mark.parametrize(
    ('stage', 'option', 'value', 'message'),
    [
        ('crf_masks', 'source', 'pcam', "masks.source is 'pcam'; .* cam, pacam"),
        ('ir_labels', 'source', 'pcam', "ir_labels.source is 'pcam'"),
        ('walk', 'source', 'pcam', "walk.source is 'pcam'"),
        ('pseudo_masks', 'source', 'pacam', "but the seeds of 'walk' have cam"),
        ('crf_masks', 'bg_threshold', 'bset', "is 'bset'; it must be a number, or be"),
        ('crf_masks', 'scores', 'cam', "its scores, 'cam', are of no EvaluateSeeds stage"),
        ('crf_masks', 'crf', 'irnn', "crf of stage 'crf_masks' is 'irnn'; choose one of"),
        ('crf_masks', 'refiner', 'PAR', "masks.refiner is 'PAR'; choose one of crf, par"),
        ('ir_labels', 'crf_backend', 'cuda', "ir_labels.crf_backend is 'cuda'; choose one of"),
    ],
)
def test_options_are_checked(config, tmp_path, stage, option, value, message):
    stage_of(config, stage)[option] = value
    with pytest.raises(ValueError, match=message):
        check(config, tmp_path)


def test_the_recipe_says_what_computes_the_crf(config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydensecrf', None)
    workspace = open_workspace(config, tmp_path / 'run')
    backends = {
        name: workspace.stages[name].recipe(workspace).get('crf_backend')
        for name in ('ir_labels', 'crf_masks', 'pseudo_masks')
    }
    assert backends == {'ir_labels': 'torch', 'crf_masks': 'torch', 'pseudo_masks': None}
    stage_of(config, 'crf_masks').update(refiner='par', crf_backend='pydensecrf')
    check(config, tmp_path)  # which it does not need
    stage_of(config, 'crf_masks').refiner = 'crf'
    with pytest.raises(ImportError, match="'crf_masks' has crf_backend='pydensecrf', which is not"):
        check(config, tmp_path)


def test_scores_of_other_seeds_are_refused(config, tmp_path):
    stage_of(config, 'pseudo_masks').scores = 'seed_scores'
    with pytest.raises(ValueError, match=r"refines 'walk', but .*'seed_scores', are of 'seeds'"):
        check(config, tmp_path)


def test_a_stated_batch_that_fits_its_processes_is_taken(config, tmp_path):
    config.train_dataloader.batch_size = 4
    workspace = open_workspace(config, tmp_path / 'run', gpus=4)
    stage = workspace.stages['cam']
    stage.check(workspace)
    shared = stage.recipe(workspace)
    del config.train_dataloader['batch_size']
    assert shared == stage.recipe(open_workspace(config, tmp_path / 'run'))
    assert shared['data']['loader']['batch_size'] == 16


def test_a_count_in_the_options_of_the_own_network_must_fit(config, tmp_path):
    stage_of(config, 'cam').options = {'model.cam_head.num_classes': 5}
    with pytest.raises(ValueError, match=r'stages\.cam\.options\..*num_classes is 5'):
        check(config, tmp_path)


def test_images_of_a_folder_without_a_list_decide_the_recipe(tmp_path):
    (tmp_path / 'images').mkdir()
    loader = {'dataset': {'data_root': str(tmp_path), 'data_prefix': {'img_path': 'images'}}}
    before = loader_recipe(loader)
    (tmp_path / 'images/new.jpg').touch()
    assert loader_recipe(loader) != before


def test_labels_and_lists_saved_anew_with_the_same_content_are_the_same(tmp_path):
    (tmp_path / 'labels.csv').write_bytes(b'image_id,classes\na,cat\nb,dog cat\n')
    (tmp_path / 'list.txt').write_bytes(b'a\nb\n')
    wrapped = {
        'data_root': str(tmp_path),
        'ann_file': 'list.txt',
        'metainfo': {'classes': ['background', 'cat', 'dog']},
    }
    loader = {'dataset': {'dataset': wrapped, 'label_file': str(tmp_path / 'labels.csv')}}
    before = loader_recipe(loader)
    (tmp_path / 'labels.csv').write_bytes(b'\xef\xbb\xbfb,"cat;dog"\r\na,cat\r\n')
    (tmp_path / 'list.txt').write_bytes('a\r\nb\r\n\r\n'.encode('utf-16'))
    assert loader_recipe(loader) == before
    (tmp_path / 'labels.csv').write_bytes(b'b,dog\na,cat\n')
    assert loader_recipe(loader) != before


def test_labels_without_images_are_noted_once(config, tmp_path):
    path = tmp_path / 'toy_scenes/image_labels.json'
    path.write_text(json.dumps({name: ['cat'] for name in (*IDS, 'gone')}))
    workspace = open_workspace(config, tmp_path / 'run')
    for stage in workspace.stages.values():
        stage.check(workspace)
    (note,) = workspace.notes
    assert 'entries for 1 images' in note
    assert note.endswith('among them gone')


def test_ground_truth_that_holds_no_class_is_refused(config, tmp_path):
    folder = tmp_path / 'toy_scenes/SegmentationClass'
    for name in IDS:
        save_mask(folder / f'{name}.png', np.full((8, 9), 255, np.uint8))
    with pytest.raises(ValueError, match=r'none of the 2 masks .*SegmentationClass .*values 255'):
        check(config, tmp_path)


def test_every_training_is_asked_whether_its_images_make_a_batch(config, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(training, 'check_batches', lambda config, *counts: asked.append(counts))
    check(config, tmp_path)
    assert asked == [(2, 1, 'cam'), (2, 1, 'irnet'), (2, 1, 'segmentor')]


@pytest.mark.parametrize(
    ('place', 'value', 'message'),
    [
        ('train_cfg.max_epochs', 0, r'train_cfg\.max_epochs is 0; it must be at least 1'),
        ('total_batch_size', -2, r'total_batch_size is -2'),
        ('seed_dataloader.num_workers', -1, r'seed_dataloader\.num_workers is -1'),
    ],
)
def test_numbers_that_make_no_sense_are_refused(config, tmp_path, place, value, message):
    merge_options(config, {place: value})
    with pytest.raises(ValueError, match=message):
        check(config, tmp_path)


@pytest.mark.parametrize(
    ('place', 'value', 'message'),
    [
        ('model.type', 'CAMSegmentr', r"model\.type is 'CAMSegmentr', which is unknown: did you"),
        ('custom_hooks.0.type', 'Nope', r"custom_hooks\.0\.type is 'Nope', which is unknown"),
        ('optim_wrapper.type', 'AmpOptimWraper', "did you mean 'AmpOptimWrapper'"),
    ],
)
def test_types_that_nobody_knows_are_refused(config, place, value, message):
    merge_options(config, {place: value})
    with pytest.raises(ValueError, match=message):
        check_types(config)


def test_a_pass_that_learns_no_weight_has_a_rate_of_zero(config, tmp_path):
    merge_options(config, {'optim_wrapper.optimizer.lr': 0.0})
    check(config, tmp_path)


def test_what_is_wrong_with_images_labels_and_numbers_is_said_at_once(config, tmp_path):
    (tmp_path / 'toy_scenes/image_labels.json').write_text('{"a": []}')
    (tmp_path / 'toy_scenes/JPEGImages/a.jpg').write_bytes(b'')
    config.train_cfg.max_epochs = 0
    with pytest.raises(ValueError, match='things are wrong') as caught:
        check(config, tmp_path)
    lines = str(caught.value).splitlines()
    for words in ('max_epochs is 0', 'no entry for 1 of 2 images', 'a.jpg is damaged, or no image'):
        assert sum(words in line for line in lines) == 1


def test_two_backgrounds_are_refused(config, tmp_path):
    stage_of(config, 'crf_masks').update(bg_power=2, bg_threshold=0.3, scores=None)
    with pytest.raises(ValueError, match=r'has bg_power=2 and bg_threshold=0\.3, but a background'):
        check(config, tmp_path)


OWN = "but the seeds of '{}' have none that competes with {}: give a number"


@pytest.mark.parametrize(
    ('stage', 'options', 'message'),
    [
        ('crf_masks', {'bg_threshold': None}, OWN.format('seeds', 'cam')),
        ('crf_masks', {'bg_threshold': None, 'source': 'pacam'}, OWN.format('seeds', 'pacam')),
        ('ir_labels', {'fg_threshold': None, 'bg_threshold': None}, OWN.format('seeds', 'cam')),
        ('pseudo_masks', {'bg_threshold': None}, OWN.format('walk', 'cam')),
    ],
)
def test_a_background_that_no_seed_will_have_is_missed_before_the_first_stage(
    config, tmp_path, stage, options, message
):
    config.model.prototype_head.background = 'one_minus_max'
    for name in ('crf_masks', 'ir_labels', 'walk'):
        stage_of(config, name).source = 'cam'
    stage_of(config, stage).update(options)
    with pytest.raises(ValueError, match=rf"^stage '{stage}' has .*{message}$"):
        check(config, tmp_path, stage)


def test_a_background_of_the_plug_in_competes_with_its_maps_and_walks_along(config, tmp_path):
    config.model.prototype_head.background = 'prototype'
    stage_of(config, 'crf_masks').update(bg_threshold=None, source='pacam')
    stage_of(config, 'walk').source = 'pacam'
    stage_of(config, 'pseudo_masks').bg_threshold = None
    check(config, tmp_path, 'crf_masks', 'walk', 'pseudo_masks')
    stage_of(config, 'walk').source = 'sum'
    with pytest.raises(ValueError, match=OWN.format('walk', 'cam')):
        check(config, tmp_path, 'pseudo_masks')


@pytest.mark.parametrize(
    ('network', 'user', 'missing', 'cure'),
    [
        ('segmentor', 'test', 'tta_model', r', or set stages\.test\.tta=False \('),
        ('segmentor', 'test', 'tta_pipeline', ', or set'),
        ('cam', 'seeds', 'tta_model', r' \('),
        ('irnet', 'walk', 'tta_model', r' \('),
    ],
)
def test_how_views_are_merged_must_be_said(config, tmp_path, network, user, missing, cure):
    stage_of(config, network).options = {missing: None}
    message = rf"^stage '{user}' merges several views .* has no {missing}: add it{cure}"
    with pytest.raises(ValueError, match=message):
        check(config, tmp_path, user)


def test_a_test_of_single_views_needs_none(config, tmp_path):
    stage_of(config, 'segmentor').options = {'tta_model': None}
    stage_of(config, 'test').tta = False
    check(config, tmp_path, 'test')


def test_images_of_a_walk_that_its_network_says_are_taken(config, tmp_path):
    def images():
        workspace = open_workspace(config, tmp_path / 'run')
        return workspace.stages['walk']._config(workspace).seed_dataloader.dataset

    assert images().label_file == config.seed_dataloader.dataset.label_file
    stage_of(config, 'irnet').options = {'seed_dataloader.dataset.label_file': 'other.json'}
    assert images().label_file == 'other.json'
    assert images().pipeline[-1].type == 'mmwsss.MultiScaleFlip'
    assert images().pipeline != config.seed_dataloader.dataset.pipeline


def test_a_host_has_no_pacam(config, tmp_path):
    config.model.prototype_head = None
    stage_of(config, 'crf_masks').source = 'pacam'
    with pytest.raises(ValueError, match="but the seeds of 'seeds' have cam"):
        check(config, tmp_path)


def test_the_weights_to_begin_with_must_be_there(config, tmp_path):
    config.load_from = 'absent.pth'
    with pytest.raises(FileNotFoundError, match=r'begins with absent\.pth, .* first'):
        check(config, tmp_path)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'x': torch.full((2,), torch.nan)}, r'first\.pth holds values that are not finite'),
        ([], r'first\.pth holds a list'),
    ],
)
def test_the_weights_to_begin_with_are_read_first(config, tmp_path, content, message):
    torch.save(content, tmp_path / 'first.pth')
    config.load_from = str(tmp_path / 'first.pth')
    with pytest.raises(ValueError, match=message):
        check(config, tmp_path)


def test_the_weights_of_the_backbone_are_tried_first(config, tmp_path):
    backbone = MODELS.build(config.model.backbone)
    path = tmp_path / 'backbone.pth'
    config.model.backbone.init_cfg = {'type': 'Pretrained', 'checkpoint': str(path)}
    with pytest.raises(FileNotFoundError, match=r'backbone\.pth are not there'):
        check(config, tmp_path)
    state = {f'backbone.{name}': value for name, value in backbone.state_dict().items()}
    torch.save({'state_dict': state}, path)
    before = torch.get_rng_state()
    check(config, tmp_path)
    assert torch.get_rng_state().equal(before)
    state.popitem()
    torch.save({'state_dict': state}, path)
    with pytest.raises(ValueError, match=r'backbone\.pth: this file leaves 1 of'):
        check(config, tmp_path)


def recipe_of(config, tmp_path, stage):
    workspace = open_workspace(config, tmp_path / 'run')
    return workspace.stages[stage].recipe(workspace)


@pytest.mark.parametrize('part', ['backbone', 'cam_head', 'prototype_head'])
def test_a_new_file_that_a_model_names_is_another_training(config, tmp_path, part):
    path = tmp_path / 'weights.pth'
    config.model[part].init_cfg = [{'type': 'Pretrained', 'checkpoint': str(path)}]
    recipes = []
    for content in (b'1', b'1', b'2'):
        path.write_bytes(content)
        recipes.append(recipe_of(config, tmp_path, 'cam'))
    assert recipes[0] == recipes[1] != recipes[2]
    assert list(recipes[0]['frozen']) == [f'model.{part}.init_cfg.0.checkpoint']


@pytest.mark.parametrize(
    ('stage', 'change'),
    [
        ('cam', {'sync_bn': 'torch'}),
        ('seeds', {'seed_writer': {'type': 'mmwsss.SeedWriter'}}),
        ('cam', {'custom_hooks': []}),
    ],
)
def test_what_decides_the_files_is_in_the_recipe(config, tmp_path, stage, change):
    before = recipe_of(config, tmp_path, stage)
    assert not change.keys() - {'custom_hooks'} & before.keys()  # as in folders of before
    config.update(change)
    assert recipe_of(config, tmp_path, stage) != before


@pytest.mark.parametrize('begun', [True, False])
def test_a_training_goes_on_from_its_own_checkpoint(tmp_path, monkeypatch, begun):
    """mmengine would go on from `load_from`, a finished training's last epoch."""
    torch.save({'a': torch.zeros(1)}, tmp_path / 'host.pth')
    (tmp_path / 'run').mkdir()
    if begun:
        torch.save({'a': torch.ones(1)}, tmp_path / 'run/epoch_1.pth')
        (tmp_path / 'run/last_checkpoint').write_text('epoch_1.pth')
    config = Config(
        {
            'work_dir': str(tmp_path / 'run'),
            'load_from': str(tmp_path / 'host.pth'),
            'resume': True,
            'train_dataloader': {},
        }
    )
    seen = []

    class Runner:
        def register_hook(self, hook): ...

        def train(self):
            seen.append((config.resume, config.load_from))

    monkeypatch.setattr(network, '_build_runner', lambda config, **options: Runner())
    monkeypatch.setattr(network, 'last_checkpoint', lambda folder: Path('epoch_2.pth'))
    network.train(config)
    assert seen == [(True, None) if begun else (False, str(tmp_path / 'host.pth'))]


@pytest.mark.parametrize('content', [None, b'junk'])
def test_a_refused_checkpoint_leaves_no_seeds(config, tmp_path, content):
    path = tmp_path / 'epoch_9.pth'
    if content:
        path.write_bytes(content)
    error = ValueError if content else FileNotFoundError
    with pytest.raises(error, match=r'epoch_9\.pth'):
        network.generate_seeds(config, path, tmp_path / 'seeds')
    assert not (tmp_path / 'seeds').exists()


def test_a_checkpoint_of_other_classes_leaves_no_seeds(config, tmp_path):
    config.work_dir = str(tmp_path / 'log')
    state = MODELS.build(config.model).state_dict()
    state['cam_head.classifier.weight'] = torch.zeros(7, 320, 1, 1)
    torch.save(state, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth: the checkpoint has 7 classes'):
        network.generate_seeds(config, tmp_path / 'other.pth', tmp_path / 'seeds')
    assert not (tmp_path / 'seeds').exists()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda state: (
                {n: v for n, v in state.items() if n.startswith('backbone')}
                | {'decode_head.conv_seg.weight': torch.zeros(11, 4, 1, 1)}
            ),
            r'leaves \d+ of \d+ .*cam_head\.classifier',
        ),
        (lambda state: {n: v for n, v in state.items() if 'cam_head' not in n}, 'leaves 1 of'),
        (lambda state: {n: v for n, v in state.items() if 'prototype_head' not in n}, 'leaves'),
        (lambda state: {n.replace('backbone', 'net'): v for n, v in state.items()}, r'leaves \d'),
        (lambda state: {}, r'other\.pth'),
    ],
)
def test_a_checkpoint_that_leaves_a_part_random_makes_no_seeds(config, tmp_path, change, message):
    config.work_dir = str(tmp_path / 'log')
    state = change(MODELS.build(config.model).state_dict())
    torch.save({'state_dict': state}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=message):
        network.generate_seeds(config, tmp_path / 'other.pth', tmp_path / 'seeds')
    assert not (tmp_path / 'seeds').exists()


def test_seeds_of_another_checkpoint_network_or_view_are_not_mixed(config, tmp_path):
    checkpoint, folder = tmp_path / 'a.pth', tmp_path / 'seeds'
    torch.save({'x': torch.zeros(1)}, checkpoint)
    folder.mkdir()
    write_meta(folder, {'checkpoint': 'b', 'config': 'c', 'files': {'a': 'd'}, 'views': []})
    (folder / 'a.npz').touch()
    message = (
        'of another network and another checkpoint and other files of the network and other views:'
    )
    with pytest.raises(FileExistsError, match=message):
        network.generate_seeds(config, checkpoint, folder)
    assert read_meta(folder)['checkpoint'] == 'b'


def test_seeds_of_the_same_work_go_on(config, tmp_path, monkeypatch):
    checkpoint, folder = tmp_path / 'a.pth', tmp_path / 'seeds'
    torch.save({'x': torch.zeros(1)}, checkpoint)
    for name in IDS:
        save_seed(folder / f'{name}.npz', Seed(np.array([0]), np.ones((1, 2, 3)), (8, 9)))
    merged = Config({**config.to_dict(), 'model': {**config.tta_model, 'module': config.model}})
    write_meta(folder, network._seed_meta(merged, checkpoint))
    assert network.generate_seeds(config, checkpoint, folder) == {'seeds': 2, 'written': 0}
    config.seed_dataloader.dataset.pipeline[-1].scales = (1.0,)
    with pytest.raises(FileExistsError, match='seeds of other views: give another --out-dir, or'):
        network.generate_seeds(config, checkpoint, folder)


TWO = """
_base_ = [{base!r}]
mine = dict(_delete_=True, type='BaseSegDataset', data_root={root!r},
            data_prefix=dict(img_path='JPEGImages'), ann_file='ImageSets/Segmentation/train.txt',
            metainfo=dict(classes=('background', 'cat', 'dog')))
labelled = dict(dataset=mine, label_file={root!r} + '/image_labels.json')
train_dataloader = seed_dataloader = dict(dataset=labelled)
judged_on = tested_on = None
"""


@pytest.fixture
def two(config, tmp_path):
    """Own images of two classes on a config of photographs that are not there."""
    path = tmp_path / 'mine.py'
    base = str(ROOT / 'configs/cpal/irn_cpal_voc_mini.py')
    path.write_text(TWO.format(base=base, root=str(tmp_path / 'toy_scenes')))
    options = {'stages.crf_masks': None, 'stages.pseudo_masks.scores': None}
    return load_config(path, {**options, 'stages.pseudo_masks.bg_threshold': 'auto'})


def test_trainings_on_own_images_open_no_test_images(two, tmp_path):
    assert 'voc_mini' in two.test_dataloader.dataset.dataset.data_root
    check(two, tmp_path)
    workspace = open_workspace(two, tmp_path / 'run')
    trained = [n for n, stage in workspace.stages.items() if isinstance(stage, training.Train)]
    assert trained == ['cam', 'irnet', 'segmentor']
    for name in trained:
        network_config = workspace.network_config(name)
        network_config.work_dir = str(tmp_path / 'log')
        network._build_runner(network_config)


@pytest.mark.parametrize('number', [2, 21])
def test_a_segmentor_of_other_classes_is_refused_before_the_first_stage(two, tmp_path, number):
    two.stages.segmentor.options = {'model.decode_head.num_classes': number}
    with pytest.raises(ValueError, match=rf'num_classes is {number}, .* 2 classes and the back'):
        check(two, tmp_path)


def test_a_run_works_where_its_config_says(config, tmp_path):
    assert open_workspace(config).root == Path('work_dirs/irn_cpal_toy')
    config.work_dir = str(tmp_path / 'mine')
    assert open_workspace(config).root == tmp_path / 'mine'
    assert open_workspace(config, tmp_path / 'run').root == tmp_path / 'run'
