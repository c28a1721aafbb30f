"""What the configs of MCTformer and of its segmentor say, beyond that they can be built."""

from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS, TRANSFORMS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def read(path):
    config = load_config(CONFIGS / path)
    init_default_scope('mmseg')
    return config


def run(pipeline, skipped, image):
    steps = [TRANSFORMS.build(step) for step in pipeline if step['type'] not in skipped]
    return Compose(steps)(
        {'img': image, 'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]}
    )


def test_the_plugin_takes_the_patch_tokens_as_they_are():
    projection = read('cpal/mctformer_cpal_voc.py').model.prototype_head.projection
    assert projection == {'type': 'mmwsss.IdentityProjection', 'in_channels': 384}


@pytest.mark.parametrize('path', ['mctformer/mctformer_voc.py', 'cpal/mctformer_cpal_voc.py'])
def test_rate_and_decay_of_every_parameter(path):
    config = read(path)
    model = MODELS.build(config.model)
    optimizer = build_optim_wrapper(model, config.optim_wrapper).optimizer
    assert type(optimizer).__name__ == 'AdamW'
    decay = {id(group['params'][0]): group['weight_decay'] for group in optimizer.param_groups}
    assert {group['lr'] for group in optimizer.param_groups} == {6.25e-5}
    for name, parameter in model.named_parameters():
        without = parameter.dim() == 1 or name.endswith(('cls_token', 'pos_embed'))
        assert decay[id(parameter)] == (0 if without else 0.05), name


def test_training_crops_are_224_and_seeds_are_made_of_the_image_itself():
    config = read('mctformer/mctformer_voc.py')
    assert config.total_batch_size == 64
    assert config.train_cfg.max_epochs == 60
    image = np.zeros((375, 500, 3), np.uint8)
    crop = run(config.train_dataloader.dataset.pipeline, {'mmwsss.LoadImage'}, image)
    assert crop['inputs'].shape == (3, 224, 224)
    views = run(config.seed_dataloader.dataset.pipeline, {'mmwsss.LoadImage'}, image)
    assert [tuple(view.shape) for view in views['inputs']] == [(3, 375, 500)] * 2
    assert [sample.flip for sample in views['data_samples']] == [False, True]


@pytest.mark.parametrize('path', ['mctformer/mctformer_voc.py', 'quickstart/mctformer_toy.py'])
def test_irnet_begins_with_the_weights_of_its_own_config(path):
    """A ViT has none of the stages that IRNet's backbone has."""
    assert build_stages(read(path))['irnet'].backbone is None


def test_resnet38_learns_in_crops_of_448_and_is_tested_at_six_scales():
    config = read('deeplabv2/deeplabv2_resnet38_voc.py')
    assert config.optim_wrapper.optimizer.lr == 1e-3
    assert config.total_batch_size == 10
    assert config.train_cfg.max_epochs * (10582 // 10) == pytest.approx(20000, rel=0.01)
    image = np.full((375, 500, 3), 99, np.uint8)
    packed = run(
        config.train_dataloader.dataset.pipeline, {'mmwsss.LoadImage', 'LoadAnnotations'}, image
    )
    assert max(packed['inputs'].shape) <= 448
    assert config.model.data_preprocessor['size'] == (448, 448)
    jitter = [step['type'] for step in config.train_dataloader.dataset.pipeline]
    assert jitter.count('PhotoMetricDistortion') == 1
    views = config.tta_pipeline[1]
    assert (len(views['scales']), views.get('flip', True)) == (6, True)
    assert config.tta_model.type == 'mmwsss.CRFSegTTAModel'
