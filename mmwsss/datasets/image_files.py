"""A look at the files of a data set before long work begins: headers, no pixels."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from mmengine.dataset import BaseDataset

from mmwsss.structures import image_fault
from mmwsss.terminal import track

_THREADS = 8  # a look is mostly waiting for the disk
_CURE = 'replace them, or take their ids out of the image list'


def check_images(dataset: BaseDataset, limit: int = 3) -> None:
    """Look at the header of every image of a dataset, without decoding the pixels.

    Args:
        dataset: A dataset whose items have an ``img_path``.
        limit: How many of the files the message names.

    Raises:
        ValueError: Some files are no images that all stages can work with.
    """
    paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    refuse_faults(paths, image_fault, 'image', _CURE, limit)


def refuse_faults(
    paths: Sequence[str],
    fault: Callable[[str], str | None],
    what: str,
    cure: str,
    limit: int = 3,
) -> None:
    """Look at many files, each once while this program runs and the file stays as it is.

    Args:
        paths: The files.
        fault: Says of a file what is wrong with it, with its name, or None.
        what: What the files are, in one word.
        cure: What to do.
        limit: How many of the files the message names.

    Raises:
        ValueError: Something is wrong with some of them.
    """

    def look(path: str) -> str | None:
        return _remembered(fault, path, *_state(path))

    with ThreadPoolExecutor(_THREADS) as pool:
        reasons = zip(track('check', paths, what), pool.map(look, paths), strict=True)
        found = [reason for _, reason in reasons if reason]
    if found:
        more = f'; and {len(found) - limit} more' if len(found) > limit else ''
        raise ValueError(
            f'{len(found)} of {len(paths)} {what} files cannot be used: '
            f'{"; ".join(found[:limit])}{more}. Cure: {cure}.'
        )


def _state(path: str) -> tuple[int, int]:
    """Return what changes with a file's content: when it was written, and its length."""
    try:
        status = Path(path).stat()
    except OSError:
        return 0, -1
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=2**18)  # several stages look at the same files
def _remembered(
    fault: Callable[[str], str | None], path: str, written: int, length: int
) -> str | None:
    return fault(path)
