"""Image labels and image lists from the annotations that a data set comes with."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mmwsss.datasets.image_labels import foreground_classes, read_text, text_entries
from mmwsss.seeds.masks import load_mask
from mmwsss.structures import atomic_path, read_ids

VOC_TRAINAUG_COUNT = 10582  # VOC 2012 train and SBD, without VOC 2012 val

PathLike = str | os.PathLike[str]


def ids_in_folder(folder: PathLike, suffix: str) -> list[str]:
    """List the files of a folder that end with `suffix`, without it, sorted.

    Raises:
        FileNotFoundError: The folder is missing or has no such file.
    """
    ids = sorted(path.stem for path in Path(folder).glob(f'*{suffix}'))
    if not ids:
        raise FileNotFoundError(f'There is no *{suffix} file in {folder}; check the path.')
    return ids


def labels_from_voc_xml(annotation_dir: PathLike, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read the object names of VOC's annotations, difficult objects included.

    Args:
        annotation_dir: VOC's folder ``Annotations``, with one ``<id>.xml`` per image.
        ids: The images to read.

    Returns:
        For each id the sorted names of its objects. The parts of an object (``head``, ``hand``) are
        no objects.

    Raises:
        FileNotFoundError: An image has no annotation.
        ValueError: An annotation is not XML, or an object in it has no name.
    """
    return {image_id: _xml_names(Path(annotation_dir, f'{image_id}.xml')) for image_id in ids}


def _xml_names(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        raise FileNotFoundError(f'There is no annotation {path}; check the folder and the id.')
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(
            f'{path} is not XML ({error}); extract it from the archive anew.'
        ) from error
    names = {(item.findtext('name') or '').strip() for item in root.findall('object')}
    if '' in names:
        raise ValueError(f'{path} has an object without a name; extract it from the archive anew.')
    return tuple(sorted(names))


def labels_from_masks(
    mask_dir: PathLike, ids: Sequence[str], classes: Sequence[str], ignore_index: int = 255
) -> dict[str, tuple[str, ...]]:
    """Read which classes occur in each mask.

    Args:
        mask_dir: Folder with one ``<id>.png`` per image, palette or grey, a pixel's value being the
            index of its class.
        ids: The images to read.
        classes: All classes; a first one named ``background`` is no label.
        ignore_index: The value of pixels without a class.

    Returns:
        For each id its classes, in the order of `classes`.

    Raises:
        FileNotFoundError: An image has no mask.
        ValueError: A mask is in colours, or has a value outside of `classes`; or none of all masks
            holds a class.
    """
    foreground = foreground_classes(classes)
    labels: dict[str, tuple[str, ...]] = {}
    seen: set[int] = set()
    for image_id in ids:
        values = np.unique(load_mask(Path(mask_dir, f'{image_id}.png'))).tolist()
        present = set(values) - {ignore_index}
        if present and max(present) >= len(classes):
            raise ValueError(
                f'{mask_dir}/{image_id}.png has the value {max(present)}, but there are '
                f'{len(classes)} classes; check the list of classes and `ignore_index`.'
            )
        seen.update(values)
        names = {classes[value] for value in present}
        labels[image_id] = tuple(name for name in foreground if name in names)
    if not any(labels.values()):
        raise ValueError(
            f'None of the {len(labels)} masks in {mask_dir} holds a class, they have the values '
            f'{", ".join(map(str, sorted(seen)))}; the value of a pixel is the index of its class '
            f'in {", ".join(classes[:3])}{", ..." if len(classes) > 3 else ""}, and {ignore_index} '
            'is ignored.'
        )
    return labels


def labels_from_text(path: PathLike) -> dict[str, tuple[str, ...]]:
    """Read lines ``id name name ...``; a line with the id alone is an image of background.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, or an id is there twice.
    """
    labels: dict[str, tuple[str, ...]] = {}
    for place, image_id, names in text_entries(Path(path), read_text(Path(path))):
        if image_id in labels:
            raise ValueError(f'{place}: image {image_id!r} is there twice; merge the two lines.')
        labels[image_id] = tuple(names)
    return labels


def write_trainaug_list(
    mask_dir: PathLike, val_list: PathLike, out: PathLike, expected: int = VOC_TRAINAUG_COUNT
) -> list[str]:
    """Write the image list that VOC papers train on: VOC train and SBD, without VOC val.

    Args:
        mask_dir: The folder ``SegmentationClassAug``, of which only the file names are read.
        val_list: VOC's ``ImageSets/Segmentation/val.txt``.
        out: The list to write, one id per line, sorted.
        expected: How many ids there should be; another count is a warning.

    Returns:
        The ids.

    Raises:
        FileNotFoundError: An input is missing.
    """
    ids = sorted(set(ids_in_folder(mask_dir, '.png')) - set(read_ids(val_list)))
    if len(ids) != expected:
        warnings.warn(
            f'{mask_dir} without {val_list} gives {len(ids)} images where VOC trainaug has '
            f'{expected}; check that both are complete.',
            stacklevel=2,
        )
    with atomic_path(out) as temporary:
        temporary.write_text(''.join(f'{image_id}\n' for image_id in ids), encoding='utf-8')
    return ids
