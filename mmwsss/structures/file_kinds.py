"""What a file holds that is not what its name says: told by its first bytes, with the cure."""

import os
from pathlib import Path

_HEAD = 512  # bytes that are looked at
_ZIP = b'PK\x03\x04'
_CONTENTS = (
    (b'version https://git-lfs', 'it is a pointer of Git LFS: `git lfs pull` fetches the file'),
    (_ZIP, 'it is a ZIP archive: unpack it'),
    (b'\x1f\x8b', 'it is a compressed archive: unpack it'),
    (b'%PDF', 'it is a PDF: save its pictures as JPEG or PNG'),
)
_BRANDS = {  # of ISO media files, behind their length and `ftyp`
    b'avif': 'AVIF',
    b'avis': 'AVIF',
    b'heic': 'HEIC',
    b'heix': 'HEIC',
    b'hevc': 'HEIC',
    b'mif1': 'HEIC',
    b'msf1': 'HEIC',
}


def odd_content(path: str | os.PathLike[str], zipped: bool = False) -> str:
    """Say what a file is that could not be read, where its first bytes tell it.

    Args:
        path: The file.
        zipped: Sound files of its kind are ZIP archives, as torch's are.

    Returns:
        Half a sentence with a colon before it, or an empty text.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'a.jpg').write_text('<!DOCTYPE html>')
        ...     odd_content(Path(folder, 'a.jpg'))
        ': it is a web page: load the file itself'
    """
    try:
        with Path(path).open('rb') as file:
            head = file.read(_HEAD)
    except OSError:
        return ''
    if not head:
        return ': it is empty'
    if zipped and head.startswith(_ZIP):
        return ''
    if head.lstrip().lower().startswith((b'<!doctype html', b'<html')):
        return ': it is a web page: load the file itself'
    if head[4:8] == b'ftyp' and head[8:12] in _BRANDS:
        return f': it is {_BRANDS[head[8:12]]}, which is not read here: save it as JPEG'
    found = next((text for start, text in _CONTENTS if head.startswith(start)), None)
    return f': {found}' if found else ''
