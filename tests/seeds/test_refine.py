import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsss.commands.main import main
from mmwsss.functional.pixel_adaptive_refinement import pixel_adaptive_refinement
from mmwsss.seeds.crf import CLIP_ES_CRF, IRN_CRF, crf_from_labels, crf_from_probabilities
from mmwsss.seeds.files import Seed, load_seed, save_seed
from mmwsss.seeds.ir_label import IRLabelSettings, make_ir_labels
from mmwsss.seeds.masks import load_mask, save_mask
from mmwsss.seeds.processes import run_in_processes
from mmwsss.seeds.refine import (
    RefineSettings,
    check_inputs,
    refine_items,
    refine_seed,
    refine_seeds_with_crf,
    score_planes,
)
from mmwsss.structures import read_image

ROOT = Path(__file__).parents[2]
CLASSES = {'a': [1, 4], 'b': [0], 'c': [], 'd': [2, 3, 19]}
SIZES = {'a': (30, 41), 'b': (25, 25), 'c': (12, 20), 'd': (33, 20)}


def make_data(folder):
    rng = np.random.default_rng(0)
    for name, classes in CLASSES.items():
        height, width = SIZES[name]
        (folder / 'images').mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / 'images' / f'{name}.jpg')
        grid = (len(classes), -(-height // 4), -(-width // 4))
        seed = Seed(
            classes=np.array(classes, dtype=int),
            cam=rng.random(grid),
            pacam=rng.random(grid),
            background=rng.random(grid[1:]),
            size=(height, width),
        )
        save_seed(folder / 'seeds' / f'{name}.npz', seed)
    return refine_items(folder / 'seeds', folder / 'images', CLASSES)


@pytest.fixture(scope='module')
def items(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp('data'))


@pytest.fixture
def own_items(tmp_path):
    """Items that a test may spoil."""
    return make_data(tmp_path)


def naive_mask(item, source, threshold, crf, min_confidence):
    seed, image = load_seed(item.seed_path), read_image(item.image_path)
    full = seed.full_size(source)
    if not len(full):
        return np.zeros(seed.size)
    scores = np.stack([np.full(seed.size, threshold, np.float32), *full])
    if crf is CLIP_ES_CRF:
        posterior = crf_from_probabilities(image, scores)
    else:
        posterior = crf_from_labels(image, scores.argmax(0), len(scores))
    mask = np.zeros(seed.size)
    for i in range(seed.size[0]):
        for j in range(seed.size[1]):
            winner = posterior[:, i, j].argmax()
            mask[i, j] = 0 if winner == 0 else seed.classes[winner - 1] + 1
            if posterior[:, i, j].max() < min_confidence:
                mask[i, j] = 255
    return mask


@pytest.mark.parametrize(
    ('source', 'threshold', 'crf', 'confidence'),
    [('cam', 0.5, IRN_CRF, 0.0), ('sum', 0.4, IRN_CRF, 0.999), ('pacam', 0.3, CLIP_ES_CRF, 0.95)],
)
def test_masks(items, tmp_path, source, threshold, crf, confidence):
    settings = RefineSettings(source, threshold, confidence, crf)
    assert refine_seeds_with_crf(items, tmp_path / 'out', settings) == 4
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == [f'{n}.png' for n in CLASSES]
    seen = set()
    for item in items:
        mask = load_mask(tmp_path / 'out' / f'{item.id}.png')
        np.testing.assert_array_equal(
            mask, naive_mask(item, source, threshold, crf, confidence), err_msg=item.id
        )
        seen |= set(mask.ravel())
    assert {0, 1} < seen
    assert (255 in seen) == bool(confidence)


def test_argmax_alone(items):
    item = items[0]
    seed, image = load_seed(item.seed_path), read_image(item.image_path)
    mask, confidence = refine_seed(image, seed, RefineSettings('cam', 0.5, crf=None))
    full = seed.full_size('cam')
    expected = np.where(full.max(0) > np.float32(0.5), np.array([2, 5])[full.argmax(0)], 0)
    np.testing.assert_array_equal(mask, expected)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(confidence, np.ones(seed.size))


def test_background_wins_ties():
    seed = Seed(classes=[3], cam=np.array([[[0.5, 0.51]]]), size=(1, 2))
    mask, _ = refine_seed(
        np.zeros((1, 2, 3), np.uint8), seed, RefineSettings(bg_threshold=0.5, crf=None)
    )
    assert mask.tolist() == [[0, 4]]


def test_own_background(items):
    seed = load_seed(items[0].seed_path)
    scores = score_planes(seed, 'cam', None)
    assert scores.shape == (3, *seed.size)
    assert scores.dtype == np.float32
    assert abs(scores[0].mean() - seed.background.mean()) < 0.05
    seed.background = None
    with pytest.raises(ValueError, match='give a bg_threshold'):
        score_planes(seed, 'cam', None)


def test_par_in_the_place_of_the_crf(items, tmp_path):
    settings = RefineSettings('sum', 0.4, refiner='par')
    refine_seeds_with_crf(items, tmp_path / 'out', settings)
    changed = 0
    for item in items:
        seed, image = load_seed(item.seed_path), read_image(item.image_path)
        mask = load_mask(tmp_path / 'out' / f'{item.id}.png')
        if not len(seed.classes):
            assert not mask.any()
            continue
        scores = score_planes(seed, 'sum', 0.4)
        refined = pixel_adaptive_refinement(
            torch.from_numpy(image).permute(2, 0, 1)[None], torch.from_numpy(scores)[None]
        )
        labels = np.append(0, seed.classes + 1)
        np.testing.assert_array_equal(mask, labels[refined[0].argmax(dim=0)])
        changed += (mask != labels[scores.argmax(axis=0)]).sum()
    assert changed
    with pytest.raises(ValueError, match="refiner is 'slic'; choose one of crf, par"):
        RefineSettings(refiner='slic')


def test_without_a_crf_no_pixel_is_unsure(items, tmp_path):
    settings = RefineSettings(min_confidence=1.0, crf=None)
    refine_seeds_with_crf(items, tmp_path / 'out', settings, argmax_dir=tmp_path / 'argmax')
    for item in items:
        mask = load_mask(tmp_path / 'out' / f'{item.id}.png')
        np.testing.assert_array_equal(mask, load_mask(tmp_path / 'argmax' / f'{item.id}.png'))


def test_masks_before_unsure_pixels_are_ignored(items, tmp_path):
    settings = RefineSettings('sum', 0.4, 0.999)
    refine_seeds_with_crf(items, tmp_path / 'out', settings, argmax_dir=tmp_path / 'argmax')
    refine_seeds_with_crf(items, tmp_path / 'sure', RefineSettings('sum', 0.4, 0.0))
    for item in items:
        out, argmax, sure = (
            load_mask(tmp_path / name / f'{item.id}.png') for name in ('out', 'argmax', 'sure')
        )
        np.testing.assert_array_equal(argmax, sure)
        np.testing.assert_array_equal(out[out != 255], argmax[out != 255])


def test_the_number_of_processes_changes_nothing(items, tmp_path):
    settings = RefineSettings(bg_threshold=0.5)
    for processes in (1, 3):
        refine_seeds_with_crf(items, tmp_path / str(processes), settings, processes)
    for item in items:
        one, three = (tmp_path / n / f'{item.id}.png' for n in '13')
        assert one.read_bytes() == three.read_bytes()


def test_resume_keeps_whole_masks_only(items, tmp_path):
    settings = RefineSettings(bg_threshold=0.5)
    assert refine_seeds_with_crf(items, tmp_path / 'full', settings) == 4
    out = tmp_path / 'out'
    own = np.full(SIZES['a'], 7, dtype=np.uint8)
    save_mask(out / 'a.png', own)  # whole: kept
    save_mask(out / 'b.png', own)  # of another size
    content = (tmp_path / 'full' / 'c.png').read_bytes()
    (out / 'c.png').write_bytes(content[: content.index(b'IDAT') + 6])  # cut off
    assert refine_seeds_with_crf(items, out, settings, resume=True) == 3
    np.testing.assert_array_equal(load_mask(out / 'a.png'), own)
    for name in 'bcd':
        assert (out / f'{name}.png').read_bytes() == (
            tmp_path / 'full' / f'{name}.png'
        ).read_bytes()
    assert refine_seeds_with_crf(items, out, settings, resume=True) == 0
    assert refine_seeds_with_crf(items, out, settings) == 4
    assert (out / 'a.png').read_bytes() == (tmp_path / 'full' / 'a.png').read_bytes()


@pytest.mark.parametrize('processes', [1, 2])
def test_an_error_names_the_image(own_items, tmp_path, processes):
    path = own_items[1].seed_path
    cam = zipfile.ZipFile(path).getinfo('cam.npy')
    content = bytearray(path.read_bytes())
    start = cam.header_offset + 60  # the size, which is read ahead of all work, stays whole
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'image b: .*b\.npz.*delete it'):
        refine_seeds_with_crf(own_items, tmp_path / 'out', processes=processes)
    assert not (tmp_path / 'out' / 'b.png').exists()


def test_a_source_that_the_seeds_lack(own_items, tmp_path):
    seed = load_seed(own_items[0].seed_path)
    seed.pacam = None
    save_seed(own_items[0].seed_path, seed)
    with pytest.raises(ValueError, match=r'image a: .*needs a PACAM'):
        refine_seeds_with_crf(own_items, tmp_path / 'out', RefineSettings('sum'))


def test_missing_inputs(own_items, tmp_path):
    own_items[2].image_path.unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 4 image files are missing.*c\.jpg'):
        refine_seeds_with_crf(own_items, tmp_path / 'out')
    own_items[1].seed_path.unlink()
    own_items[3].seed_path.unlink()
    with pytest.raises(FileNotFoundError, match=r'2 of 4 seed files.*b\.npz; run `mmwsss seeds`'):
        refine_seeds_with_crf(own_items, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_wrong_size(own_items):
    Image.new('RGB', (30, 41)).save(own_items[0].image_path)  # PIL says (W, H): turned
    with pytest.raises(
        ValueError, match=r'a\.npz was made from an image of \(30, 41\).*\(41, 30\)'
    ):
        check_inputs(own_items)
    own_items[0].image_path.write_text('no image')
    with pytest.raises(ValueError, match=r'a\.jpg is damaged, or no image'):
        check_inputs(own_items)


def test_an_id_twice(items):
    with pytest.raises(ValueError, match='twice'):
        check_inputs([*items, items[0]])


def test_no_process(items, tmp_path):
    with pytest.raises(ValueError, match='at least 1'):
        refine_seeds_with_crf(items, tmp_path, processes=0)


@pytest.mark.parametrize('number', [0, 3, 50])
def test_every_item_is_done_once(number):
    assert sorted(run_in_processes(abs, range(number), 2)) == list(range(number))


def test_workers_have_one_thread_and_leave_ctrl_c_to_the_parent():
    questions = [
        "__import__('torch').get_num_threads()",
        "__import__('cv2').getNumThreads()",
        "__import__('signal').getsignal(2).name",
    ]
    answers = set(run_in_processes(eval, questions, 2))
    assert answers == {1, 'SIG_IGN'}


@pytest.mark.parametrize(
    ('options', 'settings'),
    [
        ([], RefineSettings()),
        (
            [
                '--source',
                'sum',
                '--bg-threshold',
                '0.4',
                '--crf',
                'clip_es',
                '--min-confidence',
                '0.95',
            ],
            RefineSettings('sum', 0.4, 0.95, CLIP_ES_CRF),
        ),
        (['--own-background', '--crf', 'none'], RefineSettings('cam', None, crf=None)),
    ],
)
def test_command(items, tmp_path, capsys, options, settings):
    (tmp_path / 'ids.txt').write_text('\n'.join(CLASSES))
    seeds, images = items[0].seed_path.parent, items[0].image_path.parent
    command = ['refine', seeds, tmp_path / 'a', '--images', images]
    command += ['--ids', tmp_path / 'ids.txt', *options]
    assert main([str(word) for word in command]) == 0
    assert '4 of 4 masks written' in capsys.readouterr().out
    refine_seeds_with_crf(items, tmp_path / 'b', settings)
    for name in CLASSES:
        a, b = (tmp_path / folder / f'{name}.png' for folder in 'ab')
        assert a.read_bytes() == b.read_bytes()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'bg_threshold': 15.0}, 'bg_threshold is 15.0; it must lie in [0, 1], or be None'),
        ({'bg_power': -1.0}, 'bg_power is -1.0; it must be at least 1e-06, or be None'),
        ({'min_confidence': 70.0}, 'min_confidence is 70.0; it must lie in [0, 1]'),
    ],
)
def test_function_and_command_refuse_senseless_numbers_alike(tmp_path, capsys, options, message):
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        RefineSettings(**options)
    (tmp_path / 'ids.txt').write_text('a')
    words = [f'--{name.replace("_", "-")}={value}' for name, value in options.items()]
    command = ['refine', 'seeds', 'masks', '--images', 'images', '--ids', tmp_path / 'ids.txt']
    assert main([str(word) for word in [*command, *words]]) == 1
    assert message in capsys.readouterr().err


def test_a_background_is_said_in_one_way():
    RefineSettings(bg_threshold=None, bg_power=2)
    with pytest.raises(ValueError, match=r'has bg_power=2 and bg_threshold=0\.3, but a background'):
        RefineSettings(bg_threshold=0.3, bg_power=2)


def test_few_items_are_handed_out_ahead():
    handed_out = count()
    items = (next(handed_out) for _ in range(10**6))
    results = run_in_processes(abs, items, 2)
    first = [next(results) for _ in range(5)]
    results.close()
    assert len(set(first)) == 5
    assert next(handed_out) < 30


def test_a_dead_worker_is_reported():
    with pytest.raises(ChildProcessError, match='a worker process died'):
        list(run_in_processes(os._exit, [1, 1], 2))


def test_ctrl_c_leaves_whole_files_only(tmp_path):
    items = make_data(tmp_path)
    big = np.zeros((400, 400, 3), dtype=np.uint8)
    for k in range(300):
        Image.fromarray(big).save(tmp_path / 'images' / f'{k}.jpg')
        seed = Seed(classes=[0], cam=np.full((1, 9, 9), 0.5), size=(400, 400))
        save_seed(tmp_path / 'seeds' / f'{k}.npz', seed)
    script = tmp_path / 'script.py'
    script.write_text(
        textwrap.dedent(f"""
        import signal
        from mmwsss.seeds.refine import refine_items, refine_seeds_with_crf
        if __name__ == '__main__':
            # a shell's background job inherits that the signal is ignored
            signal.signal(signal.SIGINT, signal.default_int_handler)
            items = refine_items({str(items[0].seed_path.parent)!r},
                {str(items[0].image_path.parent)!r}, map(str, range({300})))
            refine_seeds_with_crf(items, {str(tmp_path / 'out')!r}, processes=2)
        """)
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {'PYTHONPATH': str(ROOT)},
    )
    deadline = time.monotonic() + 300  # imports are slow on a busy machine
    while not list((tmp_path / 'out').glob('*.png')) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: parent and workers
    _, stderr = process.communicate(timeout=300)
    assert process.returncode != 0
    assert 'KeyboardInterrupt' in stderr
    assert 'Process-' not in stderr  # no worker complains
    masks = list((tmp_path / 'out').iterdir())
    assert 0 < len(masks) < 300
    for path in masks:
        assert load_mask(path).shape == (400, 400)


def test_the_background_of_the_pacam_competes_with_the_pacam_alone():
    cam, pacam = np.full((1, 2, 2), 0.4), np.full((1, 2, 2), 0.6)
    ground, own = np.full((2, 2), 0.5), np.array([[0.7, 0.5], [0.5, 0.7]])
    seed = Seed(np.array([3]), cam, (2, 2), pacam, ground, pacam_background=own)
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    masks = {
        source: refine_seed(image, seed, RefineSettings(source, None, crf=None))[0].tolist()
        for source in ('cam', 'pacam')
    }
    assert masks == {'cam': [[0, 0], [0, 0]], 'pacam': [[0, 4], [4, 0]]}


@pytest.mark.parametrize(('threshold', 'empty'), [(1.0, True), (0.0, False)])
def test_masks_that_hold_no_class_are_noted(items, tmp_path, capsys, threshold, empty):
    settings = RefineSettings(bg_threshold=threshold, crf=None)
    refine_seeds_with_crf(items, tmp_path, settings)
    note = f'none of {len(items)} masks in {tmp_path} holds a class: lower the threshold'
    assert (note in capsys.readouterr().out) is empty


def test_one_mask_with_a_class_is_enough_and_ignored_pixels_are_none(items, tmp_path, capsys):
    plain = RefineSettings(bg_threshold=0.0, crf=None)
    refine_seeds_with_crf([items[2], items[0]], tmp_path, plain)  # the first has no class
    assert 'holds a class' not in capsys.readouterr().out
    unsure = RefineSettings(bg_threshold=0.0, min_confidence=1.0)
    refine_seeds_with_crf(items[:2], tmp_path, unsure)
    assert set(np.unique(load_mask(tmp_path / 'a.png'))) == {255}
    assert f'none of 2 masks in {tmp_path} holds a class' in capsys.readouterr().out


def test_a_pixel_as_sure_as_it_must_be_is_kept(items, tmp_path):
    seed, image = load_seed(items[0].seed_path), read_image(items[0].image_path)
    labels, sure = refine_seed(image, seed, RefineSettings(bg_threshold=0.5))
    least = float(np.sort(sure, axis=None)[sure.size // 2])
    settings = RefineSettings(bg_threshold=0.5, min_confidence=least)
    refine_seeds_with_crf(items[:1], tmp_path, settings)
    mask = load_mask(tmp_path / 'a.png')
    np.testing.assert_array_equal(mask, np.where(sure < np.float32(least), 255, labels))
    assert (mask[sure == np.float32(least)] != 255).any()


def test_a_background_may_equal_the_default_beside_a_power():
    assert RefineSettings(bg_power=2.0).bg_power == 2.0


WORK = {  # where run_in_processes is called, what calls it, whether that is work for a GPU
    'crf': (refine_seeds_with_crf, None, True),
    'par': (refine_seeds_with_crf, RefineSettings(crf=None, refiner='par'), True),
    'argmax': (refine_seeds_with_crf, RefineSettings(crf=None), False),
    'ir_labels': (make_ir_labels, None, True),
    'ir_labels, argmax': (make_ir_labels, IRLabelSettings(crf=None), False),
}


@pytest.mark.parametrize('has_gpu', [True, False])
@pytest.mark.parametrize('name', WORK)
def test_workers_are_told_of_a_gpu(items, tmp_path, monkeypatch, name, has_gpu):
    function, settings, is_for_a_gpu = WORK[name]
    seen = []
    monkeypatch.setattr('torch.cuda.is_available', lambda: has_gpu)
    monkeypatch.setattr(
        'mmwsss.seeds.refine.run_in_processes',
        lambda work, todo, processes, on_gpu: seen.append((processes, on_gpu)) or todo,
    )
    monkeypatch.setattr('mmwsss.seeds.refine._emptiness', lambda *_: None)
    function(items, tmp_path, settings, 9)
    assert seen == [(9, is_for_a_gpu and has_gpu)]


@pytest.mark.parametrize(
    ('on_gpu', 'processes', 'expected'),
    [(False, 9, ('forkserver', 9)), (True, 9, ('spawn', 4)), (True, 2, ('spawn', 2))],
)
def test_workers_that_share_a_gpu_are_few_and_not_forked(monkeypatch, on_gpu, processes, expected):
    made = []

    class Pool(ProcessPoolExecutor):
        def __init__(self, number, context, **_):
            made.append((context.get_start_method(), number))
            super().__init__(1)

    monkeypatch.setattr('mmwsss.seeds.processes.ProcessPoolExecutor', Pool)
    assert list(run_in_processes(abs, [], processes, on_gpu)) == []
    assert made == [expected]
