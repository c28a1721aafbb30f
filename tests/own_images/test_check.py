"""What `mmwsss check` finds: labels, doubles, sizes, doubted labels, costs."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from mmwsss.own_images import checkup, doubles, trial
from mmwsss.own_images.checkup import Images, list_findings
from mmwsss.own_images.doubles import difference_hash, find_doubles
from mmwsss.own_images.label_issues import find_label_issues, folds_of
from mmwsss.pipeline.config import load_config


def draw(seed, size=(60, 80)):
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)


def save(path, image, **options):
    Image.fromarray(image).save(path, **options)
    return path


def images_with(labels, classes):
    labels = np.array(labels)
    return Images({str(n): None for n in range(len(labels))}, labels, classes, None)


def said(findings):
    return [(finding.level, finding.text) for finding in findings]


def test_doubles_are_found_in_other_sizes_and_brightness_and_others_are_none(tmp_path):
    image = draw(0)
    paths = {
        'a': save(tmp_path / 'a.png', image),
        'smaller': save(tmp_path / 'b.jpg', cv2.resize(image, (53, 40)), quality=60),
        'darker': save(tmp_path / 'c.png', (image * 0.7 + 20).astype(np.uint8)),
        'other': save(tmp_path / 'd.png', draw(1)),
        'mirror': save(tmp_path / 'e.png', np.ascontiguousarray(image[:, ::-1])),
        'plain': save(tmp_path / 'f.png', np.full_like(image, 90)),
        'plain too': save(tmp_path / 'g.png', np.full_like(image, 91)),
    }
    assert find_doubles(paths) == [('a', 'smaller'), ('a', 'darker'), ('smaller', 'darker')]
    assert difference_hash(image).shape == (256,)


def test_doubles_are_found_among_many_images_and_few_bits_may_differ(monkeypatch):
    """Two rows at once; hashes in the place of images."""
    generator = np.random.default_rng(0)
    some = [generator.random(256) < 0.5 for _ in range(3)]

    def differing(bits, number):
        return bits ^ (np.arange(256) < number)

    few = np.arange(256) < 19  # as of a picture of one colour
    hashes = {
        'a': some[0],
        'b': some[1],
        'c': some[2],
        'a, 10 bits': differing(some[0], doubles.NEAR),
        'b, 11 bits': differing(some[1], doubles.NEAR + 1),
        'plain': few,
        'plain too': few,
        'inverse': ~few,
        'inverse too': ~few,
        'c again': some[2],
    }
    monkeypatch.setattr(doubles, '_ROWS', 2)
    monkeypatch.setattr(doubles, 'read_image', lambda path: path)
    monkeypatch.setattr(doubles, 'difference_hash', lambda image: image)
    assert find_doubles(hashes) == [('a', 'a, 10 bits'), ('c', 'c again')]
    assert doubles.NEAR == 10
    monkeypatch.setattr(doubles, '_PLAIN', 19)
    assert ('plain', 'plain too') in find_doubles(hashes)


def test_a_cell_that_is_brighter_than_its_left_neighbour_is_a_bit():
    columns = np.repeat(np.array([10, 30, 20] + [20] * 14, np.uint8), 4)  # 17 columns of 4 pixels
    image = np.broadcast_to(columns[None, :, None], (64, 68, 3)).copy()
    assert difference_hash(image).reshape(16, 16).tolist() == [[True] + [False] * 15] * 16


def test_classes_are_counted_and_those_that_come_together_are_named():
    rows = [[1, 1, 0, 1, 0, 1]] * 12 + [[0, 0, 1, 1, 0, 1]] * 3 + [[0, 0, 0, 0, 0, 1]]
    found = said(checkup.label_findings(images_with(rows, ('a', 'b', 'c', 'd', 'none', 'all'))))
    levels = {text.split(':')[0]: level for level, text in found}
    assert levels == {
        'no image shows none': 'wrong',
        'every image shows all': 'wrong',
        '3 images show c': 'risk',
        'a and b always come together': 'wrong',
        'a never comes without d': 'risk',
        'b never comes without d': 'risk',
        'c never comes without d': 'risk',
        'every image shows some class; images of background alone help to tell it apart': 'note',
    }


def test_sizes_far_from_what_the_network_sees_are_named(tmp_path):
    sizes = {'fit': (200, 300), 'tiny': (40, 60), 'strip': (40, 310), 'huge': (1500, 2000)}
    paths = {name: save(tmp_path / f'{name}.png', draw(0, size)) for name, size in sizes.items()}
    images = Images(paths, np.ones((4, 1)), ('cat',), 294.4)
    found = [text for level, text in said(checkup.size_findings(images)) if level == 'risk']
    assert [text.split(':')[0].split(' images')[0] for text in found] == ['1', '1', '1']
    assert ': strip; cut' in found[0] and ': tiny' in found[1] and ': huge; small' in found[2]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Six images, of which one is there twice with another label."""
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path))
    (tmp_path / 'own').mkdir()
    for number in range(6):
        save(tmp_path / 'own' / f'{number}.png', draw(max(number, 1)))
    rows = {str(n): ['cat', 'dog'][: n % 3] for n in range(6)}
    (tmp_path / 'own' / 'labels.json').write_text(json.dumps(rows))
    label_file = str(tmp_path / 'own' / 'labels.json')
    options = {f'{name}_dataloader.dataset.label_file': label_file for name in ('train', 'seed')}
    for name in ('', 'stages.irnet.options.', 'stages.segmentor.options.'):
        options[f'{name}total_batch_size'] = 4
    return load_config('irn_cpal_own', options)


def test_all_of_a_config_is_looked_at_the_worst_first(mine, tmp_path):
    found = list_findings(mine, tmp_path / 'run')
    levels = [finding.level for finding in found]
    assert levels == sorted(levels, key=checkup.LEVELS.index) and 'stop' not in levels
    assert any('have other labels: 0 and 1' in finding.text for finding in found)
    images = checkup.images_of(mine)
    assert list(images.paths) == list('012345') and images.paths['2'].name == '2.png'
    assert images.classes == ('cat', 'dog')
    assert images.labels.tolist() == [[0, 0], [1, 0], [1, 1]] * 2
    assert images.long_side == pytest.approx(256 * (0.8 + 1.5) / 2)
    (tmp_path / 'own' / '3.png').write_bytes(b'no image')
    stopped = list_findings(mine, tmp_path / 'run')
    assert {finding.level for finding in stopped} == {'stop'}
    assert any('3.png' in finding.text for finding in stopped)


def naive_issues(scores, labels):
    """The definition, image by image."""
    found = set()
    for c in range(labels.shape[1]):
        yes = [scores[i][c] for i in range(len(scores)) if labels[i][c]]
        no = [1 - scores[i][c] for i in range(len(scores)) if not labels[i][c]]
        if not yes or not no:
            continue
        thresholds = {1: sum(yes) / len(yes), 0: sum(no) / len(no)}
        for i, row in enumerate(scores):
            p = {1: row[c], 0: 1 - row[c]}
            passing = [answer for answer in (0, 1) if p[answer] >= thresholds[answer]]
            if passing and max(passing, key=p.get) != labels[i][c]:
                found.add((i, c, bool(labels[i][c])))
    return found


def test_doubted_labels_are_those_of_the_definition():
    generator = np.random.default_rng(0)
    labels = (generator.random((60, 4)) < 0.4).astype(int)
    labels[:, 3] = 1  # a class of all images has no threshold
    scores = np.clip(0.25 + 0.5 * labels + generator.normal(0, 0.25, labels.shape), 0.01, 0.99)
    found = find_label_issues(scores, labels)
    assert {(i.index, i.class_index, i.labelled) for i in found} == naive_issues(scores, labels)
    margins = [issue.margin for issue in found]
    assert margins == sorted(margins, reverse=True) and min(margins) >= 0
    assert {i.labelled for i in found} == {True, False}


def test_a_label_that_was_flipped_is_the_clearest():
    labels = np.array([[1]] * 10 + [[0]] * 10)
    scores = np.where(labels == 1, 0.8, 0.1)
    labels[3] = 0
    [issue] = find_label_issues(scores, labels)
    assert (issue.index, issue.labelled) == (3, False)


def test_folds_have_every_image_once():
    folds = folds_of(11, 3)
    assert sorted(index for fold in folds for index in fold) == list(range(11))
    assert folds == folds_of(11, 3) != folds_of(11, 3, seed=1)


def test_a_trial_is_the_run_with_few_images_and_epochs(mine):
    small = trial._trial_config(mine, 4)
    assert small.seed_dataloader.dataset.dataset.indices == 4
    assert small.train_cfg.max_epochs == small.param_scheduler[0].end == trial.EPOCHS
    options = small.stages.segmentor.options
    assert options['train_cfg.max_epochs'] == trial.EPOCHS and options['total_batch_size'] == 4
    assert mine.train_cfg.max_epochs != trial.EPOCHS and 'indices' not in str(mine.seed_dataloader)
