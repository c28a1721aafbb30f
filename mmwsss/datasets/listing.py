"""The images of a data set of mmseg, whose own reader is strict about lists and suffixes."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset
from mmseg.datasets import BaseSegDataset

from mmwsss.registry import DATASETS
from mmwsss.structures import IMAGE_SUFFIXES, read_lines

_LIST_SUFFIXES = ('.txt', '.lst', '')  # of image lists; other annotation files are not ours to read
_NOTHING = 'at least one array to concatenate'  # numpy, where mmengine joins no items


def listed_images(dataset: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """List the images of a data set.

    An image list may have blank lines, a byte order mark or be in UTF-16; ``img_suffix`` may be a
    list of suffixes, each as it is written in the file names.

    Args:
        dataset: Config of the data set; a pipeline in it is left out.

    Returns:
        Its meta information, and what it knows of each image: nothing for a folder without images.

    Raises:
        ValueError: The image list is no text or empty.
    """
    options = {key: value for key, value in dataset.items() if key != 'pipeline'}
    with _plain_list(options) as plain:
        suffixes = plain.get('img_suffix')
        if isinstance(suffixes, list | tuple):
            return _list_suffixes(plain, suffixes)
        built = _build(plain)
    return (dict(built.metainfo), _items(built)) if built else ({}, [])


def needs_listing(dataset: Mapping[str, Any]) -> bool:
    """Say whether mmseg's own reader would take a data set's list or suffixes wrongly."""
    if isinstance(dataset.get('img_suffix'), list | tuple):
        return True
    with _plain_list(dataset) as plain:
        return plain is not dataset


def read_names(dataset: Mapping[str, Any]) -> list[str]:
    """Return what decides which images a data set has: its list, or the names in its folder.

    Args:
        dataset: Config of the data set.

    Raises:
        FileNotFoundError: The list is missing.
        ValueError: The list is no text or empty.
    """
    path = Path(dataset.get('data_root') or '') / (dataset.get('ann_file') or '')
    if dataset.get('ann_file') and path.suffix not in _LIST_SUFFIXES:
        return [path.as_posix(), path.read_text(encoding='utf-8')]  # of a format of its own
    if dataset.get('ann_file'):
        return read_lines(path)
    folder = image_folder(dataset)
    if folder == Path():  # a data set that says in its own way where its images are
        return []
    names = (path.relative_to(folder).as_posix() for path in folder.rglob('*'))
    if 'img_suffix' in dataset:
        return sorted(name for name in names if name.endswith(image_suffixes(dataset)))
    # without it, a data set may know of many suffixes by itself
    return sorted(name for name in names if name.lower().endswith(IMAGE_SUFFIXES))


def other_suffixes(dataset: Mapping[str, Any]) -> list[str]:
    """Return which suffixes of images are in a data set's folder beside its own, commonest first.

    Args:
        dataset: Config of the data set.
    """
    folder = image_folder(dataset)
    own = image_suffixes(dataset)
    found = Counter(
        path.suffix
        for path in folder.rglob('*')
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    )
    return [suffix for suffix, _ in found.most_common() if suffix not in own]


def image_suffixes(dataset: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the suffixes of a data set's images; those of mmseg's data sets when it says none."""
    stated = dataset.get('img_suffix', '.jpg')
    return (stated,) if isinstance(stated, str) else tuple(stated)


def image_folder(dataset: Mapping[str, Any]) -> Path:
    """Return the folder of a data set's images."""
    prefix = (dataset.get('data_prefix') or {}).get('img_path') or ''
    return Path(dataset.get('data_root') or '') / prefix


def _list_suffixes(
    dataset: Mapping[str, Any], suffixes: Sequence[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """List the images of every suffix; of a list's, the file that is there."""
    tried = (_build({**dataset, 'img_suffix': suffix}) for suffix in suffixes)
    built = [part for part in tried if part]
    if not built:
        return {}, []
    metainfo, lists = dict(built[0].metainfo), [_items(part) for part in built]
    if not dataset.get('ann_file'):
        infos = [info for part in lists for info in part]
        return metainfo, sorted(infos, key=lambda info: info['img_path'])
    found = [
        next((info for info in same if Path(info['img_path']).is_file()), same[0])
        for same in zip(*lists, strict=True)
    ]
    return metainfo, found


def _build(dataset: Mapping[str, Any]) -> BaseDataset | None:
    """Build a data set; None if it has no image."""
    try:
        return DATASETS.build(dict(dataset))
    except ValueError as error:
        if _NOTHING in str(error):
            return None
        raise


def _items(built: BaseDataset) -> list[dict[str, Any]]:
    return [built.get_data_info(index) for index in range(len(built))]


@contextmanager
def _plain_list(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the config with an image list that mmseg reads as `read_lines` does."""
    path = Path(dataset.get('data_root') or '') / (dataset.get('ann_file') or '')
    kind = DATASETS.get(dataset['type']) if isinstance(dataset['type'], str) else dataset['type']
    of_mmseg = isinstance(kind, type) and issubclass(kind, BaseSegDataset)
    if not of_mmseg or path.suffix not in _LIST_SUFFIXES or not path.is_file():
        yield dataset
        return
    plain = ''.join(f'{line}\n' for line in read_lines(path))
    if path.read_bytes() == plain.encode():
        yield dataset
        return
    with tempfile.TemporaryDirectory(prefix='mmwsss-') as folder:
        copy = Path(folder) / path.name
        copy.write_text(plain, encoding='utf-8')
        yield {**dataset, 'ann_file': str(copy)}
