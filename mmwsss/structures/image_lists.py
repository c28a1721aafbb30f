"""Lists of images, and whether the files that they name are there."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def read_ids(path: str | os.PathLike[str]) -> list[str]:
    """Read an image list: one id per line (``ImageSets/Segmentation/train.txt``).

    Blank lines and spaces around an id do not count.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The list has no id, or one twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no image list {path}; it should hold one image id per line'
        )
    lines = path.read_text(encoding='utf-8').split('\n')
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise ValueError(f'the image list {path} is empty; it should hold one image id per line')
    image_id, count = Counter(ids).most_common(1)[0]
    if count > 1:
        raise ValueError(f'the image list {path} names {image_id} twice: take one line out')
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
