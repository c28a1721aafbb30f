"""A folder of photographs as a data set: whatever their suffixes, however they are nested."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset

from mmwsss.registry import DATASETS
from mmwsss.structures import IMAGE_SUFFIXES, read_ids


def images_by_id(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """List the images below a folder by id; hidden files and folders are none.

    An id is the file name without suffix. Where two images would have the same, theirs are their
    paths in the folder, with two underscores between the parts: ``cat/1.jpg`` is ``cat__1``, and
    with the suffix, if that too is not enough: ``1.jpg`` beside ``1.png`` is ``1_jpg``.

    Args:
        folder: Where they lie, in subfolders too.

    Returns:
        The paths, ids ascending.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        looked = '' if folder.is_absolute() else f', which is looked for from {Path.cwd()}'
        raise FileNotFoundError(f'there is no folder {folder} of images: check the path{looked}')
    paths = [
        path
        for path in sorted(folder.rglob('*'))
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not is_hidden(path.relative_to(folder))
        and not path.is_dir()
    ]
    names = {path: path.stem for path in paths}
    for rename in (_nested_name, _name_with_suffix):
        counts = Counter(names.values())
        names = {
            path: rename(path.relative_to(folder)) if counts[name] > 1 else name
            for path, name in names.items()
        }
    return {name: path for path, name in sorted(names.items(), key=lambda item: item[1])}


def is_hidden(path: Path) -> bool:
    """Whether a part of a path is hidden, or of macOS's archives.

    Args:
        path: In the folder that is looked at.
    """
    return any(part.startswith('.') or part == '__MACOSX' for part in path.parts)


def _nested_name(path: Path) -> str:
    return '__'.join(path.with_suffix('').parts)


def _name_with_suffix(path: Path) -> str:
    return f'{_nested_name(path)}_{path.suffix[1:]}'


@DATASETS.register_module()
class ImageFolderDataset(BaseSegDataset):
    """All images below a folder, or those of a list of ids.

    Items have the ``img_id`` of `images_by_id`. Masks, where there are any, are
    ``<seg_map_path>/<img_id>.png``.

    Args:
        data_prefix: ``img_path``, the folder of the images in ``data_root``, and ``seg_map_path``,
            that of the masks, if there are any.
        kwargs: As for mmseg's `BaseSegDataset`, without the suffixes: ``data_root``, ``ann_file``
            (a list of ids), ``metainfo`` with the classes, ...

    Raises:
        FileNotFoundError: The list names an image that the folder does not have.
    """

    def __init__(self, data_prefix: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(data_prefix={'img_path': '', **(data_prefix or {})}, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images."""
        folder, masks = self.data_prefix['img_path'], self.data_prefix.get('seg_map_path')
        images = images_by_id(folder)
        if self.ann_file:
            images = _listed(images, self.ann_file, folder)
        common = {'label_map': self.label_map, 'reduce_zero_label': self.reduce_zero_label}
        infos: list[dict] = []
        for image_id, path in images.items():
            info = {'img_path': str(path), 'img_id': image_id, **common, 'seg_fields': []}
            if masks:
                info['seg_map_path'] = str(Path(masks, f'{image_id}.png'))
            infos.append(info)
        return infos


def _listed(images: dict[str, Path], image_list: str, folder: str) -> dict[str, Path]:
    ids = read_ids(image_list)
    missing = [image_id for image_id in ids if image_id not in images]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(ids)} images of {image_list} are not in {folder}, the first '
            f'is {missing[0]}: take their lines out, or add the images'
        )
    return {image_id: images[image_id] for image_id in ids}
