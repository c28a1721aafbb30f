"""Text files as editors and spreadsheets write them."""

import codecs
import os
from pathlib import Path

_NO_WIDTH = dict.fromkeys(map(ord, '\u200b\u2060\ufeff'))  # copied from web pages
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: str | os.PathLike[str]) -> str:
    r"""Read a text in UTF-8, with or without a byte order mark, or in UTF-16 with one.

    Returns:
        The text without byte order mark and spaces of no width, its lines ended by ``\n``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is in another encoding, or no text.
    """
    content = Path(path).read_bytes()
    encoding = 'utf-16' if content.startswith(_UTF16) else 'utf-8-sig'
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b'\n') + 1
        raise ValueError(f'{path}, line {line}, is not UTF-8 text: save it as UTF-8') from error
    if '\0' in text:
        raise ValueError(f'{path} is no text, or text in UTF-16 or UTF-32: save it as UTF-8')
    return text.translate(_NO_WIDTH).replace('\r\n', '\n').replace('\r', '\n')
