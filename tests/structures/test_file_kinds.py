"""What a file is, told by its first bytes."""

import pytest

from mmwsss.structures import odd_content


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        (b'', ': it is empty'),
        (b'\n <HTML><body>', ': it is a web page'),
        (b'version https://git-lfs.github.com/spec/v1\n', ': it is a pointer of Git LFS'),
        (b'PK\x03\x04....', ': it is a ZIP archive: unpack it'),
        (b'\x1f\x8b....', ': it is a compressed archive'),
        (b'%PDF-1.7', ': it is a PDF'),
        (b'\x00\x00\x00\x18ftypheic....', ': it is HEIC, which is not read here'),
        (b'\x00\x00\x00\x1cftypavif....', ': it is AVIF, which is not read here'),
        (b'\x00\x00\x00\x18ftypmp42....', ''),
        (b'\xff\xd8\xff\xe0 a photograph', ''),
    ],
)
def test_first_bytes_tell(tmp_path, content, said):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    found = odd_content(path)
    assert found.startswith(said) and bool(found) == bool(said)


def test_what_is_sound_or_absent_is_not_odd(tmp_path):
    path = tmp_path / 'a.pth'
    path.write_bytes(b'PK\x03\x04....')
    assert odd_content(path, zipped=True) == odd_content(tmp_path / 'absent') == ''
