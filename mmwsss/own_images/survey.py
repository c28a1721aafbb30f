"""Looking at a folder of photographs and at their labels: what is there, and what does not fit."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mmwsss.datasets import foreground_classes, images_by_id
from mmwsss.datasets.class_names import says_nothing
from mmwsss.datasets.image_labels import NO_CLASS, name_parts, read_image_labels
from mmwsss.datasets.label_exports import folder_export
from mmwsss.structures import IMAGE_SUFFIXES, image_fault, image_size
from mmwsss.terminal import track

from .ids import match_ids

NO_LABEL = 'no label'
_NUMBER = re.compile(r'-\d+|[-+]?\d+[.,]\d+')  # that no class is called
LABEL_NAMES = ('labels.csv', 'labels.json', 'labels.txt', 'labels.tsv', 'labels.xml')


@dataclass(frozen=True)
class Survey:
    """What a folder holds.

    Attributes:
        folder: Of the photographs.
        label_file: Which file the labels came from; the folder itself where its subfolders are the
            classes.
        label_kind: What that file is, in words.
        as_it_is: Whether a training can read that file: it is one, with ids of the photographs.
        sizes: ``(H, W)`` of each photograph that is used, by id.
        suffixes: How many photographs have each suffix, as written.
        labels: Class names of each of these photographs.
        left_out: Why a photograph is not used, by id.
        without_image: Ids of the label file that the folder has no photograph of.
    """

    folder: Path
    label_file: Path
    label_kind: str
    as_it_is: bool
    sizes: Mapping[str, tuple[int, int]]
    suffixes: Mapping[str, int]
    labels: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]
    without_image: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the foreground classes, sorted."""
        return tuple(sorted({name for names in self.labels.values() for name in names}))

    @property
    def class_counts(self) -> dict[str, int]:
        """How many photographs show each class, in the order of `classes`."""
        counts = Counter(name for names in self.labels.values() for name in names)
        return {name: counts[name] for name in self.classes}

    @property
    def counts_alone(self) -> dict[str, int]:
        """How many photographs show each class and no other."""
        counts = Counter(names[0] for names in self.labels.values() if len(names) == 1)
        return {name: counts[name] for name in self.classes}

    @property
    def always_with(self) -> dict[str, tuple[str, ...]]:
        """Which other classes every photograph of a class shows, too: it is never seen apart."""
        shown = {
            name: [set(names) for names in self.labels.values() if name in names]
            for name in self.classes
        }
        return {
            name: tuple(sorted(set.intersection(*images) - {name}))
            for name, images in shown.items()
        }

    @property
    def backgrounds(self) -> int:
        """How many photographs show no class."""
        return sum(not names for names in self.labels.values())

    @property
    def long_sides(self) -> tuple[int, int, int]:
        """The smallest, the median and the largest long side, in pixels."""
        sides = sorted(max(size) for size in self.sizes.values())
        return sides[0], round(median(sides)), sides[-1]


def survey(folder: str | os.PathLike[str], label_file: str | os.PathLike[str] | None) -> Survey:
    """Look at a folder of photographs and at their labels.

    Args:
        folder: With the photographs, in subfolders too.
        label_file: As for `read_image_labels`. None looks for one of `LABEL_NAMES` in the folder,
            then for files of LabelMe, YOLO or Pascal VOC, and else takes subfolders for classes.

    Raises:
        FileNotFoundError: There is no folder, no photograph, or no labels.
        ValueError: The labels are malformed, or belong to none of the photographs.
    """
    folder = Path(folder)
    images = images_by_id(folder)
    if not images:
        raise FileNotFoundError(f'there is no image in {folder}: give the folder of the images')
    path = Path(label_file) if label_file else _find_labels(folder)
    as_it_is = False
    if path == folder and folder_export(folder) is None:
        kind, labels = 'one subfolder per class', labels_from_folders(folder, images)
    else:
        kind, written = read_image_labels(path, images)
        labels, overlooked = match_ids(written, images)
        if overlooked:
            kind += f'; ids that differ from names of images were matched ({overlooked})'
        if header := _foreign_header(labels, images):
            labels.pop(header)
            kind += f', of which the first line ({header}) is taken for a header'
        as_it_is = path.is_file() and labels.keys() == read_image_labels(path)[1].keys()
    _check_names(labels, path)
    left_out: dict[str, str] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for image_id, image in track('look', list(images.items()), 'image'):
        fault = image_fault(image) or _name_fault(image_id, image)
        if fault:
            left_out[image_id] = fault
        elif image_id not in labels:
            left_out[image_id] = NO_LABEL
        else:
            sizes[image_id] = image_size(image)
    if not sizes:
        raise ValueError(
            f'none of the {len(images)} images in {folder} has an entry in {path} and can be read: '
            f'ids are file names without suffix, as {next(iter(images))}; the labels have '
            f'{next(iter(labels), "none")}'
        )
    return Survey(
        folder,
        path,
        kind,
        as_it_is,
        sizes,
        Counter(images[image_id].suffix for image_id in sizes),
        {image_id: labels[image_id] for image_id in sizes},
        left_out,
        tuple(sorted(set(labels) - set(images))),
    )


def _name_fault(image_id: str, image: Path) -> str | None:
    """Say why an image list, which has a line for each id, could not name an image."""
    if image_id.splitlines() == [image_id.strip()]:
        return None
    return f'the name {image.name!r} has a line break, or a space at its end: rename it'


def _foreign_header(
    labels: Mapping[str, tuple[str, ...]], images: Mapping[str, Path]
) -> str | None:
    """Return the id of a first entry that names columns: it and its classes are of no image."""
    first, *rest = labels
    others = {name for image_id in rest for name in labels[image_id]}
    is_header = first not in images and labels[first] and not others & set(labels[first])
    return first if is_header and others else None


def labels_from_folders(folder: Path, images: Mapping[str, Path]) -> dict[str, tuple[str, ...]]:
    """Take the first subfolder of every image for its class; ``background`` is none.

    Args:
        folder: Whose subfolders are the classes.
        images: As `images_by_id` returns them.

    Returns:
        The classes of every image that lies in a subfolder.

    Raises:
        FileNotFoundError: No image lies in a subfolder.
    """
    parts = {image_id: path.relative_to(folder).parts for image_id, path in images.items()}
    found = {
        image_id: foreground_classes(names[:1])
        for image_id, names in parts.items()
        if len(names) > 1
    }
    if len({names[0] for names in parts.values() if len(names) > 1}) < 2:
        raise FileNotFoundError(
            f'there are no labels for {folder}: give --labels FILE, put {LABEL_NAMES[0]} into the '
            'folder, or sort the images into a subfolder per class'
        )
    return found


def _find_labels(folder: Path) -> Path:
    found = [folder / name for name in LABEL_NAMES if (folder / name).is_file()]
    if len(found) > 1:
        raise ValueError(
            f'{folder} has {" and ".join(path.name for path in found)}: say which, --labels FILE'
        )
    return found[0] if found else folder


def _check_names(labels: Mapping[str, tuple[str, ...]], path: Path) -> None:
    """Raise ValueError where names cannot be those of classes."""
    names = sorted({name for found in labels.values() for name in found})
    if not names:
        raise ValueError(f'{path} names no class: an image needs the names of what it shows')
    for name in names:
        if says_nothing(name):
            raise ValueError(f'{path} has the class {name!r}: leave it out; {NO_CLASS}')
        if several := name_parts(name, names):
            raise ValueError(
                f'{path} has the class {name!r}: part {" and ".join(several)} by a semicolon'
            )
        if _NUMBER.fullmatch(name):
            raise ValueError(
                f'{path} has the class {name!r}, which is a number, not a name: list the classes '
                'that an image shows'
            )
        if name.lower().endswith(IMAGE_SUFFIXES):
            raise ValueError(
                f'{path} has the class {name!r}, the name of an image: first comes the image, then '
                'its classes'
            )
    alike = [[n for n in names if n.lower() == name.lower()] for name in names]
    if same := next((group for group in alike if len(group) > 1), None):
        raise ValueError(
            f'{path} has the classes {" and ".join(map(repr, same))}, which differ by capital '
            'letters alone: write one of them'
        )
