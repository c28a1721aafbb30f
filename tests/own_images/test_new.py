"""A folder of photographs, its survey, its recipe, its config."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from mmwsss.commands import new as command
from mmwsss.own_images import BACKBONES, METHODS, choose_recipe, survey, write_new_config
from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import open_workspace
from mmwsss.shipped import shipped_backbones


def write_images(folder, names, size=(40, 30)):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', size).save(path)


@pytest.fixture
def garden(tmp_path, monkeypatch):
    """A folder of what people have: spaces, upper case, a dead file, a tiny one, one unlabelled."""
    monkeypatch.chdir(tmp_path)
    folder = Path('My garden')
    write_images(folder, [f'{n:02}.jpg' for n in range(18)])
    write_images(folder, ['wide one.JPG', 'ä.png'], size=(300, 200))
    write_images(folder, ['tiny.png'], size=(6, 40))
    write_images(folder, ['new.png'])
    (folder / 'dead.jpg').write_bytes(b'no image')
    lines = [f'{n:02},cat' for n in range(9)] + [f'{n:02},cat;dog;lead' for n in range(9, 17)]
    lines += ['17,', 'wide one,dog;lead', 'ä,cat', 'tiny,cat', 'dead,cat', 'gone,cat']
    (folder / 'labels.csv').write_text('\n'.join(lines), encoding='utf-8')
    return folder


def test_the_survey_says_what_there_is(garden):
    found = survey(garden, None)
    assert found.classes == ('cat', 'dog', 'lead') and found.backgrounds == 1
    assert found.class_counts == {'cat': 18, 'dog': 9, 'lead': 9}
    assert found.counts_alone == {'cat': 10, 'dog': 0, 'lead': 0}
    assert found.always_with == {'cat': (), 'dog': ('lead',), 'lead': ('dog',)}
    assert set(found.left_out) == {'dead', 'new', 'tiny'} and found.left_out['new'] == 'no label'
    assert found.left_out['tiny'].startswith('My garden/tiny.png is 6 x 40 pixels')
    assert found.without_image == ('gone',)
    assert found.long_sides == (40, 40, 300) and found.sizes['ä'] == (200, 300)
    assert found.suffixes == {'.jpg': 18, '.JPG': 1, '.png': 1}


def test_a_config_is_written_that_says_all_and_works(garden):
    path, _ = write_new_config(garden, backbone='efficientnet_lite0')
    text = path.read_text(encoding='utf-8')
    assert path == Path('my_garden.py')
    assert max(map(len, re.findall(r'^#.*$', text, re.MULTILINE))) <= 100
    assert len([line for line in text.splitlines() if not line.startswith('#')]) <= 15
    flat = re.sub(r'\n# +', ' ', text)
    for said in (
        '20 images (1 .JPG, 18 .jpg, 1 .png), the long sides 40 to 300 pixels',
        'cat   18 images, 10 with no other class',
        'dog   9 images, 0 with no other class (never without lead: hard to tell apart)',
        'Left out, as the labels do not have them: new.',
        'Left out: My garden/dead.jpg is damaged, or no image.',
        'In the labels, but not in the folder: gone.',
        'EfficientNet-Lite0, which a CPU trains in minutes (this machine has ',
    ):
        assert said in flat, said
    config = load_config(path)
    assert config.model.cam_head.num_classes == 3
    assert config.total_batch_size == 4 and config.train_cfg.max_epochs == 20
    assert config.param_scheduler[0].end == 20
    assert config.model.prototype_head.bank.length == 20
    assert config.model.prototype_head.momentum == 0.9
    assert config.seed_dataloader.dataset.pipeline[1].long_sides == (256,)
    workspace = open_workspace(config)
    for stage in workspace.stages.values():
        stage.check(workspace)
        assert not stage.judges
    segmentor = workspace.network_config('segmentor')
    assert segmentor.train_cfg.max_epochs == segmentor.param_scheduler[0].end == 63
    irnet = workspace.network_config('irnet')
    assert irnet.train_cfg.max_epochs == irnet.param_scheduler[0].end == 12
    assert (irnet.total_batch_size, segmentor.total_batch_size) == (4, 5)
    assert segmentor.model.decode_head.num_classes == 4
    assert len(segmentor.train_dataloader.dataset.dataset.metainfo.classes) == 4
    with pytest.raises(FileExistsError, match='--out FILE'):
        write_new_config(garden)


def test_no_stage_takes_a_threshold_from_ground_truth(garden):
    for method in METHODS:
        for backbone in BACKBONES:
            out = f'{method}_{backbone}.py'
            write_new_config(garden, method=method, backbone=backbone, out=out)
            stages = build_stages(load_config(out))
            assert stages['pseudo_masks'].bg_threshold != 'best'
            assert 'crf_masks' not in stages


def test_another_backbone_stands_in_the_config_with_its_recipe(garden):
    pytest.importorskip('timm')
    path, _ = write_new_config(garden, backbone='dinov2_small')
    assert 'with dinov2_small (docs/backbones.md)' in path.read_text(encoding='utf-8')
    config = load_config(path)
    assert config.model.backbone.model.startswith('vit_small_patch14_dinov2')
    assert config.model.cam_head.in_channels == 384
    assert config.model.prototype_head.bank.length == 20
    assert config.model.prototype_head.projection.in_channels == 384
    assert config.optim_wrapper.constructor == 'mmwsss.LayerDecayConstructor'
    irnet = build_stages(config)['irnet']
    assert irnet.backbone is None and irnet.options['train_cfg.max_epochs'] > 0
    with pytest.raises(ValueError, match=r"backbone is 'vgg'; choose one of convnextv2_tiny, "):
        write_new_config(garden, backbone='vgg', out='vgg.py')


@pytest.mark.parametrize(
    ('has_gpu', 'base'), [(True, 'cpal/irn_cpal_r50_own.py'), (False, 'cpal/irn_cpal_own.py')]
)
def test_a_gpu_trains_the_network_of_the_papers(garden, monkeypatch, has_gpu, base):
    monkeypatch.setattr('torch.cuda.is_available', lambda: has_gpu)
    path, _ = write_new_config(garden)
    text = re.sub(r'\n# +', ' ', path.read_text(encoding='utf-8'))
    assert base in text and f'(this machine has {"a GPU" if has_gpu else "no GPU"})' in text
    view = load_config(path).seed_dataloader.dataset.pipeline[1]
    assert view.get('size_divisor') == (32 if has_gpu else None)


def test_where_it_looks_and_writes_is_said(garden):
    with pytest.raises(FileNotFoundError, match=r'no folder nope of images: .* looked for from /'):
        write_new_config('nope')
    with pytest.raises(ValueError, match=r'mine is no name of a config: let it end in \.py'):
        write_new_config(garden, out='mine')


def test_subfolders_are_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [f'{name}/{n}.jpg' for name in ('cat', 'Background', 'tall grass') for n in range(2)]
    write_images(tmp_path / 'pets', names)
    path, found = write_new_config('pets')
    assert found.class_counts == {'cat': 2, 'tall grass': 2} and found.backgrounds == 2
    labelled = load_config(path).train_dataloader.dataset
    assert labelled.label_file == 'pets_labels.json'
    assert '"tall grass__1": ["tall grass"]' in Path('pets_labels.json').read_text()
    with pytest.raises(FileNotFoundError, match='no labels for'):
        survey('pets/cat', None)


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ('a,', 'names no class'),
        ('a,background cat', 'leave it out'),
        ('a,No Finding', 'an image of background only has no class'),
        ('a,cat+dog;cat', "the class 'cat.dog': part cat and dog by a semicolon"),
        ('a,cat;Cat', "the classes 'Cat' and 'cat', which differ by capital letters"),
        ('a,-1', 'line 1: -1 stands where a row has names of classes'),
        ('cat,a.jpg', "the class 'a.jpg', the name of an image: first comes the image"),
        ('b,cat', 'none of the 1 images .* as a; the labels have b'),
    ],
)
def test_labels_that_cannot_be_right_are_refused(tmp_path, labels, message):
    write_images(tmp_path, ['a.jpg'])
    (tmp_path / 'labels.csv').write_text(labels)
    with pytest.raises(ValueError, match=message):
        survey(tmp_path, None)


@pytest.mark.parametrize(
    ('images', 'written', 'overlooked'),
    [
        (('001.jpg', '002.jpg'), ('1', '2.0'), 'zeros before numbers'),
        (('IMG_1.JPG', 'b c.jpg'), ('img_1.jpg', 'B  c'), 'capital letters and spaces'),
        (('my cat.jpg', '50%.jpg'), ('my%20cat.jpg', '50%25.jpg'), 'escapes of a URL'),
        (('\u00e1.jpg', 'e\u0301.jpg'), ('a\u0301', '\u00e9'), 'accents'),
        (('a.jpg', 'b.jpg'), ('a.cr2', 'C:\\x\\b.nef'), 'suffixes'),
    ],
)
def test_ids_that_are_spelt_otherwise_are_matched(
    tmp_path, monkeypatch, images, written, overlooked
):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / 'pets', images)
    (tmp_path / 'pets/labels.csv').write_text(f'{written[0]},cat\n{written[1]},dog\n')
    path, found = write_new_config('pets')
    assert found.labels == {Path(images[0]).stem: ('cat',), Path(images[1]).stem: ('dog',)}
    assert f'matched ({overlooked})' in found.label_kind
    labels = json.loads(Path('pets_labels.json').read_text(encoding='utf-8'))
    assert labels.keys() == found.labels.keys()
    assert load_config(path).train_dataloader.dataset.label_file == 'pets_labels.json'


def test_an_id_that_two_images_could_have_is_not_matched(tmp_path):
    write_images(tmp_path, ['01.jpg', '001.jpg', 'b.jpg', 'B.jpg', 'c.jpg'])
    (tmp_path / 'labels.csv').write_text('1,cat\nb,cat\nC,dog\n')
    found = survey(tmp_path, None)
    assert found.labels == {'b': ('cat',), 'c': ('dog',)} and found.without_image == ('1',)


def test_folders_tell_images_of_one_name_apart(tmp_path):
    write_images(tmp_path, ['train/1.jpg', 'train/2.jpg', 'val/1.jpg'])
    (tmp_path / 'labels.csv').write_text('data/train/1.jpg,cat\ndata/train/2.jpg,dog\n')
    assert survey(tmp_path, None).labels == {'train__1': ('cat',), '2': ('dog',)}


def test_a_first_line_in_another_language_is_a_header(tmp_path):
    write_images(tmp_path, ['a.jpg', 'b.jpg'])
    (tmp_path / 'labels.csv').write_text('Bild;Klasse\na;Katze\nb;Hund\n')
    found = survey(tmp_path, None)
    assert found.classes == ('Hund', 'Katze') and not found.without_image
    assert 'the first line (Bild) is taken for a header' in found.label_kind and not found.as_it_is


def test_files_that_are_no_images_and_names_no_list_can_hold_are_named(tmp_path):
    write_images(tmp_path, ['a.jpg', 'new\nline.jpg', 'b .jpg', 'frames.gif'])
    (tmp_path / 'page.jpg').write_text('<!DOCTYPE html>')
    (tmp_path / 'pointer.png').write_text('version https://git-lfs.github.com/spec/v1')
    (tmp_path / 'phone.HEIC').write_bytes(b'\0\0\0\x18ftypheic')
    (tmp_path / 'gone.jpg').symlink_to(tmp_path / 'nowhere.jpg')
    (tmp_path / 'folder.jpg').mkdir()
    (tmp_path / '._a.jpg').write_bytes(b'of macOS')
    rows = ('a', 'frames', 'page', 'pointer', 'phone', 'gone')
    (tmp_path / 'labels.csv').write_text(''.join(f'{name},cat\n' for name in rows))
    found = survey(tmp_path, None)
    assert set(found.sizes) == {'a', 'frames'}
    for image_id, fault in {
        'page': 'it is a web page',
        'pointer': '`git lfs pull`',
        'phone': 'it is HEIC, which is not read here: save it as JPEG',
        'gone': 'is a link to a file that is gone',
        'new\nline': 'has a line break, or a space at its end: rename it',
        'b ': 'has a line break, or a space at its end: rename it',
    }.items():
        assert fault in found.left_out[image_id]
    assert len(found.left_out) == 6


def test_numbers_are_no_classes(tmp_path):
    write_images(tmp_path, ['a.jpg', 'b.jpg'])
    (tmp_path / 'labels.txt').write_text('a 1\nb -1\n')  # 1 and -1, as VOC's own lists have
    with pytest.raises(ValueError, match="the class '-1', which is a number"):
        survey(tmp_path, None)


def test_two_label_files_are_not_chosen_between(tmp_path):
    write_images(tmp_path, ['a.jpg'])
    for name in ('labels.csv', 'labels.txt'):
        (tmp_path / name).write_text('a,cat')
    with pytest.raises(ValueError, match=r'labels.csv and labels.txt: say which'):
        survey(tmp_path, None)


def test_an_export_is_read_and_its_copy_has_the_ids_of_the_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / 'pets', ['a.jpg', 'b-1.jpg'])
    tasks = [{'image': '/data/upload/x-a.jpg', 'choice': 'cat'}, {'image': 'b-1.jpg'}]
    (tmp_path / 'export.json').write_text(json.dumps(tasks))
    path, found = write_new_config('pets', 'export.json')
    assert found.labels == {'a': ('cat',), 'b-1': ()}
    assert 'Labels from export.json (a JSON-MIN export of Label Studio; ids' in path.read_text()
    labels = load_config(path).train_dataloader.dataset.label_file
    assert labels == 'pets_labels.json' and '"a": ["cat"]' in Path(labels).read_text()


def recipe_of(number, method='cpal', backbone='efficientnet_lite0', side=320, largest=None):
    class Found:
        sizes = {str(n): (side, side) for n in range(number)}
        class_counts = {'cat': largest or number // 2}
        long_sides = (side, side, side)

    return choose_recipe(Found(), method, backbone)


@pytest.mark.parametrize('number', [1, 3, 10, 60, 137, 1726, 20000])
def test_schedules_keep_their_steps_with_few_and_with_many_images(number):
    recipe = recipe_of(number)
    for steps, wanted in ((recipe.cam, 100), (recipe.boundaries, 60), (recipe.segmentor, 250)):
        assert 1 <= steps.batch <= number
        assert steps.total >= min(wanted, 100 * (number // steps.batch))
        assert number < 8 or number // steps.batch >= 4
    assert recipe.momentum == (0.99 if number >= 1600 else 0.9)


@pytest.mark.parametrize(
    ('number', 'backbone', 'expected'),
    [
        # epochs for 100, 60 and 250 steps, of 8, 17 and 13 batches
        (137, 'efficientnet_lite0', ((16, 13), (8, 4), (10, 20))),
        (20, 'efficientnet_lite0', ((4, 20), (4, 12), (5, 63))),
        # 400, 150 and 3000 steps, of 12, 6 and 20 batches; at most 100 epochs
        (200, 'resnet50', ((16, 34), (32, 25), (10, 100))),
        (10582, 'resnet50', ((16, 5), (32, 3), (10, 5))),  # the least that is learnt
    ],
)
def test_batches_and_epochs_by_hand(number, backbone, expected):
    recipe = recipe_of(number, backbone=backbone)
    found = (recipe.cam, recipe.boundaries, recipe.segmentor)
    assert tuple((steps.batch, steps.epochs) for steps in found) == expected
    assert all(steps.images == number for steps in found)


def test_the_bank_is_the_papers_for_ten_thousand_images_and_shorter_for_few():
    assert recipe_of(10000, largest=4000).bank_length == 1000
    assert recipe_of(200, largest=96).bank_length == 110
    assert recipe_of(20, largest=3).bank_length == 20
    assert recipe_of(200, 'irn').bank_length is None


def test_views_follow_the_sizes_and_the_machine():
    assert recipe_of(200, side=150).long_sides == (256,)
    assert recipe_of(200, side=4000).long_sides == (256, 384)
    assert recipe_of(200, side=200).long_sides == (256,)
    assert recipe_of(200, backbone='resnet50', side=699).long_sides == (512, 256, 768)
    assert recipe_of(200, backbone='resnet50', side=700).long_sides[-1] == 1024
    assert recipe_of(200, backbone='resnet50', side=4000).long_sides == (512, 256, 768, 1024)
    assert recipe_of(200, 'irn', 'resnet50').base == 'irn/irn_r50_own.py'


def test_the_command_offers_what_there_is():
    assert tuple(METHODS) == command.METHODS and set(BACKBONES) <= set(shipped_backbones())
