"""CPAL's reading with a background prototype: how many prototypes share the weight."""

from pathlib import Path

import pytest
import torch

from mmwsss.functional import cpal
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput
from mmwsss.toy_scenes.writer import draw_numbered_scene

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = 'cpal/irn_cpal_voc_mini.py', 'cpal/irn_cpal_voc.py'
READING = 'cpal/irn_cpal_voc_photos.py'
TRAINING_FREE = 'cpal/irn_cpal_training_free_voc_photos.py'
IMAGES, CLASSES, ROUNDS = 16, 2, 8


@pytest.fixture(scope='module')
def batches():
    """Features of toy scenes by EfficientNet-Lite0 as ImageNet left it, with CAMs made up."""
    backbone = MODELS.build({'type': 'mmwsss.EfficientNetLite0'}).eval()
    generator = torch.Generator().manual_seed(0)
    found = []
    for first in range(ROUNDS):
        scenes = [
            draw_numbered_scene(0, 'train', first * IMAGES + n, (128, 128)) for n in range(IMAGES)
        ]
        pixels = torch.stack([torch.from_numpy(scene.image.copy()) for scene in scenes])
        with torch.no_grad():
            features = backbone((pixels.permute(0, 3, 1, 2).float() - 127) / 128)
        size = features[-1].shape[-2:]
        cam = torch.rand(IMAGES, CLASSES, *size, generator=generator)
        found.append(CAMOutput(features, cam, torch.ones(IMAGES, 1, *size)))
    return found


def effective_numbers(name, batches, monkeypatch, **options):
    """Fill the bank with the batches, and look at the weights of the last one."""
    config = load_config(ROOT / 'configs' / name).model.prototype_head.to_dict()
    config.update(num_classes=CLASSES, **options)
    config['projection'] = {'type': 'mmwsss.IdentityProjection', 'in_channels': 320}
    head = MODELS.build(config)
    label = torch.ones(IMAGES, CLASSES, dtype=torch.long)
    for output in batches:
        head.collect(output, label)
    head.update_context_prototypes(0)
    seen = []
    real = cpal.neighbor_direction

    def record(context, weight):
        # pairs are sorted by image, and an image's background, if it has one, comes first
        classes = weight.unflatten(0, (IMAGES, -1))[:, -CLASSES:]
        seen.append(cpal.effective_number(classes.flatten(0, 1)))
        return real(context, weight)

    monkeypatch.setattr(cpal, 'neighbor_direction', record)
    head.predict(batches[-1], label)
    return seen[0], int(head.bank.context_count.max())


def test_the_weights_are_neither_one_hot_nor_all_alike(batches, monkeypatch):
    number, prototypes = effective_numbers(READING, batches, monkeypatch)
    assert prototypes == 50
    assert len(number) == IMAGES * CLASSES
    assert 2 <= number.mean() <= prototypes / 2


@pytest.mark.parametrize('name', SHIPPED)
def test_raw_dot_products_leave_one_prototype_the_weight(name, batches, monkeypatch):
    """What docs/methods/cpal.md says of the default, which is the letter of Eq. 7."""
    number, _ = effective_numbers(name, batches, monkeypatch)
    assert number.mean() < 2


def test_a_low_temperature_leaves_an_image_with_itself(batches, monkeypatch):
    """The image's own entry is in the bank: its cosine is far above all others."""
    options = {'weighting': 'weighted_map', 'temperature': 0.05}
    number, _ = effective_numbers(READING, batches, monkeypatch, **options)
    assert number.mean() < 2


@pytest.mark.parametrize('name', [READING, TRAINING_FREE])
def test_every_stage_takes_the_maps_of_the_reading(name):
    stages = load_config(ROOT / 'configs' / name).stages
    for stage in ('plain_masks', 'crf_masks', 'ir_labels', 'walk'):
        assert stages[stage].source == 'pacam', stage


def test_no_stage_without_training_has_a_threshold():
    stages = load_config(ROOT / 'configs' / TRAINING_FREE).stages
    for stage in ('plain_masks', 'crf_masks', 'ir_labels', 'pseudo_masks'):
        assert stages[stage].bg_threshold is None, stage
    assert stages.ir_labels.fg_threshold is None


def test_what_has_masks_to_judge_by_takes_the_thresholds_of_the_host():
    stages, host = (
        load_config(ROOT / 'configs' / name).stages for name in (READING, 'irn/irn_voc_photos.py')
    )
    for stage in ('crf_masks', 'ir_labels', 'pseudo_masks'):
        assert stages[stage].bg_threshold == host[stage].bg_threshold, stage
    assert stages.ir_labels.fg_threshold == host.ir_labels.fg_threshold
