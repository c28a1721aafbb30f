"""The configs of VPL's decoder, with a stub in the place of CLIP."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS, TRANSFORMS
from mmwsss.seeds import CLIP_ES_CRF

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PATHS = [
    'vpl/vpl_decoder_voc.py',
    'vpl/vpl_decoder_sgd_voc.py',
    'vpl/vpl_decoder_coco.py',
    'vpl/vpl_decoder_large_voc.py',
    'quickstart/vpl_decoder_toy.py',
]
KEY = 'cam_head.prototypes.vectors'


@MODELS.register_module(force=True)
class StubOfCLIP(nn.Module):
    """Maps of the shape of a CLIP's; its weights do not learn."""

    def __init__(self, widths):
        super().__init__()
        self.patches = nn.Conv2d(3, sum(widths), 16, stride=16).requires_grad_(False)
        self.widths = list(widths)

    def forward(self, images):
        return self.patches(images).split(self.widths, dim=1)


def read(path, options=None):
    config = load_config(CONFIGS / path, options)
    init_default_scope('mmseg')
    return config


def build(path, folder, options=None):
    """The model of a config with a stub, and with random prototypes of 25 background names."""
    config = read(path, options)
    head = config.model.decode_head
    # explicit sizes: a test builds the model where the file of prototypes is not
    rows, dims = head.num_classes + 24, head.embed_dims
    assert isinstance(dims, int)
    torch.save({'state_dict': {KEY: torch.randn(rows, dims)}}, folder / 'phase1.pth')
    assert head.prototypes.key == KEY
    head.prototypes.checkpoint = str(folder / 'phase1.pth')
    assert len(head.in_channels) == len(config.model.backbone.out_indices)
    config.model.backbone = {'type': 'mmwsss.StubOfCLIP', 'widths': head.in_channels}
    return config, MODELS.build(config.model)


@pytest.mark.parametrize('path', PATHS)
def test_the_model_learns_and_predicts(path, tmp_path):
    config, model = build(path, tmp_path)
    model.init_weights()
    side, classes = config.model.data_preprocessor['size'][0], config.model.decode_head.num_classes
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo={'img_path': 'a.jpg'})
        mask = torch.randint(0, 3, (1, side, side))
        sample.gt_sem_seg = PixelData(data=mask.clone())
        sample.gt_label = LabelData(multi_hot=torch.ones(classes - 1))
        samples.append(sample)
    images = [torch.randint(0, 256, (3, side, side), dtype=torch.uint8) for _ in samples]
    batch = model.data_preprocessor({'inputs': images, 'data_samples': samples}, training=True)
    assert batch['inputs'].shape == (2, 3, side, side)
    losses = model(**batch, mode='loss')
    assert losses.keys() == {'decode.loss_balanced_ce', 'decode.loss_rsc', 'decode.acc_seg'}
    total, _ = model.parse_losses(losses)
    expected = losses['decode.loss_balanced_ce'] + losses['decode.loss_rsc']
    torch.testing.assert_close(total, expected)  # both coefficients of Eq. 14 are 1
    total.backward()
    learning = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learning == {n for n, _ in model.named_parameters() if n.startswith('decode_head.')}
    model.eval()
    with torch.no_grad():
        assert model(torch.rand(1, 3, 64, 96), mode='tensor').shape == (1, classes, 4, 6)


@pytest.mark.parametrize('path', PATHS)
def test_it_is_evaluated_with_and_without_the_crf(path, tmp_path):
    for options, crf in ((None, CLIP_ES_CRF), ({'tta_model.crf': None}, None)):
        config, model = build(path, tmp_path, options)
        assert MODELS.build({**config.tta_model, 'module': model}).crf == crf


def make_scheduler(config, wrapper, epoch_length):
    """As mmengine's runner does."""
    extra = {'optimizer': wrapper}
    if config.get('convert_to_iter_based'):
        extra['epoch_length'] = epoch_length
    return PARAM_SCHEDULERS.build(config, default_args=extra)


def test_optimisers_and_schedule(tmp_path):
    expected = {
        PATHS[0]: ('AdamW', {'lr': 2e-3, 'weight_decay': 0.01}),
        PATHS[1]: ('SGD', {'momentum': 0.9, 'weight_decay': 1e-4}),
    }
    for path, (name, numbers) in expected.items():
        config, model = build(path, tmp_path)
        wrapper = build_optim_wrapper(model, config.optim_wrapper)
        assert type(wrapper.optimizer).__name__ == name
        (group,) = wrapper.optimizer.param_groups
        assert {key: group[key] for key in numbers} == numbers
        assert config.total_batch_size == 6
        assert config.train_cfg.max_epochs * (10582 // 6) == pytest.approx(30000, rel=0.01)
        epoch = 200
        rate, rates = group['lr'], []
        schedulers = [make_scheduler(part, wrapper, epoch) for part in config.param_scheduler]
        for _ in range(17 * epoch):
            rates.append(wrapper.get_lr()['lr'][0])
            wrapper.step()
            for scheduler in schedulers:
                scheduler.step()
        assert rates[0] == pytest.approx(0.02 * rate)
        assert max(rates) == pytest.approx(rate, rel=0.02)
        assert rates.index(max(rates)) == pytest.approx(50, abs=2)
        assert rates[17 * epoch // 2] == pytest.approx(rate / 2, rel=0.01)  # poly 1.0
        assert rates[-1] < 1e-3 * rate


@pytest.fixture
def photograph(tmp_path):
    """An image of 375x500 pixels with a mask, as a data set hands it to a pipeline."""
    Image.fromarray(np.full((375, 500, 3), 99, np.uint8)).save(tmp_path / 'a.jpg')
    Image.fromarray(np.ones((375, 500), np.uint8)).save(tmp_path / 'a.png')
    return {
        'img_path': str(tmp_path / 'a.jpg'),
        'seg_map_path': str(tmp_path / 'a.png'),
        'seg_fields': [],
        'label_map': None,
        'reduce_zero_label': False,
    }


def run(pipeline, item):
    return Compose([TRANSFORMS.build(step) for step in pipeline])(copy.deepcopy(item))


def test_training_crops(photograph):
    pipeline = read(PATHS[0]).train_dataloader.dataset.pipeline
    filled = set()
    for seed in range(20):
        np.random.seed(seed)
        crop = run(pipeline, photograph | {'gt_label': np.ones(20)})
        sample = crop['data_samples']
        assert crop['inputs'].shape == (3, 320, 320)
        assert sample.gt_label.multi_hot.shape == (20,)
        valid = sample.valid_mask.data == 1
        assert (sample.gt_sem_seg.data[valid] == 1).all()
        assert (sample.gt_sem_seg.data[~valid] == 255).all()
        filled.add(valid.float().mean().item())
    assert max(filled) == 1  # enlarged
    assert 188 * 250 / 320**2 <= min(filled) < 0.6  # shrunk to hardly less than a half


def test_views_are_multiples_of_the_patch_and_masks_keep_their_size(photograph):
    config = read(PATHS[0])
    views = run(config.tta_pipeline, photograph)
    assert [sample.flip for sample in views['data_samples']] == [False, True] * 5
    sides = [tuple(view.shape[1:]) for view in views['inputs'][::2]]
    assert sides == [(192, 256), (288, 384), (384, 512), (480, 640), (576, 752)]
    view = run(config.test_dataloader.dataset.pipeline, photograph)
    assert view['inputs'].shape == (3, 384, 512)
    assert view['data_samples'].ori_shape == (375, 500)
    for sample in [view['data_samples'], *views['data_samples']]:
        assert sample.gt_sem_seg.data.shape == (1, 375, 500)


def test_views_for_masks_of_training_images_have_the_label_and_no_ground_truth(photograph):
    item = photograph | {'gt_label': np.ones(20)}
    del item['seg_map_path']
    config = read(PATHS[0])
    views = run(config.seed_dataloader.dataset.pipeline, item)
    tested = run(config.tta_pipeline, photograph)
    assert [v.shape for v in views['inputs']] == [v.shape for v in tested['inputs']]
    for sample in views['data_samples']:
        assert sample.gt_label.multi_hot.shape == (20,)
        assert 'gt_sem_seg' not in sample


def test_training_and_its_masks_know_no_ground_truth():
    for path in PATHS:
        config = read(path)
        for loader in (config.train_dataloader, config.seed_dataloader):
            dataset = loader.dataset
            assert dataset.type == 'mmwsss.ImageLabelDataset'
            assert not dataset.get('load_masks')
            assert dataset.label_file.endswith('.json')
        assert config.train_dataloader.dataset.mask_dir
        assert 'mask_dir' not in config.seed_dataloader.dataset
