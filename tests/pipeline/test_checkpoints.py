import pytest
import torch

from mmwsss.pipeline.checkpoints import POINTER, is_whole, settle_checkpoints


@pytest.fixture
def folder(tmp_path):
    """A training of ten epochs that keeps two checkpoints."""
    for epoch in (9, 10):
        state = {'state_dict': {'w': torch.randn(1000)}, 'meta': {'epoch': epoch}}
        torch.save(state, tmp_path / f'epoch_{epoch}.pth')
    (tmp_path / POINTER).write_text(str(tmp_path / 'epoch_10.pth'))
    return tmp_path


def settled(folder):
    path = settle_checkpoints(folder)
    assert path is None or (folder / POINTER).read_text() == str(path)
    return path and path.name


def test_the_newest_is_taken(folder, capsys):
    assert settled(folder) == 'epoch_10.pth'
    assert not capsys.readouterr().out


@pytest.mark.parametrize('length', [0, 1, 2000, -1])
def test_a_half_written_one_is_left_for_the_one_before(folder, capsys, length):
    path = folder / 'epoch_10.pth'
    path.write_bytes(path.read_bytes()[:length])
    assert settled(folder) == 'epoch_9.pth'
    assert f'{path} is half written or damaged: the training goes on' in capsys.readouterr().out


def test_turned_bits_are_found(folder):
    path = folder / 'epoch_10.pth'
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert not is_whole(path)


@pytest.mark.parametrize('pointer', ['', 'epoch_11.pth', None])
def test_an_empty_or_wrong_pointer_is_set_right(folder, pointer):
    (folder / POINTER).unlink()
    if pointer is not None:
        (folder / POINTER).write_text(pointer)
    assert settled(folder) == 'epoch_10.pth'


def test_without_a_whole_one_the_training_begins(folder, capsys):
    for path in folder.glob('*.pth'):
        path.write_bytes(b'')
    assert settled(folder) is None
    assert not (folder / POINTER).exists()
    assert 'the training begins anew' in capsys.readouterr().out
