"""Masks out to an annotation tool, and back: only what a person has changed is changed."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmwsss.seeds.masks import IGNORE_INDEX, load_mask, save_mask
from mmwsss.structures import atomic_path
from mmwsss.terminal import track

from . import coco, cvat, label_studio, labelme, voc, yolo
from .images import AnnotatedImage, Annotations
from .regions import TOLERANCE, Region, regions_of

RECORD = 'exported.json'
MASKS = 'masks'
_STILL_UNSURE = 0.5  # ours: share of a mask's 255 that were 255 when it was exported


class Format(NamedTuple):
    """A format of annotation tools.

    Attributes:
        write: Writes the annotations of all images into a folder.
        read: Reads a file or a folder: what is annotated, by id of the image.
    """

    write: Callable[[Sequence[AnnotatedImage], Sequence[str], Path], None]
    read: Callable[[Path, Mapping[str, AnnotatedImage], Sequence[str]], Annotations]


FORMATS = {
    'coco': Format(coco.write, coco.read),
    'cvat': Format(cvat.write, cvat.read),
    'label-studio': Format(label_studio.write, label_studio.read),
    'labelme': Format(labelme.write, labelme.read),
    'voc': Format(voc.write, voc.read),
    'yolo': Format(yolo.write, yolo.read),
}


@dataclass(frozen=True)
class MaskedImage:
    """An image and its mask.

    Attributes:
        id: File name of the image without suffix.
        image: Its file.
        mask: File of the mask.
        corrected: Whether a person has drawn it.
    """

    id: str
    image: Path
    mask: Path
    corrected: bool = False


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        changed: Ids of the images whose masks a person has changed.
        untouched: How many images were annotated as they had been exported.
        absent: How many exported images are not annotated in what was read.
    """

    changed: tuple[str, ...]
    untouched: int
    absent: int


def export_masks(
    images: Sequence[MaskedImage],
    classes: Sequence[str],
    kind: str,
    out: Path,
    record: Path,
    tolerance: float = TOLERANCE,
) -> int:
    """Write masks in the format of an annotation tool.

    Args:
        images: Images with masks.
        classes: Names by label, background first.
        kind: One of `FORMATS`.
        out: Folder for the annotations.
        record: Folder for what `import_masks` compares with: the masks as they are, and their
            outlines. What is there of an export before is replaced.
        tolerance: By how many pixels an outline may leave out corners.

    Returns:
        How many regions there are.

    Raises:
        ValueError: A mask has a label without a class.
    """
    annotated = []
    shutil.rmtree(record, ignore_errors=True)
    for item in track('outline', images, 'mask'):
        mask = load_mask(item.mask)
        regions = regions_of(mask, tolerance)
        if unknown := {region.label for region in regions} - set(range(len(classes))):
            raise ValueError(f'{item.mask} has the labels {sorted(unknown)}, which have no class')
        with atomic_path(record / MASKS / f'{item.id}.png') as temporary:
            shutil.copyfile(item.mask, temporary)
        size = (int(mask.shape[0]), int(mask.shape[1]))
        annotated.append(AnnotatedImage(item.id, item.image, item.mask, size, regions))
    FORMATS[kind].write(annotated, classes, out)
    corrected = {item.id: item.corrected for item in images}
    content = {
        'kind': kind,
        'classes': list(classes),
        'images': {image.id: _to_json(image, corrected[image.id]) for image in annotated},
    }
    with atomic_path(record / RECORD) as temporary:
        temporary.write_text(json.dumps(content), encoding='utf-8')
    return sum(len(image.regions) for image in annotated)


def import_masks(kind: str, source: Path, record: Path, out: Path) -> Imported:
    """Write the masks that a person has changed in an annotation tool.

    A region whose outline is as it was exported keeps its pixels, a changed or a new one is drawn
    over what is there, and one that is gone becomes background. An image whose regions all are as
    they were has the mask that it had when it was exported, to the bit.

    Args:
        kind: One of `FORMATS`.
        source: What the tool has written: a file, or a folder.
        record: The folder that `export_masks` wrote.
        out: Folder of corrected masks. One of an untouched image is taken away, unless it was
            exported.

    Raises:
        FileNotFoundError: Nothing was exported in this format, or `source` is not there.
        ValueError: An image was not exported, or a class is unknown, or a file is not of `kind`.
    """
    if not (record / RECORD).is_file():
        raise FileNotFoundError(
            f'no masks were exported as {kind}: {record / RECORD} is missing; `mmwsss export` '
            'writes it, and what you have corrected is compared with it'
        )
    if not source.exists():
        raise FileNotFoundError(f'there is no {source}: give what the annotation tool has saved')
    content = json.loads((record / RECORD).read_text(encoding='utf-8'))
    images = {key: _from_json(key, entry, record) for key, entry in content['images'].items()}
    annotations = _read(kind, source, images, content['classes'])
    masks = {
        image_id: _merge(images[image_id], annotated, content['classes'])
        for image_id, annotated in track('compare', list(annotations.items()), 'image')
    }
    changed = []  # nothing is written before all is read and drawn
    for image_id, mask in masks.items():
        target = out / f'{image_id}.png'
        if mask is not None:
            save_mask(target, mask)
            changed.append(image_id)
        elif content['images'][image_id]['corrected']:
            with atomic_path(target) as temporary:
                shutil.copyfile(images[image_id].mask, temporary)
        else:
            target.unlink(missing_ok=True)
    absent = len(images) - len(annotations)
    return Imported(tuple(changed), len(annotations) - len(changed), absent)


def _read(
    kind: str, source: Path, images: Mapping[str, AnnotatedImage], classes: Sequence[str]
) -> Annotations:
    """Read what a tool has saved, also as the archive that it hands out.

    Raises:
        ValueError: It is not of `kind`, or damaged; with its name.
    """
    if source.is_file() and zipfile.is_zipfile(source):
        with tempfile.TemporaryDirectory(prefix='mmwsss-') as folder:
            with zipfile.ZipFile(source) as archive:
                archive.extractall(folder)
            try:
                return _read(kind, Path(folder), images, classes)
            except (OSError, ValueError) as error:
                raise ValueError(str(error).replace(folder, str(source))) from error
    try:
        return FORMATS[kind].read(source, images, classes)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        said = f'{type(error).__name__}: {error}'
        raise ValueError(
            f'{source} is not whole, or not of {kind} ({said}): export it anew, or give its format '
            'with --from'
        ) from error
    except (OSError, ValueError) as error:
        if str(source) in str(error):
            raise
        raise ValueError(f'{source}: {error}') from error


def _merge(
    image: AnnotatedImage, annotated: list[Region] | np.ndarray, classes: Sequence[str]
) -> np.ndarray | None:
    """Return the corrected mask of an image; None if it is as it was exported."""
    original = load_mask(image.mask)
    if isinstance(annotated, np.ndarray):
        if annotated.shape != original.shape:
            raise ValueError(
                f'the mask of {image.id} has the size {annotated.shape}, its image {original.shape}'
            )
        _check_labels(image.id, annotated, original, classes)
        return None if np.array_equal(annotated, original) else annotated
    gone, new = list(image.regions), []
    for region in annotated:
        same = (place for place, old in enumerate(gone) if old.is_same(region, image.size))
        kept = next(same, None)
        if kept is None:
            new.append(region)
        else:
            del gone[kept]
    if not gone and not new:
        return None
    mask = original.copy()
    for region in gone:
        mask[_component(original, region)] = 0
    for region in new:
        mask[region.pixels(image.size)] = region.label
    return mask


def _check_labels(
    image_id: str, mask: np.ndarray, original: np.ndarray, classes: Sequence[str]
) -> None:
    """Raise ValueError if the numbers of a mask are no classes."""
    values = set(np.unique(mask).tolist())
    numbers = ', '.join(f'{label} {name}' for label, name in enumerate(classes))
    if odd := sorted(value for value in values if len(classes) <= value != IGNORE_INDEX):
        raise ValueError(
            f'the mask of {image_id} has the value {odd[0]}, which is no class: write {numbers}, '
            f'and {IGNORE_INDEX} for unsure pixels'
        )
    unsure = mask == IGNORE_INDEX
    if values == {0, IGNORE_INDEX} and (original[unsure] == IGNORE_INDEX).mean() < _STILL_UNSURE:
        raise ValueError(
            f'the mask of {image_id} is black and white, and {IGNORE_INDEX} means an unsure pixel: '
            f'write {numbers}'
        )


def _component(mask: np.ndarray, region: Region) -> np.ndarray:
    """Return the connected pixels of an exported region, ``(H, W)`` bool."""
    assert region.at is not None
    _, parts = cv2.connectedComponents((mask == region.label).astype(np.uint8))
    return parts == parts[region.at]


def _to_json(image: AnnotatedImage, corrected: bool) -> dict[str, Any]:
    regions = [
        {'label': region.label, 'at': region.at, 'ring': np.round(region.ring, 3).tolist()}
        for region in image.regions
        if region.ring is not None
    ]
    return {
        'image': str(image.image),
        'size': image.size,
        'corrected': corrected,
        'regions': regions,
    }


def _from_json(image_id: str, entry: dict[str, Any], record: Path) -> AnnotatedImage:
    regions = [
        Region(region['label'], np.array(region['ring']), at=tuple(region['at']))
        for region in entry['regions']
    ]
    mask = record / MASKS / f'{image_id}.png'
    return AnnotatedImage(image_id, Path(entry['image']), mask, tuple(entry['size']), regions)
