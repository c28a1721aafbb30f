"""Lists of images, and whether the files that they name are there."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .text_files import read_text


def read_ids(path: str | os.PathLike[str]) -> list[str]:
    """Read an image list: one id per line (``ImageSets/Segmentation/train.txt``).

    Blank lines and spaces around an id do not count, nor do a byte order mark and the line ends.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The list is no text, has no id, or one twice.
    """
    ids = read_lines(path)
    image_id, count = Counter(ids).most_common(1)[0]
    if count > 1:
        raise ValueError(f'the image list {path} names {image_id} twice: take one line out')
    return ids


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """Read the lines of an image list as `read_ids` does, repeated ones, too.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The list is no text, or has no id.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no image list {path}; it should hold one image id per line'
        )
    ids = [line.strip() for line in read_text(path).split('\n') if line.strip()]
    if not ids:
        raise ValueError(f'the image list {path} is empty; it should hold one image id per line')
    return ids


def check_files_exist(paths: Sequence[str | os.PathLike[str]], what: str, cure: str) -> None:
    """Look that files are there.

    Args:
        paths: Paths of the files that must be there.
        what: What they are, in one word.
        cure: What to do when one is missing.

    Raises:
        FileNotFoundError: Some are missing; the message has the count, the first one and the cure.
    """
    missing = [path for path in paths if not Path(path).is_file()]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(paths)} {what} files are missing, the first is {missing[0]}; '
            f'{cure}.'
        )
