import pytest

from mmwsss.structures import check_files_exist, read_ids


def test_read_ids(tmp_path):
    path = tmp_path / 'train.txt'
    with pytest.raises(FileNotFoundError, match=r'no image list .*train\.txt; it should hold'):
        read_ids(path)
    path.write_text('b\n\n a \r\n')
    assert read_ids(path) == ['b', 'a']
    path.write_text('\n')
    with pytest.raises(ValueError, match=r'train\.txt is empty'):
        read_ids(path)
    path.write_text('a\nb\nb\n')
    with pytest.raises(ValueError, match=r'train\.txt names b twice: take one line out'):
        read_ids(path)


def test_missing_files_are_counted_and_the_first_is_named(tmp_path):
    (tmp_path / 'a').touch()
    check_files_exist([tmp_path / 'a'], 'image', 'look')
    with pytest.raises(FileNotFoundError, match=r'2 of 3 image files .* first is .*b; look\.'):
        check_files_exist([tmp_path / name for name in 'abc'], 'image', 'look')
