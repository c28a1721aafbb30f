import zipfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmwsss.seeds.files import (
    Seed,
    load_seed,
    load_seed_size,
    read_meta,
    save_seed,
    write_meta,
)


def make_seed(k=2, grid=(4, 5), size=(13, 18), rng_seed=0, **changes):
    rng = np.random.default_rng(rng_seed)
    fields = {
        'classes': np.arange(k) * 3,
        'cam': rng.random((k, *grid), dtype=np.float32),
        'pacam': rng.random((k, *grid), dtype=np.float32),
        'background': rng.random(grid, dtype=np.float32),
        'size': size,
    }
    return Seed(**(fields | changes))


@pytest.mark.parametrize('k', [0, 1, 3])
@pytest.mark.parametrize('optional', [True, False])
def test_round_trip(tmp_path, k, optional):
    seed = make_seed(k) if optional else make_seed(k, pacam=None, background=None)
    path = tmp_path / 'sub' / 'image.npz'
    save_seed(path, seed)
    loaded = load_seed(path)
    assert loaded.classes.dtype == np.int16
    assert loaded.classes.tolist() == seed.classes.tolist()
    assert loaded.size == seed.size == load_seed_size(path)
    for name in ('cam', 'pacam', 'background'):
        before, after = getattr(seed, name), getattr(loaded, name)
        if before is None:
            assert after is None
        else:
            assert after.dtype == np.float32
            np.testing.assert_allclose(after, before, atol=2**-11)  # float16 below 1
    assert loaded.sources == (('cam', 'pacam', 'sum') if optional else ('cam',))


def test_maps_may_cover_more_than_the_image(tmp_path):
    seed = make_seed(grid=(5, 7), size=(18, 27), extent=(20, 28))
    save_seed(tmp_path / 'a.npz', seed)
    loaded = load_seed(tmp_path / 'a.npz')
    assert loaded.extent == (20, 28)
    whole = F.interpolate(torch.from_numpy(seed.cam)[None], (20, 28), mode='bilinear')[0]
    np.testing.assert_allclose(loaded.full_size('cam'), whole[:, :18, :27], atol=1e-3)
    ground = F.interpolate(torch.from_numpy(seed.background)[None, None], (20, 28), mode='bilinear')
    np.testing.assert_allclose(
        loaded.full_size_background('cam'), ground[0, 0, :18, :27], atol=1e-3
    )
    with pytest.raises(ValueError, match=r'extent must cover the image of \(18, 27\)'):
        make_seed(grid=(5, 7), size=(18, 27), extent=(17, 28))


def test_the_file_is_as_documented(tmp_path):
    save_seed(tmp_path / 'a.npz', make_seed())
    with np.load(tmp_path / 'a.npz', allow_pickle=False) as archive:
        dtypes = {name: archive[name].dtype.str[1:] for name in archive}
    expected = {'classes': 'i2', 'size': 'i4', 'cam': 'f2', 'pacam': 'f2', 'background': 'f2'}
    assert dtypes == expected
    infos = zipfile.ZipFile(tmp_path / 'a.npz').infolist()
    assert {info.compress_type for info in infos} == {zipfile.ZIP_DEFLATED}
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}  # no clock in the bytes


def test_same_bytes_and_no_other_file(tmp_path):
    save_seed(tmp_path / 'a.npz', make_seed())
    save_seed(tmp_path / 'b.npz', load_seed(tmp_path / 'a.npz'))
    assert (tmp_path / 'a.npz').read_bytes() == (tmp_path / 'b.npz').read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.npz', 'b.npz']


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.npz'
    save_seed(path, make_seed())
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(np, 'savez_compressed', fail)
    with pytest.raises(OSError, match='disk full'):
        save_seed(path, make_seed(rng_seed=1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_sum_is_normalised_class_by_class():
    cam = np.array([[[0.5, 0.25]], [[0.0, 0.0]]])
    pacam = np.array([[[0.2, 0.8]], [[0.0, 0.4]]])
    seed = Seed(classes=[0, 1], cam=cam, pacam=pacam, size=(1, 2))
    eps = 1e-5
    first = np.array([0.5, 0.25]) / (0.5 + eps) + np.array([0.2, 0.8]) / (0.8 + eps)
    second = np.array([0, 0.4]) / (0.4 + eps)
    expected = np.stack([first / (first.max() + eps), second / (second.max() + eps)])[:, None]
    np.testing.assert_allclose(seed.maps('sum'), expected, rtol=1e-6)
    np.testing.assert_array_equal(seed.maps('cam'), cam.astype(np.float32))
    np.testing.assert_array_equal(seed.maps('pacam'), pacam.astype(np.float32))


@pytest.mark.parametrize('source', ['pacam', 'sum'])
def test_no_pacam(source):
    with pytest.raises(ValueError, match='needs a PACAM'):
        make_seed(pacam=None).maps(source)


def test_unknown_source():
    with pytest.raises(ValueError, match='choose one of cam, pacam, sum'):
        make_seed().maps('crf')


@pytest.mark.parametrize(
    ('grid', 'size'), [((4, 5), (13, 18)), ((94, 125), (375, 500)), ((1, 1), (3, 2)), ((3, 4),) * 2]
)
def test_full_size_is_torch_interpolate(grid, size):
    seed = make_seed(k=2, grid=grid, size=size)
    full = seed.full_size('cam')
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(seed.cam).double()[None], size, mode='bilinear', align_corners=False
    )[0]
    assert full.dtype == np.float32
    assert full.shape == (2, *size)
    np.testing.assert_allclose(full, expected, atol=1e-6)


@pytest.mark.parametrize('source', ['cam', 'pacam', 'sum'])
def test_full_size_without_a_class(source):
    assert make_seed(k=0).full_size(source).shape == (0, 13, 18)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'classes': [3, 0]}, 'ascend'),
        ({'classes': [3, 3]}, 'ascend'),
        ({'classes': [-1, 3]}, r'0\.\.253'),
        ({'classes': [0, 254]}, r'0\.\.253'),
        ({'classes': [0, 300]}, r'0\.\.253'),
        ({'classes': [0.0, 1.0]}, 'indices'),
        ({'classes': 1}, 'indices'),
        ({'classes': [0]}, r'cam must have the shape \(1, 4, 5\)'),
        ({'cam': np.zeros((4, 5))}, r'cam must be \(k, h, w\)'),
        ({'cam': np.zeros((2, 0, 5)), 'pacam': None, 'background': None}, 'cam must have'),
        ({'cam': np.full((2, 4, 5), 1.5)}, r'cam must lie in \[0, 1\]'),
        ({'cam': np.full((2, 4, 5), -0.1)}, r'cam must lie in \[0, 1\]'),
        ({'cam': np.full((2, 4, 5), np.nan)}, r'cam must lie in \[0, 1\]'),
        ({'pacam': np.zeros((2, 5, 4))}, 'pacam must have'),
        ({'pacam': np.full((2, 4, 5), np.inf)}, r'pacam must lie in \[0, 1\]'),
        ({'background': np.zeros((1, 4, 5))}, 'background must have'),
        ({'size': (3, 4, 5)}, 'size must be'),
        ({'size': (0, 4)}, 'size must be'),
    ],
)
def test_wrong_seed(changes, message):
    with pytest.raises(ValueError, match=message):
        make_seed(**changes)


def test_missing_file(tmp_path):
    for read in (load_seed, load_seed_size):
        with pytest.raises(FileNotFoundError, match=r'a\.npz.*run `mmwsss seeds` first'):
            read(tmp_path / 'a.npz')


def _write(path, content):
    path.write_bytes(content)


def _write_arrays(path, **changes):
    arrays = {'classes': np.array([1]), 'cam': np.zeros((1, 2, 3)), 'size': np.array([4, 6])}
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def _write_truncated(path):
    save_seed(path, make_seed())
    _write(path, path.read_bytes()[:-40])


def _write_flipped(path):
    save_seed(path, make_seed())
    content = bytearray(path.read_bytes())
    for info in zipfile.ZipFile(path).infolist():
        start = content.index(info.filename.encode(), info.header_offset) + len(info.filename) + 20
        content[start : start + 20] = b'\xff' * 20  # no block of deflate begins so
    _write(path, content)


def _write_npy(path):
    with path.open('wb') as file:
        np.save(file, np.zeros(3))


DAMAGED = {
    'empty': lambda path: _write(path, b''),
    'text': lambda path: _write(path, b'no seed at all'),
    'npy': _write_npy,
    'truncated': _write_truncated,
    'flipped': _write_flipped,
    'no cam': lambda path: _write_arrays(path, cam=None),
    'no size': lambda path: _write_arrays(path, size=None),
    'shape': lambda path: _write_arrays(path, cam=np.zeros((2, 2, 3))),
    'size': lambda path: _write_arrays(path, size=np.array([4, 6, 3])),
    'scalar size': lambda path: _write_arrays(path, size=np.array(4)),
    'pickle': lambda path: _write_arrays(path, cam=np.array([{}], dtype=object)),
    'letters': lambda path: _write_arrays(path, cam=np.array([[['a']]])),
}


@pytest.mark.parametrize('damage', DAMAGED)
def test_damaged_file(tmp_path, damage):
    path = tmp_path / 'a.npz'
    DAMAGED[damage](path)
    message = r'a\.npz.*delete it and run `mmwsss seeds` again'
    with pytest.raises(ValueError, match=message):
        load_seed(path)


@pytest.mark.parametrize('damage', ['empty', 'text', 'npy', 'no size', 'size', 'scalar size'])
def test_damaged_header(tmp_path, damage):
    DAMAGED[damage](tmp_path / 'a.npz')
    with pytest.raises(ValueError, match=r'a\.npz.*again'):
        load_seed_size(tmp_path / 'a.npz')


def test_meta(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'meta\.json is missing: run `mmwsss seeds`'):
        read_meta(tmp_path)
    write_meta(tmp_path, {'split': 'train', 'scales': [1.0, 0.5]})
    assert read_meta(tmp_path) == {'split': 'train', 'scales': [1.0, 0.5]}
    (tmp_path / 'meta.json').write_text('{')
    with pytest.raises(ValueError, match=r'meta\.json is damaged'):
        read_meta(tmp_path)


def test_a_pacam_may_have_a_background_of_its_own(tmp_path):
    ground = np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)
    seed = make_seed(pacam_background=ground)
    save_seed(tmp_path / 'a.npz', seed)
    loaded = load_seed(tmp_path / 'a.npz')
    np.testing.assert_allclose(loaded.pacam_background, ground, atol=2**-11)
    assert loaded.own_background('pacam') is loaded.pacam_background
    for source in ('cam', 'sum'):
        assert loaded.own_background(source) is loaded.background
    assert make_seed().own_background('pacam') is not None  # the host's, as before
    with pytest.raises(ValueError, match='pacam_background needs a pacam'):
        make_seed(pacam=None, pacam_background=ground)
