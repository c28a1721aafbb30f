"""`mmwsss test`: predictions for the VOC server, and what it refuses."""

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmwsss.commands.main import main
from mmwsss.evaluation.voc_archive import VOC_CLASSES
from mmwsss.pipeline import network
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS
from mmwsss.seeds.masks import load_mask, save_mask, voc_palette

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
VOC, TOY, CAM = (
    str(CONFIGS / name)
    for name in (
        'deeplabv2/deeplabv2_r101_voc.py',
        'quickstart/deeplabv2_toy.py',
        'quickstart/irn_toy.py',
    )
)
TREE = 'results/VOC2012/Segmentation/comp6_test_cls'
SIZES = {'2008_000006': (40, 56), '2008_000011': (52, 36)}
ARCHIVE = ('absent.pth', '--voc-archive', 'results.tar.gz')
IMAGES = {'test_dataloader.dataset.ann_file': 'ImageSets/Segmentation/test.txt'}
SMALL = {
    'model.backbone.depth': 18,
    'model.backbone.base_channels': 4,
    'model.backbone.stem_channels': 4,
    'model.backbone.init_cfg': None,
    'model.decode_head.in_channels': 32,
    'test_dataloader.num_workers': 0,
    **IMAGES,
    'tta_model.crf': None,
    'log_level': 'ERROR',
}


@pytest.fixture
def voc(tmp_path, monkeypatch):
    """Two photographs without masks in VOC's layout."""
    root = tmp_path / 'data/VOCdevkit/VOC2012'
    for folder in ('JPEGImages', 'ImageSets/Segmentation'):
        (root / folder).mkdir(parents=True)
    generator = np.random.default_rng(0)
    for image_id, size in SIZES.items():
        pixels = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f'JPEGImages/{image_id}.jpg')
    (root / 'ImageSets/Segmentation/test.txt').write_text('\n'.join(SIZES))
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path / 'data'))
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def checkpoint(voc, tmp_path):
    """A small segmentor that predicts many classes."""
    torch.manual_seed(0)
    config = load_config(VOC, SMALL)
    init_default_scope('mmseg')
    state = MODELS.build(config.model).state_dict()
    torch.save({'state_dict': state}, tmp_path / 'random.pth')
    return 'random.pth'


def run(monkeypatch, *arguments, options=SMALL):
    options = [f'{key}={value}' for key, value in options.items()]
    monkeypatch.setenv('MMWSSS_TRACEBACK', '1')
    assert main(['test', *arguments, '--cfg-options', *options]) == 0


@pytest.mark.parametrize('part', ['cam_head.classifier.weight', 'backbone.conv1.weight', None])
def test_a_checkpoint_of_another_network_is_refused(voc, tmp_path, monkeypatch, part):
    torch.save({'state_dict': {part: torch.zeros(2)} if part else {}}, tmp_path / 'other.pth')
    (voc / 'SegmentationClass').mkdir()
    with pytest.raises(ValueError, match=r'other\.pth'):
        run(monkeypatch, VOC, 'other.pth', '--out', 'masks')
    assert not list(tmp_path.glob('masks/*'))


@pytest.mark.parametrize('views', [[], ['--tta']])
def test_an_archive_for_the_server_needs_no_ground_truth(
    voc, checkpoint, tmp_path, monkeypatch, views
):
    save_mask(tmp_path / f'out/{TREE}/of_another_run.png', np.zeros((2, 3), dtype=np.uint8))
    archive = ('--voc-archive', 'out/results.tar.gz', '--figures', 'figures.json')
    run(monkeypatch, VOC, checkpoint, *views, *archive)

    assert json.loads(Path('figures.json').read_text()) == {'voc_archive/written': 2}
    assert not (voc / 'SegmentationClass').exists()
    with tarfile.open('out/results.tar.gz') as tar:
        assert tar.getnames() == [f'{TREE}/{image_id}.png' for image_id in SIZES]
    shutil.unpack_archive('out/results.tar.gz', 'unpacked')
    for image_id, size in SIZES.items():  # now with ground truth, by mmseg's own metric
        save_mask(voc / f'SegmentationClass/{image_id}.png', np.zeros(size, dtype=np.uint8))
    run(monkeypatch, VOC, checkpoint, *views, '--out', 'judged')
    for image_id, size in SIZES.items():
        packed = tmp_path / f'unpacked/{TREE}/{image_id}.png'
        assert packed.read_bytes() == (tmp_path / f'out/{TREE}/{image_id}.png').read_bytes()
        with Image.open(packed) as image:
            assert image.mode == 'P'
            assert image.getpalette() == voc_palette().ravel().tolist()
        mask = load_mask(packed)
        assert mask.shape == size
        assert len(np.unique(mask)) > 1
        np.testing.assert_array_equal(mask, load_mask(tmp_path / f'judged/{image_id}.png'))


def test_an_archive_of_other_classes_is_refused(voc, monkeypatch):
    (voc.parents[1] / 'toy_scenes').symlink_to(voc)
    with pytest.raises(
        ValueError, match=r"judges background and VOC's 20 .*ToySceneDataset has 11"
    ):
        run(monkeypatch, TOY, *ARCHIVE, options=IMAGES)


def test_an_archive_of_a_missing_list_or_bad_image_is_refused_before_the_test(voc, monkeypatch):
    image = voc / f'JPEGImages/{next(iter(SIZES))}.jpg'
    image.write_text('no image')
    with pytest.raises(ValueError, match='1 of 2 image files cannot be used'):
        run(monkeypatch, VOC, *ARCHIVE)
    image.unlink()
    with pytest.raises(FileNotFoundError, match='1 of 2 image files are missing'):
        run(monkeypatch, VOC, *ARCHIVE)
    (voc / 'ImageSets/Segmentation/test.txt').unlink()
    with pytest.raises(FileNotFoundError, match=r'no image list .*test\.txt'):
        run(monkeypatch, VOC, *ARCHIVE)


def test_an_archive_of_another_format_is_refused(monkeypatch):
    with pytest.raises(ValueError, match=r'results\.zip is to be a tar\.gz'):
        run(monkeypatch, VOC, 'absent.pth', '--voc-archive', 'results.zip')


@pytest.mark.parametrize('option', ['--out', '--voc-archive'])
def test_a_classification_network_has_no_masks_to_write(monkeypatch, option):
    monkeypatch.setattr(network, 'test', lambda *_: pytest.fail('tested'))
    with pytest.raises(
        ValueError, match=rf'{option} is for .* not mmwsss\.SeedMetric.*mmwsss seeds'
    ):
        run(
            monkeypatch, CAM, 'absent.pth', option, 'results.tar.gz', options={'log_level': 'ERROR'}
        )


WITHOUT_MASKS = {**SMALL, 'test_dataloader.dataset.data_prefix.seg_map_path': None}


def test_masks_of_images_without_ground_truth_are_written(voc, checkpoint, monkeypatch, tmp_path):
    run(monkeypatch, VOC, checkpoint, '--out', 'preds', options=WITHOUT_MASKS)
    shapes = {path.stem: load_mask(path).shape for path in (tmp_path / 'preds').iterdir()}
    assert shapes == SIZES


def test_without_ground_truth_and_a_folder_there_is_nothing_to_do(voc, checkpoint, monkeypatch):
    with pytest.raises(ValueError, match=r'have no ground truth .*: give --out FOLDER'):
        run(monkeypatch, VOC, checkpoint, options=WITHOUT_MASKS)


def test_a_test_set_of_other_classes_is_refused(voc, checkpoint):
    config = load_config(VOC, SMALL)
    config.test_dataloader.dataset.metainfo = {'classes': ('background', 'cat', 'dog')}
    message = r'test set has the classes 2 \(cat, dog, \.\.\.\), but the training has 20 \(aeropl'
    with pytest.raises(ValueError, match=message):
        network.test(config, checkpoint)


def nested(voc, config):
    """Give the test images of one name in two folders, with masks."""
    for name, size in zip(('cat', 'dog'), SIZES.values(), strict=True):
        (voc / f'nested/{name}').mkdir(parents=True)
        Image.new('RGB', size[::-1]).save(voc / f'nested/{name}/1.jpg')
        save_mask(voc / f'masks/{name}__1.png', np.zeros(size, dtype=np.uint8))
    dataset = config.test_dataloader.dataset
    config.test_dataloader.dataset = {
        'type': 'mmwsss.ImageFolderDataset',
        'data_root': str(voc),
        'data_prefix': {'img_path': 'nested', 'seg_map_path': 'masks'},
        'metainfo': {'classes': VOC_CLASSES},
        'pipeline': dataset.pipeline,
    }
    return config


def test_predictions_of_images_of_one_name_are_refused_and_named_as_masks(voc, checkpoint):
    config = nested(voc, load_config(VOC, SMALL))
    config.work_dir = 'log'
    config.test_evaluator.output_dir = 'out'
    with pytest.raises(ValueError, match=r'cat/1\.jpg and .*dog/1\.jpg would be one file, 1\.png'):
        network.test(config, checkpoint)
    config.test_evaluator.type = 'mmwsss.MaskNamedIoUMetric'
    network.test(config, checkpoint)
    shapes = {path.stem: load_mask(path).shape for path in Path('out').iterdir()}
    assert shapes == dict(zip(('cat__1', 'dog__1'), SIZES.values(), strict=True))
