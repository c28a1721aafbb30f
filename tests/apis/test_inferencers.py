"""Inferencers on the work folder of a run whose networks have learnt nothing."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmwsss.apis import SeedInferencer, SegInferencer, load
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.workspace import write_record
from mmwsss.registry import MODELS
from mmwsss.seeds import Seed

SIZE = (30, 44)
SMALL = {'type': 'mmwsss.MultiScaleFlip', 'long_sides': (32, 48)}


def leave_network(folder, name, options):
    """Write what a finished training leaves."""
    config = load_config(name, options)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    network = MODELS.build(config.model)
    folder.mkdir(parents=True)
    torch.save({'state_dict': network.state_dict()}, folder / 'epoch_1.pth')
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    config.dump(folder / f'{name}.py')
    write_record(folder / 'done.json', {'figures': {'checkpoint': 'epoch_1.pth'}})


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp('run')
    load_only = {'type': 'mmwsss.LoadImage'}
    views = [load_only, SMALL]
    leave_network(root / 'cam', 'irn_cpal_own', {'seed_dataloader.dataset.pipeline': views})
    segmentor_views = [
        load_only,
        {**SMALL, 'annotations': True, 'resize': 'Resize', 'interpolation': 'bilinear',
         'pack': 'PackSegInputs'},
    ]  # fmt: skip
    options = {'tta_pipeline': segmentor_views, 'tta_model.crf': None}
    leave_network(root / 'segmentor', 'deeplabv2_efficientnet_lite0_own', options)
    return root


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    pixels = np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp('images') / 'a.png'
    Image.fromarray(pixels[0]).save(path)
    return path, pixels


def test_files_and_arrays_have_the_same_masks(run, images):
    path, pixels = images
    infer = SegInferencer(run)
    assert infer.classes == ('background', 'cat', 'dog')
    alone = infer(path)['predictions'][0]
    result = infer([path, *pixels], batch_size=2, overlay=True, scores=True)
    masks = [prediction['mask'] for prediction in result['predictions']]
    assert [mask.shape for mask in masks] == [SIZE] * 3 and masks[0].dtype == np.uint8
    np.testing.assert_array_equal(masks[0], alone['mask'])
    np.testing.assert_array_equal(masks[0], masks[1])
    scores = result['predictions'][2]['scores']
    np.testing.assert_array_equal(scores.argmax(axis=0), masks[2])
    np.testing.assert_allclose(scores.sum(axis=0), 1, atol=1e-5)
    assert [picture.shape for picture in result['visualization']] == [(*SIZE, 3)] * 3
    assert 'scores' not in alone


def test_one_view_has_scores_too(run, images):
    [prediction] = SegInferencer(run, tta=False)(images[0], scores=True)['predictions']
    assert prediction['mask'].shape == SIZE
    np.testing.assert_array_equal(prediction['scores'].argmax(axis=0), prediction['mask'])


def test_seeds_have_a_map_of_each_class_that_is_said_to_be_there(run, images):
    path, pixels = images
    infer = SeedInferencer(run)
    result = infer([path, *pixels], [['dog'], ['dog'], ['cat', 'dog']], overlay=True)
    seeds = result['predictions']
    assert all(isinstance(seed, Seed) for seed in seeds)
    assert [seed.classes.tolist() for seed in seeds] == [[1], [1], [0, 1]]
    assert seeds[0].size == SIZE and seeds[0].sources == ('cam', 'pacam', 'sum')
    np.testing.assert_array_equal(seeds[0].cam, seeds[1].cam)
    assert [list(pictures) for pictures in result['visualization']] == [
        ['dog'], ['dog'], ['cat', 'dog']
    ]  # fmt: skip
    [alone] = infer(path, ['dog'])['predictions']
    np.testing.assert_array_equal(alone.cam, seeds[0].cam)


def test_wrong_input_is_said(run, images):
    infer = SegInferencer(run)
    with pytest.raises(ValueError, match=r'an image is .* uint8, RGB, not'):
        infer(images[1].astype(np.float32)[0])
    with pytest.raises(ValueError, match='batch_size is 0'):
        infer(images[0], batch_size=0)
    seeds = SeedInferencer(run)
    with pytest.raises(ValueError, match="unknown class 'cow'; known are cat, dog"):
        seeds(images[0], ['cow'])
    with pytest.raises(ValueError, match='2 images and 1 lists'):
        seeds(list(images[1]), [['cat']])


def test_a_run_is_loaded(run, images, tmp_path):
    loaded = load(run)
    assert loaded.figures['cam'] == {'checkpoint': 'epoch_1.pth'}
    assert loaded.segmentor(images[0])['predictions'][0]['mask'].shape == SIZE
    assert loaded.masks() == {} and loaded.seeds() == {}
    with pytest.raises(FileNotFoundError, match='no finished stage'):
        load(tmp_path)
