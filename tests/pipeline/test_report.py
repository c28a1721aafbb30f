import base64
import io
import json
import re

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmwsss.datasets.image_labels import save_image_labels
from mmwsss.evaluation.seed_evaluation import evaluate_masks, evaluate_seeds
from mmwsss.pipeline import stages
from mmwsss.pipeline.report import write_report
from mmwsss.pipeline.report_pictures import choose_ids, last_stage, prediction_images, seed_images
from mmwsss.pipeline.run import PipelineRun, open_workspace
from mmwsss.seeds.files import Seed, save_seed
from mmwsss.seeds.masks import save_mask

CLASSES = ('background', 'cat', '<b>dog</b>')
LABELS = {'a': ['cat'], 'b': ['<b>dog</b>'], 'c': ['cat', '<b>dog</b>'], 'd': []}
SIZE = (12, 20)
STAGES = ('cam', 'seeds', 'scores', 'masks', 'mask_scores', 'segmentor', 'test')
CONFIG = """
wrapped = dict(type='BaseSegDataset', data_root={root!r}, ann_file='ids.txt', serialize_data=False,
               data_prefix=dict(img_path='images', seg_map_path='truth'),
               metainfo=dict(classes={classes!r},
                             palette=[[0, 0, 0], [200, 0, 0], [0, 0, 250]]))
seed_dataloader = dict(dataset=dict(type='mmwsss.ImageLabelDataset', dataset=wrapped,
                                    label_file={root!r} + '/labels.json', pipeline=[]))
train_dataloader = dict(dataset=dict(type='mmwsss.PseudoMaskDataset', dataset=wrapped,
                                     mask_dir='', pipeline=[]))
test_dataloader = dict(dataset=wrapped)
judged_on = dict(ground_truth={root!r} + '/truth', ids={root!r} + '/ids.txt')
stages = dict(
    cam=dict(type='Train'),
    seeds=dict(type='GenerateSeeds', model='cam'),
    scores=dict(type='EvaluateSeeds', seeds='seeds'),
    masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold='best', scores='scores'),
    mask_scores=dict(type='EvaluateMasks', masks='masks'),
    segmentor=dict(type='Train', masks='masks', config={root!r} + '/segmentor.py'),
    test=dict(type='Test', model='segmentor'),
)
"""


def truth_of(image_id):
    mask = np.zeros(SIZE, dtype=np.uint8)
    if 'cat' in LABELS[image_id]:
        mask[2:10, 2:8] = 1
    if '<b>dog</b>' in LABELS[image_id]:
        mask[4:12, 10:18] = 2
    mask[0] = 255
    return mask


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / 'data'
    (folder / 'images').mkdir(parents=True)
    generator = np.random.default_rng(0)
    for image_id in LABELS:
        pixels = generator.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / 'images' / f'{image_id}.jpg')
        save_mask(folder / 'truth' / f'{image_id}.png', truth_of(image_id))
    (folder / 'ids.txt').write_text('\n'.join(LABELS))
    save_image_labels(folder / 'labels.json', LABELS)
    (folder / 'segmentor.py').write_text(CONFIG.format(root=str(folder), classes=CLASSES))
    return folder


def write_seeds(folder, pacam):
    for image_id in LABELS:
        truth = truth_of(image_id)
        classes = [index for index in (0, 1) if (truth == index + 1).any()]
        maps = np.array([0.1 + 0.6 * (truth == index + 1) for index in classes])
        maps = maps.reshape(len(classes), *SIZE)
        save_seed(
            folder / f'{image_id}.npz', Seed(classes, maps, SIZE, maps**0.5 if pacam else None)
        )


def write_masks(folder):
    for image_id in LABELS:
        save_mask(folder / f'{image_id}.png', np.roll(truth_of(image_id), 1, axis=1))


@pytest.fixture
def make_run(data, tmp_path):
    """Make the files of a pipeline that has run until a stage."""

    def make(name='host', until='test', pacam=False, left_out=()):
        root = tmp_path / name
        config_file = tmp_path / f'{name}.py'
        config_file.write_text(CONFIG.format(root=str(data), classes=CLASSES))
        workspace = open_workspace(Config.fromfile(config_file), root)
        ids, names = list(LABELS), CLASSES[1:]
        write_seeds(root / 'seeds' / 'seeds', pacam)
        write_masks(root / 'masks' / 'masks')
        write_masks(root / 'test' / 'predictions')
        judged = evaluate_masks(root / 'masks' / 'masks', data / 'truth', ids, names)
        figures = {
            'cam': {'checkpoint': 'epoch_1.pth'},
            'seeds': {'seeds': 4},
            'scores': evaluate_seeds(root / 'seeds/seeds', data / 'truth', ids, names, split='ids'),
            'masks': {'masks': 4, 'bg_threshold': 0.25, 'source': 'cam'},
            'mask_scores': {'argmax': {**judged, 'mIoU': 61.257}, 'masks': judged},
            'segmentor': {'checkpoint': 'epoch_1.pth'},
            'test': {'aAcc': 80.0, 'mIoU': 43.219},
        }
        done = [s for s in STAGES[: STAGES.index(until) + 1] if s not in left_out]
        records = {
            stage: {
                'type': type(workspace.stages[stage]).__name__,
                'figures': figures[stage],
                'seconds': 61.0 if stage == 'cam' else 1.5,
                'versions': {'mmwsss': '9.8.7'},
            }
            for stage in done
        }
        return PipelineRun(name, workspace, records)

    return make


def images_in(page):
    for kind, text in re.findall(r'src="data:image/(\w+);base64,([^"]+)"', page):
        image = Image.open(io.BytesIO(base64.b64decode(text)))
        image.load()
        assert image.format.lower() == kind
        yield image


def captions_in(page):
    return re.findall(r'>([^<>]*)</div>', page)


def test_a_whole_run(make_run, tmp_path):
    path = write_report(tmp_path / 'pages' / 'report.html', [make_run()])
    page = path.read_text(encoding='utf-8')
    assert path == tmp_path / 'pages' / 'report.html'
    assert [p.name for p in path.parent.iterdir()] == ['report.html']
    for heading in ('Mean IoU (%)', 'Seeds at every', 'IoU by class', 'Training im', 'Test im'):
        assert f'<h2>{heading}' in page
    assert '<th scope="row">pseudo masks</th><td>61.26</td></tr>' in page
    assert '<th scope="row">segmentor</th><td>43.22</td></tr>' in page
    assert 'chosen on these same images' in page and 'split &quot;ids&quot;' in page
    assert 'set to unsure (255)' in page
    assert 'from cam at the background threshold 0.25' in page
    assert 'tested on 4 images' in page
    assert '1 min 01 s' in page and '1.5 s' in page
    assert 'host.py, segmentor.py' in page and 'mmwsss 9.8.7' in page
    assert 'difference' not in page


def test_pictures_are_embedded(make_run, tmp_path):
    page = write_report(tmp_path / 'r.html', [make_run()]).read_text(encoding='utf-8')
    curves, *pictures = images_in(page)
    assert curves.format == 'PNG'
    # 4 photographs, 4 maps (c has 2 classes, d none), 4 pseudo masks, 4 true masks; 4 rows of 3
    assert len(pictures) == 16 + 12
    assert {picture.size for picture in pictures} == {SIZE[::-1]}
    captions = captions_in(page)
    assert captions.count('CAM, cat') == 2 and captions.count('CAM, &lt;b&gt;dog&lt;/b&gt;') == 2
    assert captions.count('pseudo mask') == 4 and captions.count('prediction') == 4
    assert captions.count('ground truth') == 4 + 4 + 1  # the last is a head
    assert 'PACAM' not in page


def test_the_page_needs_nothing_else_and_escapes_names(make_run, tmp_path):
    page = write_report(tmp_path / 'r.html', [make_run('a&b')]).read_text(encoding='utf-8')
    assert '<b>' not in page and '&lt;b&gt;dog&lt;/b&gt;' in page
    assert 'a&b' not in page and '<title>Pipeline: a&amp;b</title>' in page
    assert not re.search(r'(src|href)="(?!data:)|url\(|<script|<link|https?:', page)
    for folded in ('<div', '<table', '<tr', '<th', '<td', '<span'):
        assert len(re.findall(rf'{folded}\b', page)) == page.count(f'</{folded[1:]}>')


def test_two_runs_side_by_side(make_run, tmp_path):
    runs = [make_run(), make_run('plugin', pacam=True)]
    runs[1].records['test']['figures']['mIoU'] = 45.0
    page = write_report(tmp_path / 'r.html', runs).read_text(encoding='utf-8')
    assert '<td>43.22</td><td>45.00</td><td>+1.78</td>' in page
    assert '<th scope="row">seeds: pacam</th><td>-</td>' in page
    assert 'The difference is plugin minus host.' in page
    assert '<th colspan="2">host</th><th colspan="4">plugin</th>' in page
    assert page.count('set to unsure') == 1
    captions = captions_in(page)
    assert captions.count('CAM, cat') == 4 and captions.count('PACAM, cat') == 2
    assert 'repeat(4, ' in page  # photograph, CAM, CAM, PACAM
    assert captions.count('prediction') == 8


def test_runs_that_got_different_far(make_run, tmp_path):
    runs = [make_run(), make_run('plugin', until='seeds')]
    page = write_report(tmp_path / 'r.html', runs).read_text(encoding='utf-8')
    assert '<td>43.22</td><td>-</td><td>-</td>' in page
    captions = captions_in(page)
    assert captions.count('CAM, cat') == 4 and captions.count('pseudo mask') == 4


@pytest.mark.parametrize(
    ('until', 'present', 'absent'),
    [
        ('cam', ['Time of'], ['Mean IoU', 'Seeds at', 'IoU by', 'Training im', 'Test im']),
        ('seeds', ['CAM, cat'], ['Mean IoU', 'Seeds at', 'IoU by', 'White line', 'ground truth<']),
        ('scores', ['seeds: cam', 'White line', 'ground truth<'], ['pseudo mask<', 'Test im']),
        ('masks', ['pseudo mask<', 'made from cam'], ['Pseudo masks: ', 'Test im']),
        ('segmentor', ['Pseudo masks: '], ['Test im', 'tested on']),
    ],
)
def test_missing_parts_are_left_out(make_run, tmp_path, until, present, absent):
    page = write_report(tmp_path / 'r.html', [make_run(until=until)]).read_text(encoding='utf-8')
    assert all(text in page for text in present)
    assert not any(text in page for text in absent)


def test_without_ground_truth(make_run, data, tmp_path):
    run = make_run(left_out=('scores', 'mask_scores'))
    for path in (data / 'truth').iterdir():
        path.unlink()
    page = write_report(tmp_path / 'r.html', [run]).read_text(encoding='utf-8')
    assert 'Mean IoU' in page and 'Seeds at' not in page
    captions = captions_in(page)
    assert captions.count('pseudo mask') == 4
    assert 'ground truth' not in captions and captions.count('prediction') == 4


def test_a_best_threshold_at_the_border(make_run, tmp_path):
    run = make_run()
    run.records['scores']['figures']['sources']['cam']['best']['at_border'] = True
    page = write_report(tmp_path / 'r.html', [run]).read_text(encoding='utf-8')
    assert 'host, cam: the best threshold lies at a border' in page


def test_iou_by_class(make_run, tmp_path):
    run = make_run()
    run.records['test']['figures']['IoU'] = {'background': 90.04, 'cat': None, '<b>dog</b>': 1.26}
    page = write_report(tmp_path / 'r.html', [run]).read_text(encoding='utf-8')
    assert re.search(
        r'<th scope="row">cat</th><td class="first">100.0</td><td>\d\d\.\d</td><td>-</td>', page
    )
    assert re.search(r'<th scope="row">background</th>.*<td>90.0</td>', page)


def test_a_second_writing_gives_the_same_bytes(make_run, tmp_path):
    runs = [make_run(), make_run('plugin', pacam=True)]
    first = write_report(tmp_path / 'r.html', runs).read_bytes()
    assert write_report(tmp_path / 'r.html', runs).read_bytes() == first


def test_fewer_images(make_run, tmp_path):
    page = write_report(tmp_path / 'r.html', [make_run()], 1).read_text(encoding='utf-8')
    assert captions_in(page).count('photograph') == 1 + 1  # and the head of the test images
    assert 'c: cat' in page  # shows most classes
    page = write_report(tmp_path / 'r.html', [make_run()], 0).read_text(encoding='utf-8')
    assert len(list(images_in(page))) == 1  # the curves


def test_no_run(tmp_path):
    with pytest.raises(ValueError, match='at least one run'):
        write_report(tmp_path / 'r.html', [])
    assert not (tmp_path / 'r.html').exists()


def test_a_seed_that_is_gone(make_run, tmp_path):
    run = make_run()
    (tmp_path / 'host' / 'seeds' / 'seeds' / 'c.npz').unlink()
    with pytest.raises(FileNotFoundError, match=r'c\.npz is missing'):
        write_report(tmp_path / 'r.html', [run])
    assert not (tmp_path / 'r.html').exists()


def test_images_of_the_runs(make_run):
    run = make_run(until='masks')
    assert prediction_images([run]) is None
    images = seed_images([run])
    assert set(images.infos) == set(LABELS)
    assert images.classes == CLASSES and images.palette.tolist()[1] == [200, 0, 0]
    assert last_stage(run, stages.EvaluateSeeds).name == 'scores'
    assert last_stage(run, (stages.EvaluateSeeds, stages.RefineSeeds)).name == 'masks'
    assert last_stage(run, stages.Test) is None


def test_chosen_images_are_spread_and_show_many_classes():
    ids = [f'{index:02d}' for index in range(40)]
    assert choose_ids(reversed(ids), 4, lambda image_id: {0}) == ['00', '10', '20', '30']
    rare = {'19': {0, 5}, '29': {5}}
    chosen = choose_ids(ids, 4, lambda image_id: rare.get(image_id, {0}))
    assert chosen == ['00', '19', '20', '30']
    assert choose_ids(ids[:3], 8, lambda image_id: ()) == ids[:3]
    assert choose_ids([], 8, lambda image_id: ()) == []
    assert choose_ids(ids, 0, lambda image_id: ()) == []


def test_boundaries_stand_below_the_maps_of_the_run_that_saw_them(tmp_path):
    from mmwsss.pipeline.report_pictures import _edge_cells, _Maps
    from mmwsss.seeds.masks import save_grey

    save_grey(tmp_path / 'a.png', np.array([[0, 255]], dtype=np.uint8))
    photo = np.full((4, 8, 3), 100, dtype=np.uint8)
    without = _Maps('host', tmp_path, ['cam', 'pacam'], {}, None, None)
    seeing = _Maps('walk', tmp_path, ['cam'], {}, None, tmp_path)
    assert _edge_cells('a', photo, [without]) == []
    cells = _edge_cells('a', photo, [without, seeing])
    assert [cell.caption for cell in cells] == ['', '', '', 'boundaries']
    picture = cells[-1].picture.astype(int)
    assert np.abs(picture[:, 0] - 100).max() == 0  # no boundary: the photograph
    assert np.abs(picture[:, -1] - 100).max() > 50


def test_the_curve_of_vision_prototypes(make_run, tmp_path):
    runs = [make_run(), make_run('vpl')]
    figures = {'kl_start': 1.5, 'kl_peak': 9.0, 'kl_end': 0.25, 'rows': 12}
    curve = {**figures, 'gap_before': 0.81, 'gap_after': 0.52, 'kl': [1.5, 9.0, 0.25]}
    folder = runs[1].workspace.folder('cam')
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'kl_curve.json').write_text(json.dumps(curve))
    page = write_report(tmp_path / 'r.html', runs).read_text(encoding='utf-8')
    assert 'vpl: 12 regions; KL 1.500 at the start, 9.000 at its peak, 0.250 at the end' in page
    assert 'gap 0.81 before, 0.52 after' in page
    assert '<h2>Vision prototypes' in page


def test_masks_against_a_power_of_the_background(make_run, tmp_path):
    run = make_run()
    figures = run.records['masks']['figures']
    figures.update(bg_threshold=None, bg_power=2)
    page = write_report(tmp_path / 'r.html', [run]).read_text(encoding='utf-8')
    assert 'from cam against the background (1 - max)^2' in page
    figures['bg_power'] = None
    page = write_report(tmp_path / 'r.html', [run]).read_text(encoding='utf-8')
    assert 'from cam against the seeds&#x27; own background' in page
