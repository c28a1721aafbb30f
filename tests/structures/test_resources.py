import errno
from pathlib import Path

import pytest

from mmwsss.structures import atomic_path, is_out_of_memory, naming_full_disk

FULL = Path('/dev/full')  # of Linux: whatever is written there finds no space


@pytest.mark.skipif(not FULL.exists(), reason='the system has no /dev/full')
def test_a_full_disk_is_named_with_its_folder(tmp_path):
    message = rf'the disk of {tmp_path} is full \(\d+ MB are free\): make room, or work in'
    with pytest.raises(OSError, match=message) as caught, naming_full_disk(tmp_path):
        FULL.write_text('a')
    assert caught.value.errno == errno.ENOSPC


def test_a_full_disk_behind_another_error_is_found(tmp_path):
    def save():
        try:
            raise OSError(errno.EDQUOT, 'quota exceeded')
        except OSError as error:
            raise ValueError('image a could not be refined') from error

    with pytest.raises(OSError, match='is full'), atomic_path(tmp_path / 'a.png') as path:
        path.touch()
        save()
    assert list(tmp_path.iterdir()) == []


def test_other_errors_stay_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), naming_full_disk(tmp_path):
        (tmp_path / 'absent').read_text()


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), True),
        (RuntimeError('CUDA out of memory. Tried to allocate'), True),
        (RuntimeError('shapes differ'), False),
    ],
)
def test_errors_of_memory_are_known_by_their_words(error, expected):
    assert is_out_of_memory(error) is expected
