"""A look at the files of a data set before long work begins: headers, no pixels."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mmengine.dataset import BaseDataset

from mmwsss.structures import image_fault, image_size
from mmwsss.terminal import track

Item = TypeVar('Item')

LARGE = 4_000_000  # ours: pixels, twenty times those of a VOC photograph
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


def note_large_images(dataset: BaseDataset) -> str | None:
    """Say how many images are so large that seeds and CRF take minutes and gigabytes each.

    Args:
        dataset: A dataset whose images have been looked at by `check_images`.

    Returns:
        A sentence, or None.
    """
    paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
    sizes = [image_size(path) for path in paths]
    large = [size for size in sizes if size[0] * size[1] > LARGE]
    if not large:
        return None
    height, width = max(large, key=lambda size: size[0] * size[1])
    return (
        f'{len(large)} of {len(paths)} images have more than {LARGE / 1e6:.0f} megapixels (up to '
        f'{width} x {height} pixels): a CRF takes minutes and gigabytes for each, and networks see '
        'objects much larger than those they have learnt from; a long side of about 1000 pixels '
        'serves better'
    )


def refuse_faults(
    files: Sequence[Item],
    fault: Callable[[Item], str | None],
    what: str,
    cure: str,
    limit: int = 3,
) -> None:
    """Look at many files at a time, and name those that something is wrong with.

    Args:
        files: What `fault` takes.
        fault: Says of a file what is wrong with it, with its name, or None.
        what: What the files are, in one word.
        cure: What to do.
        limit: How many of the files the message names.

    Raises:
        ValueError: Something is wrong with some of them.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        reasons = zip(track('check', files, what), pool.map(fault, files), strict=True)
        found = [reason for _, reason in reasons if reason]
    if found:
        more = f'; and {len(found) - limit} more' if len(found) > limit else ''
        raise ValueError(
            f'{len(found)} of {len(files)} {what} files cannot be used: '
            f'{"; ".join(found[:limit])}{more}. Cure: {cure}.'
        )
