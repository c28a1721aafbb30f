"""What the page of runs says and shows."""

import base64
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsss.pipeline import stages
from mmwsss.pipeline.report import write_report
from mmwsss.pipeline.report.gallery import training_set
from mmwsss.pipeline.report_pictures import choose_ids, last_stage, prediction_images, seed_images
from mmwsss.pipeline.vectors import Vectors
from mmwsss.seeds.masks import save_mask

IDS = ('a', 'b', 'c', 'd')
CLASSES = ('background', 'cat', '<b>dog</b>')
SIZE = (12, 20)


@pytest.fixture
def write(tmp_path):
    """Write the page of runs and return it."""

    def run(*runs, **options):
        return write_report(tmp_path / 'r.html', runs, **options).read_text(encoding='utf-8')

    return run


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    return json.loads(found[1]) if found else None


def images_of(page, kind):
    return {image['id']: image for image in data_of(page)['images'] if image['set'] == kind}


def layers_of(image):
    return [(layer['name'], layer['run']) for layer in image['layers']]


def picture(address):
    kind, text = re.fullmatch(r'data:image/(\w+);base64,(.+)', address).groups()
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    image.load()
    assert image.format.lower() == kind
    return image


def test_a_whole_run(make_run, tmp_path):
    path = write_report(tmp_path / 'pages' / 'report.html', [make_run()])
    page = path.read_text(encoding='utf-8')
    assert path == tmp_path / 'pages' / 'report.html'
    assert [p.name for p in path.parent.iterdir()] == ['report.html']
    for section in ('miou', 'classes', 'confusions', 'thresholds', 'images', 'resources'):
        assert page.count(f'<section id="{section}">') == 1
        assert f'href="#{section}"' in page
    assert '<th scope="row">pseudo masks</th><td>61.26</td></tr>' in page
    assert '<th scope="row">segmentor</th><td>43.22</td></tr>' in page
    assert 'chosen on these same images' in page and 'split &#34;ids&#34;' in page
    assert 'set to unsure (255)' in page
    assert 'from cam at the background threshold 0.25' in page
    assert 'tested on 4 images' in page
    assert '1 min 01 s' in page and '1.5 s' in page and '2.0 GB' in page
    assert 'host.py, segmentor.py' in page and 'mmwsss 9.8.7' in page
    assert 'difference' not in page


def test_every_image_has_its_maps_and_masks(make_run, write):
    page = write(make_run())
    training, tested = images_of(page, 'training'), images_of(page, 'test')
    assert training.keys() == tested.keys() == set(IDS)
    names = {key: [name for name, _ in layers_of(image)] for key, image in training.items()}
    assert names['a'] == ['CAM, cat', 'pseudo mask', 'ground truth']
    assert names['c'] == ['CAM, cat', 'CAM, <b>dog</b>', 'pseudo mask', 'ground truth']
    assert names['d'] == ['pseudo mask', 'ground truth']
    assert layers_of(tested['a']) == [('prediction', ''), ('ground truth', '')]
    assert training['c']['classes'] == training['c']['label'] == [1, 2]
    for image in (*training.values(), *tested.values()):
        assert picture(image['photo']).size == SIZE[::-1]
        assert tuple(image['size']) == SIZE
        for layer in image['layers']:
            shown = picture(layer['src'])
            assert shown.mode == 'P' and shown.size in (SIZE[::-1], (10, 6))


def test_a_mask_lies_where_it_is_in_its_colours(make_run, write):
    image = images_of(write(make_run()), 'training')['a']
    layer = picture(image['layers'][1]['src']).convert('RGBA')
    pixels = np.asarray(layer)
    assert pixels[5, 4].tolist() == [200, 0, 0, 178]  # a cat, one pixel to the right of the truth
    assert pixels[5, 2, 3] == 0 and pixels[5, 8, 3] > 0
    assert pixels[0, 5].tolist() == [255, 255, 255, 150]  # unsure


def test_images_are_judged_in_words(make_run, write):
    images = images_of(write(make_run()), 'training')
    assert images['d']['kind'] == 'good' and images['d']['score'] == 100
    # masks are moved by one column: of the 6 of the cat one is missed, and one is too much
    assert images['a']['measure'] == 'IoU' and 80 < images['a']['score'] < 95
    assert re.fullmatch(r'cat: 17 % of (it are missed|its size too much)', images['a']['why'])


def test_the_page_needs_nothing_else_and_escapes_names(make_run, write):
    page = write(make_run('a&b'))
    assert '<b>dog' not in page and '&lt;b&gt;dog&lt;/b&gt;' in page
    assert 'a&b' not in page and '<title>Pipeline: a&amp;b</title>' in page
    assert data_of(page)['classes'] == list(CLASSES)
    assert not re.search(r'(src|href)="(?!data:|#)|url\(|https?:', page)
    assert "default-src 'none'" in page
    for tag in ('div', 'table', 'tr', 'td', 'span', 'section', 'svg', 'figure', 'ul', 'li'):
        opened = len(re.findall(rf'<{tag}\b', page))
        assert opened == page.count(f'</{tag}>'), tag


def test_two_runs_side_by_side(make_run, write):
    runs = [make_run(), make_run('plugin', pacam=True)]
    runs[1].records['test']['figures']['mIoU'] = 45.0
    page = write(*runs)
    assert '<td>43.22</td><td>45.00</td><td>+1.78</td>' in page
    assert '<th scope="row">seeds: pacam</th><td>-</td>' in page
    assert 'The difference is plugin minus host.' in page
    assert page.count('set to unsure') == 1
    assert layers_of(images_of(page, 'training')['a']) == [
        ('CAM, cat', 'host'),
        ('pseudo mask', 'host'),
        ('CAM, cat', 'plugin'),
        ('PACAM, cat', 'plugin'),
        ('pseudo mask', 'plugin'),
        ('ground truth', ''),
    ]
    for name in ('Pseudo masks, host', 'Pseudo masks, plugin', 'Segmentor, plugin'):
        assert f'<h3>{name}</h3>' in page


def test_runs_that_got_different_far(make_run, write):
    page = write(make_run(), make_run('plugin', until='seeds'))
    assert '<td>43.22</td><td>-</td><td>-</td>' in page
    layers = layers_of(images_of(page, 'training')['a'])
    assert ('CAM, cat', 'plugin') in layers and ('pseudo mask', 'plugin') not in layers


@pytest.mark.parametrize(
    ('until', 'present', 'absent'),
    [
        ('cam', ['resources'], ['classes', 'thresholds', 'confusions', 'images']),
        (
            'seeds',
            ['CAM, cat', 'classes'],
            ['thresholds', 'confusions', 'pseudo mask', 'ground truth"'],
        ),
        ('scores', ['seeds: cam', 'thresholds', 'ground truth'], ['pseudo mask"', 'prediction']),
        (
            'masks',
            ['pseudo mask"', 'made from cam', 'confusions'],
            ['Pseudo masks: ', 'prediction'],
        ),
        ('segmentor', ['Pseudo masks: '], ['prediction', 'tested on']),
    ],
)
def test_missing_parts_are_left_out(make_run, write, until, present, absent):
    parts = r'<style>.*?</style>|<script>.*?</script>'  # which name all that there can be
    page = re.sub(parts, '', write(make_run(until=until)), flags=re.S)
    assert not [text for text in present if text not in page]
    assert not [text for text in absent if text in page]


def test_without_ground_truth_it_says_what_can_be_said(make_run, data, write):
    run = make_run(left_out=('scores', 'mask_scores', 'test'))
    for path in (data / 'truth').iterdir():
        path.unlink()
    page = write(run)
    assert 'Nothing was judged by ground truth' in page
    assert 'found in masks (% of them)' in page and 'confusions' not in page.partition('<main')[2]
    images = images_of(page, 'training')
    assert all(name != 'ground truth' for image in images.values() for name, _ in layers_of(image))
    assert images['a']['measure'] == 'usual size' and images['a']['kind'] == 'good'
    assert images['d']['score'] is None


def test_a_class_that_was_lost_is_named_without_ground_truth(make_run, write, tmp_path):
    run = make_run(left_out=('scores', 'mask_scores', 'test'))
    empty = np.zeros(SIZE, dtype=np.uint8)
    save_mask(tmp_path / 'host/masks/masks/c.png', empty)
    image = images_of(write(run), 'training')['c']
    assert (image['kind'], image['score']) == ('not found', 0)
    assert image['why'].endswith(': not found')


def test_masks_that_a_person_corrected_lie_beside_the_others(make_run, write):
    run = make_run()
    save_mask(run.workspace.corrected('masks') / 'b.png', np.zeros(SIZE, dtype=np.uint8))
    page = write(run)
    assert 'host: masks of 1 image were corrected by a person.' in page
    images = images_of(page, 'training')
    assert ('corrected mask', '') in layers_of(images['b'])
    assert ('corrected mask', '') not in layers_of(images['a'])


def test_a_best_threshold_at_the_border(make_run, write):
    run = make_run()
    run.records['scores']['figures']['sources']['cam']['best']['at_border'] = True
    assert 'host, cam: the best threshold lies at a border' in write(run)


def test_iou_by_class(make_run, write):
    run = make_run()
    run.records['test']['figures']['IoU'] = {'background': 90.04, 'cat': None, '<b>dog</b>': 1.26}
    page = write(run)
    [row] = re.findall(r'<tr><th scope="row"><i class="chip"[^>]*></i>cat</th>(.*?)</tr>', page)
    cells = re.findall(r'<td[^>]*>([^<]*)</td>', row)
    assert cells[0] == '2' and cells[-1] == '-' and '100.0' in cells
    assert '>90.0</td>' in page and '>1.3</td>' in page


def test_a_second_writing_gives_the_same_bytes(make_run, write):
    runs = [make_run(), make_run('plugin', pacam=True)]
    assert write(*runs) == write(*runs)


def test_fewer_images_are_the_worst_the_best_and_some_between(make_run, write):
    data = data_of(write(make_run(), max_images=2))
    assert len(data['images']) == 2 and data['total'] == 8
    assert {image['set'] for image in data['images']} == {'training', 'test'}
    assert data_of(write(make_run(), max_images=0)) is None


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
    assert set(images.infos) == set(IDS)
    assert images.classes == CLASSES and images.palette.tolist()[1] == [200, 0, 0]
    assert last_stage(run, stages.EvaluateSeeds).name == 'scores'
    assert last_stage(run, (stages.EvaluateSeeds, stages.RefineSeeds)).name == 'masks'
    assert last_stage(run, stages.Test) is None
    assert training_set([run]).labels('c') == [1, 2]


def test_chosen_images_are_spread_and_show_many_classes():
    ids = [f'{index:02d}' for index in range(40)]
    assert choose_ids(reversed(ids), 4, lambda image_id: {0}) == ['00', '10', '20', '30']
    rare = {'19': {0, 5}, '29': {5}}
    chosen = choose_ids(ids, 4, lambda image_id: rare.get(image_id, {0}))
    assert chosen == ['00', '19', '20', '30']
    assert choose_ids(ids[:3], 8, lambda image_id: ()) == ids[:3]
    assert choose_ids([], 8, lambda image_id: ()) == []
    assert choose_ids(ids, 0, lambda image_id: ()) == []


def test_the_curve_of_vision_prototypes(make_run, write):
    runs = [make_run(), make_run('vpl')]
    figures = {'kl_start': 1.5, 'kl_peak': 9.0, 'kl_end': 0.25, 'rows': 12}
    curve = {**figures, 'gap_before': 0.81, 'gap_after': 0.52, 'kl': [1.5, 9.0, 0.25]}
    folder = runs[1].workspace.folder('cam')
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'kl_curve.json').write_text(json.dumps(curve))
    page = write(*runs)
    assert 'vpl: 12 regions; KL 1.500 at the start, 9.000 at its peak, 0.250 at the end' in page
    assert 'gap 0.81 before, 0.52 after' in page
    assert '<section id="prototypes">' in page


class Explained:
    """A network of two prototypes, of which the second sees the right half."""

    def __init__(self):
        self.prototype_head = self

    def to(self, device):
        return self

    def eval(self):
        return self

    def data_preprocessor(self, batch, training):
        return {'inputs': batch['inputs'], 'data_samples': batch['data_samples']}

    def compute_cam(self, inputs, samples):
        return None

    def explain(self, output, label):
        shown = label[0].nonzero()[:, 0]
        maps = torch.zeros(len(shown), 2, *SIZE)
        maps[:, 1, :, 10:] = 0.5
        weight = torch.tensor([[0.25, 0.75]]).repeat(len(shown), 1)
        return SimpleNamespace(class_index=shown, weight=weight, maps=maps)


def test_prototypes_light_up_over_images_of_the_network_that_has_them(make_run, write, monkeypatch):
    from mmwsss.pipeline.report import prototypes

    run = make_run()
    config = run.workspace.config
    config.model = {'prototype_head': {'type': 'mmwsss.PrototypeAwareCAMHead'}}
    config.seed_dataloader.dataset.pipeline = [
        {'type': 'LoadImageFromFile'},
        {'type': 'mmwsss.PackImageLabelInputs'},
    ]
    folder = run.workspace.folder('cam')
    folder.mkdir(parents=True)
    (folder / 'epoch_1.pth').write_bytes(b'')
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    silent = Explained()
    silent.prototype_head = object()
    monkeypatch.setattr(prototypes, 'load_network', lambda *arguments: silent)
    assert '<section id="prototypes">' not in write(run)
    monkeypatch.setattr(prototypes, 'load_network', lambda *arguments: Explained())
    page = write(run)
    section = page.partition('<section id="prototypes">')[2].partition('</section>')[0]
    assert section.count('<article') == 3 and '<b>a: cat</b>' in section
    texts = re.findall(r'<small>([^<]*)</small>', section)
    assert texts[:4] == ['photograph', 'all, weighted', 'weight 0.75', 'weight 0.25']
    layers = re.findall(r'<img src="(data:image/png[^"]*)"', section)
    weightiest = np.asarray(picture(layers[1]).convert('RGBA'))
    assert weightiest[3, 1, 3] == 0 and weightiest[3, -1, 3] > 100


@pytest.fixture
def clustered(make_run, monkeypatch):
    """A run whose plug-in has instances of two classes, which the alignment moves apart."""
    from mmwsss.pipeline.report import prototypes

    run = make_run()
    vectors = np.random.default_rng(0).normal(size=(6, 4))
    classes = np.array([0, 0, 0, 1, 1, 1])
    marks = {'context prototype': (vectors[[0, 3]], np.array([0, 1]))}
    moved = vectors + 9 * np.eye(4)[classes]
    pair = [Vectors(points, classes, marks) for points in (vectors, moved)]
    monkeypatch.setattr(prototypes, '_trained_plug_in', lambda run: (run.workspace.config, ''))
    monkeypatch.setattr(prototypes, 'load_network', lambda *arguments: Explained())
    monkeypatch.setattr(prototypes, '_rows', lambda *arguments: [])
    monkeypatch.setattr(prototypes, 'PrototypeAwareCAMHead', Explained)
    monkeypatch.setattr(prototypes, 'anchor_vectors', lambda *arguments: pair)
    run.workspace.config.model = {'data_preprocessor': None}
    return run


def test_instances_lie_in_a_plane_before_and_after_the_alignment(clustered, write):
    pytest.importorskip('sklearn')
    section = write(clustered).partition('<section id="prototypes">')[2].partition('</section>')[0]
    planes = re.findall(r'<figure class="chart plane">.*?</figure>', section, re.S)
    assert ['before the' in plane for plane in planes] == [True, False]
    for plane in planes:
        points = re.findall(r'<circle cx="([^"]*)" cy="([^"]*)" r="4" fill="(#\w+)">', plane)
        assert [color for *_, color in points] == ['#c80000'] * 3 + ['#0000fa'] * 3
        assert all(0 < float(place) < 400 for *places, _ in points for place in places)
        assert plane.count('context prototype of cat') == 1
    values = [float(value) for value in re.findall(r'silhouette (-?[\d.]+)</figcaption>', section)]
    assert values[1] > 0.8 > values[0]
    assert '<b>dog' not in section and '</i>&lt;b&gt;dog' in section


def test_without_scikit_learn_a_page_says_what_is_missing(clustered, write, monkeypatch):
    from mmwsss.pipeline.report import prototypes

    monkeypatch.setattr(prototypes, 'has_scikit_learn', lambda: False)
    page = write(clustered)
    assert 'needs scikit-learn: pip install mmwsss[figures]' in page
    assert '<figure class="chart plane">' not in page


def test_the_curve_of_a_threshold_that_was_chosen_without_masks(make_run, write):
    run = make_run(left_out=('scores', 'mask_scores', 'test'))
    curve = {'thresholds': [0.1, 0.2, 0.3], 'separation': [0.5, 1.0, 0.25], 'threshold': 0.2}
    run.records['masks']['figures'].update(bg_threshold=0.2, auto=curve)
    page = write(run)
    assert 'at the background threshold 0.20, chosen by the scores of the seeds alone' in page
    assert 'href="#thresholds"' in page
    section = page.partition('<section id="thresholds">')[2].partition('</section>')[0]
    [points] = re.findall(r'points="([^"]*)"[^>]*><title>masks, cam: 0.20</title>', section)
    [mark] = re.findall(r'<circle class="s0" cx="([^"]*)" cy="([^"]*)"', section)
    assert ','.join(mark) == points.split()[1]


def test_losses_and_rates_of_trainings_that_were_cut_off(make_run, write):
    run = make_run()
    for start, lines in (
        (
            '20250101',
            '{"loss": 2.0, "loss_cls": 1.5, "lr": 0.1, "step": 1}\n{"loss": 9.0, "step": 2}\n',
        ),
        ('20250102', '{"loss": 1.0, "lr": 0.05, "step": 2}\n{"mIoU": 3, "step": 2}\n{"loss": 0.'),
    ):
        path = run.workspace.folder('cam') / start / 'vis_data/scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text(lines)
    page = write(run)
    section = page.partition('<section id="training">')[2].partition('</section>')[0]
    assert section.count('<svg viewBox="0 0 640') == 2 and '<h3>cam</h3>' in section
    assert '<title>loss_cls</title>' in section and 'learning rate' in section
    [points] = re.findall(r'points="([^"]*)"[^>]*><title>loss</title>', section)
    assert len(points.split()) == 2
    heights = [float(point.partition(',')[2]) for point in points.split()]
    assert heights[0] < heights[1]  # from 2 down to 1, and no 9


def test_masks_against_a_power_of_the_background(make_run, write):
    run = make_run()
    figures = run.records['masks']['figures']
    figures.update(bg_threshold=None, bg_power=2)
    assert 'from cam against the background (1 - max)^2' in write(run)
    figures['bg_power'] = None
    assert 'from cam against the seeds&#39; own background' in write(run)


def test_boundaries_are_shown_of_the_run_that_saw_them(make_run, write, tmp_path, monkeypatch):
    from mmwsss.pipeline.report import gallery
    from mmwsss.seeds.masks import save_grey

    for image_id in IDS:
        edges = np.zeros(SIZE, dtype=np.uint8)
        edges[:, 10:] = 255
        save_grey(tmp_path / 'edges' / f'{image_id}.png', edges)
    files = gallery._training_files(make_run())
    seeing = gallery.RunFiles('host', files.masks, files.seeds, edges=tmp_path / 'edges')
    monkeypatch.setattr(gallery, '_training_files', lambda run: seeing)
    image = images_of(write(make_run()), 'training')['d']
    assert ('boundaries', '') in layers_of(image)
    layer = np.asarray(picture(image['layers'][0]['src']).convert('RGBA'))
    assert layer[3, 1, 3] == 0 and layer[3, -1, 3] > 100
