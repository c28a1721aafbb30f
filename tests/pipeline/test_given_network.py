"""A checkpoint in the place of a stage's training."""

import json

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmwsss.pipeline import network
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.network import last_checkpoint
from mmwsss.pipeline.own_stage import train_own_stage
from mmwsss.pipeline.run import open_workspace, run_pipeline
from mmwsss.pipeline.stages import training
from mmwsss.registry import MODELS
from mmwsss.seeds import save_mask
from mmwsss.seeds.files import load_seed
from mmwsss.toy_scenes import CLASSES

IDS = ('a', 'b')
CAT = CLASSES.index('cat')  # with the background at 0


@pytest.fixture
def config(tmp_path, monkeypatch):
    """IRN's toy config on two small images, which make no batch."""
    monkeypatch.setattr(training, 'check_batches', lambda *a: None)
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path))
    data = tmp_path / 'toy_scenes'
    for folder in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (data / folder).mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in IDS:
        pixels = generator.integers(0, 256, (40, 56, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(data / 'JPEGImages' / f'{name}.jpg')
        save_mask(data / 'SegmentationClass' / f'{name}.png', np.full((40, 56), CAT, np.uint8))
    for split in ('train', 'val'):
        (data / f'ImageSets/Segmentation/{split}.txt').write_text('a\nb\n')
    (data / 'image_labels.json').write_text(json.dumps({name: ['cat', 'dog'] for name in IDS}))
    return load_config('configs/quickstart/irn_toy.py')


@pytest.fixture
def given(config, tmp_path):
    """A file with the host's weights, and the config that takes it."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    state = MODELS.build(config.model).state_dict()
    path = tmp_path / 'host.pth'
    torch.save({'state_dict': state}, path)
    config.stages.cam.checkpoint = str(path)
    return path


def test_seeds_are_those_of_the_given_network(config, given, tmp_path, monkeypatch):
    monkeypatch.setattr(network, 'train', lambda *a: pytest.fail('trains'))
    run = run_pipeline(config, tmp_path / 'run', until='seeds')
    assert run.records['cam']['figures'] == {'checkpoint': 'given.pth', 'given': str(given)}
    copy = last_checkpoint(tmp_path / 'run/cam')
    assert copy.read_bytes() == given.read_bytes()
    seeds = [load_seed(tmp_path / f'run/seeds/seeds/{name}.npz') for name in IDS]
    config.work_dir = str(tmp_path / 'log')
    network.generate_seeds(config, given, tmp_path / 'alone')
    for name, seed in zip(IDS, seeds, strict=True):
        expected = load_seed(tmp_path / f'alone/{name}.npz')
        assert np.array_equal(seed.cam, expected.cam)
        assert seed.cam.any()


def test_another_file_makes_other_seeds(config, given, tmp_path):
    keys = []
    for value in (0.0, 1.0):
        content = torch.load(given, weights_only=True)
        content['state_dict']['cam_head.classifier.weight'].fill_(value)
        torch.save(content, given)
        run = run_pipeline(config, tmp_path / 'run', until='cam')
        keys.append(run.records['cam']['key'])
    assert keys[0] != keys[1]
    copy = torch.load(last_checkpoint(tmp_path / 'run/cam'), weights_only=True)
    assert copy['state_dict']['cam_head.classifier.weight'].eq(1).all()


def without(state, part):
    return {name: value for name, value in state.items() if part not in name}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda state: without(state, 'cam_head'), r'leaves 1 of \d+ .*cam_head\.classifier'),
        (
            lambda state: without(state, 'cam_head') | {'decode_head.a': torch.zeros(1)},
            r"cam_head\.classifier\.weight; it seems to be a segmentor's",
        ),
        (
            lambda state: state | {'cam_head.classifier.weight': torch.zeros(3, 320, 1, 1)},
            r'the checkpoint has 3 classes and the model',
        ),
        (
            lambda state: state | {'backbone.stem.0.bias': torch.full((32,), torch.nan)},
            r'holds values that are not finite .*backbone\.stem\.0\.bias',
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_stage(
    config, given, tmp_path, change, message
):
    torch.save(change(torch.load(given, weights_only=True)['state_dict']), given)
    with pytest.raises(ValueError, match=rf'host\.pth.*{message}'):
        run_pipeline(config, tmp_path / 'run', until='seeds')
    assert not (tmp_path / 'run').exists()


def test_a_missing_file_is_named_before_the_first_stage(config, tmp_path):
    config.stages.irnet.checkpoint = 'absent.pth'
    with pytest.raises(FileNotFoundError, match=r'no checkpoint absent\.pth: give the path'):
        run_pipeline(config, tmp_path / 'run', until='walk')
    assert not (tmp_path / 'run').exists()


def test_what_the_training_would_read_may_be_left_out(config, given, tmp_path):
    """IRNet is given, too: no ir_labels are needed."""
    config.stages.irnet.checkpoint = str(given)
    config.stages.ir_labels = None
    stages = open_workspace(config, tmp_path / 'run').stages
    assert stages['irnet'].inputs() == []
    assert 'ir_labels' not in stages
    assert list(stages).index('irnet') < list(stages).index('walk')


def test_there_is_nothing_to_train(config, given):
    with pytest.raises(ValueError, match=r"'cam' is given its network, .*host\.pth: .*nothing to"):
        train_own_stage(config)
