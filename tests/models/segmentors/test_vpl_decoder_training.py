"""VPL's decoder from files to a tested segmentor: the shipped config, and no ground truth."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image
from torch import nn

from mmwsss.pipeline import network
from mmwsss.pipeline.config import load_config
from mmwsss.registry import HOOKS, MODELS
from mmwsss.seeds.files import load_seed
from mmwsss.seeds.masks import save_mask

CONFIG = Path(__file__).resolve().parents[3] / 'configs/vpl/vpl_decoder_voc.py'
KEY = 'cam_head.prototypes.vectors'
TRAIN, VAL = ('a', 'b', 'c', 'd'), ('e', 'f')
LABELS = {'a': ['cat'], 'b': ['dog'], 'c': ['cat', 'dog'], 'd': []}
INDEX = {'cat': 8, 'dog': 12}


@MODELS.register_module(force=True)
class SmallStubOfCLIP(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 16, stride=16).requires_grad_(False)

    def forward(self, images):
        return self.patches(images).chunk(2, dim=1)


@HOOKS.register_module(force=True)
class RecordDecoder(Hook):
    losses, present = [], []

    def before_train(self, runner):
        rsc = runner.model.decode_head.rsc
        rsc.register_forward_pre_hook(lambda _, args: self.present.append(args[3]))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append({name: float(value) for name, value in outputs.items()})


def write_voc(root):
    """Six small photographs in VOC's layout; the ground truth of the training images is a trap."""
    generator = np.random.default_rng(0)
    for name in ('JPEGImages', 'ImageSets/Segmentation', 'SegmentationClass'):
        (root / name).mkdir(parents=True)
    for image_id in TRAIN + VAL:
        pixels = generator.integers(0, 256, (40, 56, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f'JPEGImages/{image_id}.jpg')
        if image_id in TRAIN:
            (root / f'SegmentationClass/{image_id}.png').mkdir()  # opening it raises
    for image_id in TRAIN:
        # every mask shows a cat and a bus, whatever the label says
        mask = np.zeros((40, 56), dtype=np.uint8)
        mask[:, 20:35], mask[:, 35:45], mask[:, 45:] = INDEX['cat'], 6, 255
        if 'dog' in LABELS[image_id]:
            mask[20:, :20] = INDEX['dog']
        save_mask(root / f'masks/{image_id}.png', mask)
    for image_id in VAL:
        save_mask(root / f'SegmentationClass/{image_id}.png', np.zeros((40, 56), dtype=np.uint8))
    for name, ids in (('trainaug', TRAIN), ('val', VAL)):
        (root / f'ImageSets/Segmentation/{name}.txt').write_text('\n'.join(ids))
    (root / 'image_labels.json').write_text(json.dumps(LABELS))


def small_config(root, work_dir):
    options = {
        'total_batch_size': 2,
        'train_dataloader.batch_size': 2,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'train_dataloader.dataset.mask_dir': str(root / 'masks'),
        'seed_dataloader.num_workers': 0,
        'test_dataloader.num_workers': 0,
        'train_cfg.max_epochs': 2,
        'model.decode_head.in_channels': [8, 8],
        'model.decode_head.channels': 8,
        'model.decode_head.embed_dims': 16,
        'model.decode_head.num_heads': 2,
        'model.decode_head.prototypes.checkpoint': str(root / 'phase1.pth'),
        'work_dir': str(work_dir),
        'experiment_name': work_dir.name,
        'log_level': 'ERROR',
    }
    config = load_config(CONFIG, options)
    config.model.backbone = {'type': 'mmwsss.SmallStubOfCLIP'}
    config.custom_hooks.append({'type': 'mmwsss.RecordDecoder'})
    return config


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Losses, present classes and opened files of a training, and where it is."""
    base = tmp_path_factory.mktemp('data')
    root, work_dir = base / 'VOCdevkit/VOC2012', tmp_path_factory.mktemp('vpl_decoder')
    write_voc(root)
    vectors = torch.randn(20 + 25, 16, generator=torch.Generator().manual_seed(0))
    torch.save({'state_dict': {KEY: vectors}}, root / 'phase1.pth')
    RecordDecoder.losses.clear()
    RecordDecoder.present.clear()
    opened, recording = [], [True]
    sys.addaudithook(
        lambda event, args: opened.append(str(args[0])) if recording and event == 'open' else None
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMWSSS_DATA', str(base))
        Runner.from_cfg(small_config(root, work_dir)).train()
        recording.clear()
        yield {
            'root': root,
            'work_dir': work_dir,
            'vectors': vectors,
            'opened': opened,
            'losses': list(RecordDecoder.losses),
            'present': torch.cat(RecordDecoder.present),
        }


def test_both_losses_are_there(run):
    assert len(run['losses']) == 4
    for losses in run['losses']:
        parts = losses['decode.loss_balanced_ce'] + losses['decode.loss_rsc']
        assert losses['loss'] == pytest.approx(parts)
        assert losses['decode.loss_balanced_ce'] > 0
    assert max(losses['decode.loss_rsc'] for losses in run['losses']) > 0


def test_no_ground_truth_is_opened(run):
    assert any(str(run['root'] / 'masks') in path for path in run['opened'])
    assert not [path for path in run['opened'] if 'SegmentationClass' in path]


def test_present_classes_are_of_the_label_file_and_of_the_crop(run):
    """No bus, which no image label has; no cat where the label has none."""
    present = run['present']
    assert present.shape == (8, 20)
    classes = {tuple(row.nonzero()[:, 0].tolist()) for row in present}
    allowed = {(), (7,), (11,), (7, 11)}
    assert classes <= allowed
    assert () in classes  # of image d, at least
    assert len(classes) > 1


def test_prototypes_are_in_the_checkpoint_and_did_not_learn(run):
    state = torch.load(run['work_dir'] / 'epoch_2.pth', weights_only=True)['state_dict']
    kept = [state[f'decode_head.{name}_prototypes'] for name in ('class', 'background')]
    assert torch.cat(kept).equal(run['vectors'])


@pytest.mark.parametrize(('tta', 'crf'), [(True, 'clip_es'), (True, None), (False, None)])
def test_it_is_tested_without_the_file_of_prototypes(run, tta, crf):
    if crf:
        pytest.importorskip('pydensecrf')
    config = small_config(run['root'], run['work_dir'])
    config.experiment_name += f'_{tta}_{crf}'
    config.model.decode_head.prototypes.checkpoint = 'nowhere.pth'
    config.tta_model.crf = crf
    figures = network.test(config, run['work_dir'] / 'epoch_2.pth', tta=tta)
    assert 0 <= figures['mIoU'] <= 100


def test_its_seeds_of_training_images_show_the_present_classes_alone(run, tmp_path):
    """Without ground truth, which is a trap."""
    config = small_config(run['root'], run['work_dir'])
    config.experiment_name += '_seeds'
    config.model.decode_head.prototypes.checkpoint = 'nowhere.pth'
    figures = network.generate_seeds(config, run['work_dir'] / 'epoch_2.pth', tmp_path)
    assert figures == {'seeds': len(TRAIN), 'written': len(TRAIN)}
    for image_id, names in LABELS.items():
        seed = load_seed(tmp_path / f'{image_id}.npz')
        assert seed.classes.tolist() == [INDEX[name] - 1 for name in names]
        assert seed.cam.shape[1:] == seed.size == (40, 56)
        total = seed.background.astype(float) + seed.cam.astype(float).sum(axis=0)
        np.testing.assert_allclose(total, 1, atol=2e-3)  # float16


def test_a_training_without_prototypes_says_what_to_do(run, tmp_path):
    config = small_config(run['root'], tmp_path)
    config.model.decode_head.prototypes = None
    with pytest.raises(ValueError, match='the decoder has no prototypes: set model'):
        Runner.from_cfg(config).train()


def test_a_data_set_without_image_labels_is_refused(run, tmp_path):
    config = small_config(run['root'], tmp_path)
    dataset = config.train_dataloader.dataset
    dataset.type = 'mmwsss.PseudoMaskDataset'
    del dataset['label_file']
    with pytest.raises(ValueError, match=r'[a-d]\.jpg carries no image label for rsc: take mmwsss'):
        Runner.from_cfg(config).train()
