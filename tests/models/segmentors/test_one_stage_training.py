"""One stage from files to masks: the shipped config, and no ground truth of a training image."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from clip_models import SMALL
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image

from mmwsss.pipeline import network
from mmwsss.pipeline.config import load_config
from mmwsss.registry import HOOKS
from mmwsss.seeds.files import load_seed
from mmwsss.seeds.masks import save_mask

pytest.importorskip('open_clip')
CONFIGS = Path(__file__).resolve().parents[3] / 'configs/one_stage'
TRAIN, VAL = ('a', 'b', 'c', 'd'), ('e',)
LABELS = {'a': ['cat'], 'b': ['dog'], 'c': ['cat', 'dog'], 'd': []}
INDEX = {'cat': 8, 'dog': 12}
PATCH = {**SMALL, 'vision_cfg': {**SMALL['vision_cfg'], 'patch_size': 16}}


@HOOKS.register_module(force=True)
class RecordOneStage(Hook):
    losses, refining, shown = [], [], {}

    def before_train(self, runner):
        make = runner.model.make_masks

        def record(inputs, output, samples):
            masks = make(inputs, output, samples)
            for sample, mask in zip(samples, masks, strict=True):
                found = set(mask.unique().tolist())
                self.shown.setdefault(Path(sample.img_path).stem, set()).update(found)
            return masks

        runner.model.make_masks = record

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.refining.append(bool(runner.model.refining))
        self.losses.append({name: float(value) for name, value in outputs.items()})


def write_voc(root):
    """Five small photographs; the ground truth of the training images is a trap."""
    generator = np.random.default_rng(0)
    for name in ('JPEGImages', 'ImageSets/Segmentation', 'SegmentationClass'):
        (root / name).mkdir(parents=True)
    for image_id in TRAIN + VAL:
        pixels = generator.integers(0, 256, (40, 56, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f'JPEGImages/{image_id}.jpg')
        if image_id in TRAIN:
            (root / f'SegmentationClass/{image_id}.png').mkdir()  # opening it raises
    save_mask(root / 'SegmentationClass/e.png', np.zeros((40, 56), dtype=np.uint8))
    for name, ids in (('trainaug', TRAIN), ('val', VAL)):
        (root / f'ImageSets/Segmentation/{name}.txt').write_text('\n'.join(ids))
    (root / 'image_labels.json').write_text(json.dumps(LABELS))


def small_config(work_dir):
    config = load_config(CONFIGS / 'one_stage_voc.py')
    config.model.backbone.update(
        model_name=PATCH,
        pretrained=None,
        out_indices=(0, 2),
        num_attention_blocks=3,
        num_refining_blocks=3,
    )
    config.model.cam_head.embed_dims = 16
    config.model.decode_head.update(
        in_channels=[64, 64], channels=4, embed_dims=8, num_heads=2, num_layers=1
    )
    config.model.masks = {'iterations': 2}
    config.total_batch_size = config.train_dataloader.batch_size = 2
    for loader in ('train_dataloader', 'seed_dataloader', 'test_dataloader'):
        config[loader].num_workers = 0
    config.train_dataloader.persistent_workers = False
    config.train_dataloader.dataset.pipeline[1].update(size=60, crop_size=48)
    config.train_cfg.max_epochs = 2
    config.custom_hooks[-1].epoch = 1
    config.custom_hooks.append({'type': 'mmwsss.RecordOneStage'})
    config.tta_model.crf = None
    config.work_dir, config.experiment_name = str(work_dir), work_dir.name
    config.log_level = 'ERROR'
    return config


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """The folder of a training of two epochs, and all files that were opened in it."""
    base, work_dir = tmp_path_factory.mktemp('data'), tmp_path_factory.mktemp('one_stage')
    root = base / 'VOCdevkit/VOC2012'
    write_voc(root)
    for record in (RecordOneStage.losses, RecordOneStage.refining, RecordOneStage.shown):
        record.clear()
    opened, recording = [], [True]
    sys.addaudithook(
        lambda event, args: opened.append(str(args[0])) if recording and event == 'open' else None
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMWSSS_DATA', str(base))
        Runner.from_cfg(small_config(work_dir)).train()
        recording.clear()
        yield {'root': root, 'work_dir': work_dir, 'opened': opened}


def test_no_mask_of_anybody_is_opened(run):
    assert any(path.endswith('a.jpg') for path in run['opened'])
    pictures = [path for path in run['opened'] if path.endswith(('.png', '.npz'))]
    assert not pictures
    assert not [path for path in run['opened'] if 'SegmentationClass' in path]


def test_its_masks_show_the_classes_of_the_label_file(run):
    for image_id, names in LABELS.items():
        allowed = {0, 255, *(INDEX[name] for name in names)}
        assert RecordOneStage.shown[image_id] <= allowed
    assert {8, 12} <= set.union(*RecordOneStage.shown.values())


def test_losses_and_when_the_decoder_begins_to_refine(run):
    assert RecordOneStage.refining == [False, False, True, True]
    for losses in RecordOneStage.losses:
        parts = losses['decode.loss_balanced_ce'] + losses['loss_affinity']
        assert losses['loss'] == pytest.approx(parts)
        assert losses['loss_affinity'] > 0
    state = torch.load(run['work_dir'] / 'epoch_2.pth', weights_only=True)['state_dict']
    assert state['refining']


def test_the_network_is_tested_and_writes_masks_of_the_present_classes(run, tmp_path):
    config = small_config(run['work_dir'])
    checkpoint = run['work_dir'] / 'epoch_2.pth'
    config.experiment_name += '_test'
    figures = network.test(config, checkpoint)
    assert 0 <= figures['mIoU'] <= 100
    config = small_config(run['work_dir'])
    config.experiment_name += '_seeds'
    figures = network.generate_seeds(config, checkpoint, tmp_path)
    assert figures == {'seeds': len(TRAIN), 'written': len(TRAIN)}
    for image_id, names in LABELS.items():
        seed = load_seed(tmp_path / f'{image_id}.npz')
        assert seed.classes.tolist() == [INDEX[name] - 1 for name in names]
        assert seed.background is not None and seed.size == (40, 56)


def test_a_pipeline_that_loads_masks_is_refused(run, tmp_path):
    config = small_config(tmp_path)
    config.train_dataloader.dataset.mask_dir = str(tmp_path / 'masks')
    config.train_dataloader.dataset.pipeline.insert(1, {'type': 'LoadAnnotations'})
    for image_id in TRAIN:
        save_mask(tmp_path / f'masks/{image_id}.png', np.zeros((40, 56), dtype=np.uint8))
    with pytest.raises(ValueError, match=r'\.jpg brings a mask'):
        Runner.from_cfg(config).train()
