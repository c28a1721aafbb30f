"""`mmwsss predict`: whole runs and single trainings, files that are odd, and what is refused."""

import json
import os

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmwsss.commands.main import main
from mmwsss.pipeline import network
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.inference import open_segmentor
from mmwsss.pipeline.network import adopt_checkpoint, load_network
from mmwsss.pipeline.new_images import find_images
from mmwsss.pipeline.workspace import write_record
from mmwsss.seeds.masks import load_mask

OPTIONS = {
    'model.data_preprocessor.size': '(64, 64)',
    'test_dataloader.num_workers': 0,
    'tta_model.crf': None,
}


def save_photo(path, size=(40, 56), seed=0, mode='RGB'):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((size[1], size[0])).convert(mode).save(path)


def make_segmentor(config, folder, seed=0):
    """Leave a segmentor of random weights as a training would."""
    init_default_scope('mmseg')
    torch.manual_seed(seed)
    state = network.MODELS.build(config.model).state_dict()
    folder.mkdir(parents=True)
    torch.save({'state_dict': state}, folder.parent / 'weights.pth')
    config.work_dir = str(folder)
    adopt_checkpoint(folder.parent / 'weights.pth', config)


@pytest.fixture(scope='module')
def run_dir(tmp_path_factory):
    """A finished run: two networks, of which one is a segmentor."""
    root = tmp_path_factory.mktemp('run')
    config = load_config('deeplabv2_toy', OPTIONS)
    make_segmentor(config, root / 'segmentor')
    write_record(root / 'segmentor' / 'started.json', {'key': 'x'})
    write_record(root / 'segmentor' / 'done.json', {'key': 'x'})
    (root / 'cam').mkdir()
    (root / 'cam' / 'last_checkpoint').write_text('epoch_1.pth')
    (root / 'cam' / 'epoch_1.pth').write_bytes(b'')
    (root / 'cam' / 'irn_toy.py').write_text("model = dict(type='mmwsss.CAMSegmentor')\n")
    return root


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('MMWSSS_TRACEBACK', '1')
    return tmp_path / 'photos'


def test_odd_files_get_masks_of_their_size(run_dir, photos):
    save_photo(photos / 'plain.jpg')
    save_photo(photos / 'Upper Ünder.JPG', (30, 64), 1)
    save_photo(photos / 'deep/grey.png', (33, 47), 2, 'L')
    save_photo(photos / 'deep/alpha.png', (47, 33), 3, 'RGBA')
    save_photo(photos / 'tiny.png', (9, 9), 4)
    turned = Image.open(photos / 'plain.jpg')
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(photos / 'turned.jpg', exif=exif)
    (photos / 'notes.txt').write_text('no image')

    assert main(['predict', str(run_dir), 'photos', '--overlay', '--out', 'masks']) == 0

    sizes = {
        'plain': (40, 56),
        'turned': (56, 40),
        'Upper Ünder': (30, 64),
        'deep/grey': (33, 47),
        'deep/alpha': (47, 33),
        'tiny': (9, 9),
    }
    areas = json.loads((photos.parent / 'masks/areas.json').read_text(encoding='utf-8'))
    assert areas['images'].keys() == sizes.keys()
    palette = open_segmentor(run_dir).palette
    for name, size in sizes.items():
        mask = load_mask(photos.parent / f'masks/{name}.png')
        assert mask.shape == size
        with Image.open(photos.parent / f'masks/{name}.png') as image:
            assert image.getpalette() == palette.ravel().tolist()
        with Image.open(photos.parent / f'masks/overlays/{name}.jpg') as image:
            assert image.size == size[::-1]
        counted = areas['images'][name]
        assert counted['size'] == list(size)
        assert sum(part['pixels'] for part in counted['areas'].values()) == mask.size
        for label in np.unique(mask):
            part = counted['areas'][areas['classes'][label]]
            assert part['pixels'] == (mask == label).sum()
            assert part['share'] == pytest.approx((mask == label).mean(), abs=1e-6)


@pytest.mark.parametrize('tta', [True, False])
def test_a_prediction_is_what_the_test_writes(run_dir, photos, monkeypatch, tta):
    """The same views and weights as in the Test stage, through mmengine's Runner."""
    root = photos.parent / 'data/toy_scenes'
    save_photo(root / 'JPEGImages/a.jpg')
    (root / 'ImageSets/Segmentation').mkdir(parents=True)
    (root / 'ImageSets/Segmentation/val.txt').write_text('a\n')
    save_photo(root / 'SegmentationClass/a.png', mode='L')
    Image.fromarray(np.zeros((40, 56), np.uint8)).save(root / 'SegmentationClass/a.png')
    monkeypatch.setenv('MMWSSS_DATA', str(photos.parent / 'data'))
    config = load_config('deeplabv2_toy', OPTIONS)
    config.work_dir, config.log_level = str(photos.parent / 'log'), 'ERROR'
    config.test_evaluator.output_dir = str(photos.parent / 'tested')
    network.test(config, run_dir / 'segmentor/given.pth', tta)
    image = str(root / 'JPEGImages/a.jpg')
    assert main(['predict', str(run_dir), image, *([] if tta else ['--no-tta'])]) == 0
    expected = load_mask(photos.parent / 'tested/a.png')
    assert len(np.unique(expected)) > 1
    assert np.array_equal(load_mask(photos.parent / 'predictions/a.png'), expected)


def test_a_bad_image_is_named_and_the_others_are_predicted(run_dir, photos, monkeypatch, capsys):
    save_photo(photos / 'good.png')
    (photos / 'cut.png').write_bytes((photos / 'good.png').read_bytes()[:200])
    (photos / 'text.jpg').write_text('no image')
    save_photo(photos / 'one.png', (1, 1))
    monkeypatch.delenv('MMWSSS_TRACEBACK')
    assert main(['predict', str(run_dir), 'photos', '--no-tta']) == 1
    said = capsys.readouterr()
    assert '3 of 4 images could not be predicted: cut; one; text' in said.err
    assert 'left out: photos/text.jpg' in said.out
    assert 'left out: photos/cut.png is cut off' in said.out
    assert 'left out: photos/one.png is 1 x 1 pixels' in said.out
    written = sorted(path.name for path in (photos.parent / 'predictions').glob('*.png'))
    assert written == ['good.png']


def test_files_folders_and_patterns(photos):
    for name in ('a.jpg', 'b.JPG', 'deep/c.tif', 'deep/list[1].png'):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b'')
    assert list(find_images(['photos'])) == ['a', 'b', 'deep/c', 'deep/list[1]']
    assert list(find_images(['photos/*.jpg', 'photos/a.jpg'])) == ['a']
    assert list(find_images([f'{photos}/**/*.tif'])) == ['c']
    assert list(find_images(['photos/deep/list[1].png'])) == ['list[1]']
    with pytest.raises(FileNotFoundError, match=r'there is no image photos/\*\.gif: give files'):
        find_images(['photos/a.jpg', 'photos/*.gif'])
    (photos / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match=r'photos/empty has no image \(\.avif'):
        find_images(['photos/empty'])
    (photos / 'a.png').write_bytes(b'')
    both = r'photos/a\.jpg and photos/a\.png would both become a\.png: .*, or rename one'
    with pytest.raises(ValueError, match=both):
        find_images(['photos'])
    (photos / 'deep' / 'a.jpg').write_bytes(b'')
    with pytest.raises(ValueError, match=r'would both become a\.png: .* the folder above them'):
        find_images(['photos/a.jpg', 'photos/deep/a.jpg'])


def test_a_mask_never_takes_the_place_of_an_image(run_dir, photos):
    save_photo(photos / 'a.png')
    before = (photos / 'a.png').read_bytes()
    with pytest.raises(ValueError, match=r'photos/a\.png is one of the images'):
        main(['predict', str(run_dir), 'photos/a.png', '--out', 'photos'])
    assert (photos / 'a.png').read_bytes() == before


def test_devices_and_folders_that_are_none_are_named(run_dir, photos):
    save_photo(photos / 'a.png')
    with pytest.raises(ValueError, match=r"device 'gpu' cannot be used here: Expected one of cpu"):
        main(['predict', str(run_dir), 'photos', '--device', 'gpu'])
    with pytest.raises(NotADirectoryError, match=r'photos/a\.png is a file: give a folder to'):
        main(['predict', str(run_dir), 'photos', '--out', 'photos/a.png'])


def test_the_newest_finished_segmentor_is_taken(run_dir, photos):
    config = load_config('deeplabv2_toy', OPTIONS)
    root = photos.parent / 'work_dirs/irn_toy'
    for name in ('segmentor', 'decoder'):
        make_segmentor(config, root / name)
    older, newer = (root / name / 'given.pth' for name in ('decoder', 'segmentor'))
    os.utime(older, (1, 1))
    assert open_segmentor(root).checkpoint == newer
    assert open_segmentor('irn_toy', tta=False).checkpoint.samefile(newer)
    assert open_segmentor(root / 'decoder').checkpoint == older
    write_record(root / 'segmentor/started.json', {})  # is being trained anew
    assert open_segmentor(root).checkpoint == older
    write_record(root / 'decoder/started.json', {})
    with pytest.raises(FileNotFoundError, match=r'training in .*decoder has not ended'):
        open_segmentor(root)


def test_what_is_no_run_is_said_before_images_are_looked_for(photos):
    looked = rf'no run of irn_toy in {photos.parent}/work_dirs/irn_toy: .*, or --work-dir as'
    with pytest.raises(FileNotFoundError, match=looked):
        main(['predict', 'irn_toy', 'absent.jpg'])
    with pytest.raises(
        FileNotFoundError, match=rf'no run of irn_toy in {photos.parent}/elsewhere/irn_toy:'
    ):
        main(['predict', 'irn_toy', 'absent.jpg', '--work-dir', 'elsewhere'])
    with pytest.raises(ValueError, match=r'\. is a folder, and --work-dir elsewhere another'):
        main(['predict', '.', 'absent.jpg', '--work-dir', 'elsewhere'])
    with pytest.raises(FileNotFoundError, match=r'work_dirs/x is no work folder of a run, and'):
        main(['predict', 'work_dirs/x', 'absent.jpg'])
    save_photo(photos / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png is no config, which ends in \.py'):
        main(['predict', 'photos/a.png', 'photos'])
    with pytest.raises(FileNotFoundError, match='photos has no trained segmentor: run all'):
        main(['predict', 'photos', 'photos'])


def test_a_config_that_was_run_elsewhere_is_found_there(run_dir, photos):
    save_photo(photos / 'a.png')
    (photos.parent / 'elsewhere').mkdir()
    (photos.parent / 'elsewhere/irn_toy').symlink_to(run_dir)
    words = ['irn_toy', 'photos', '--work-dir', 'elsewhere', '--no-tta']
    assert main(['predict', *words]) == 0
    assert (photos.parent / 'predictions/a.png').is_file()


def test_weights_of_another_network_are_refused(run_dir, photos):
    config = load_config('deeplabv2_toy', OPTIONS)
    state = {'decode_head.a': torch.zeros(1)}
    torch.save({'state_dict': state}, photos.parent / 'other.pth')
    with pytest.raises(ValueError, match=r'other\.pth'):
        load_network(config.model, photos.parent / 'other.pth')
