"""Image labels from the exports of annotation tools: what is drawn counts as seen, no mask is made.

Label Studio (JSON, JSON-MIN; its CSV is in `label_tables`), COCO, CVAT (XML "for images"),
LabelMe, YOLO and Pascal VOC. An image that was annotated and has nothing is one of background; one
that nobody has annotated is left out.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import yaml

from .label_tables import CLASS_COLUMNS, choices_of

Entry = tuple[str, list[str]]
_HASHED = re.compile(r'^[0-9a-f]{8}-')  # of Label Studio, before the name of an uploaded file
_YOLO_CLASSES = ('data.yaml', 'dataset.yaml', 'classes.txt', 'obj.names')


def json_export(content: Any) -> tuple[str, list[Entry]] | None:
    """Read a JSON file of Label Studio, COCO or LabelMe.

    Args:
        content: What the file holds.

    Returns:
        What it is, in words, and ``(image, class names)`` of each image; None for anything else.
    """
    if isinstance(content, dict) and {'images', 'annotations', 'categories'} <= content.keys():
        return 'an export of COCO, of which masks and boxes are not looked at', _coco(content)
    if isinstance(content, dict) and {'shapes', 'imagePath'} <= content.keys():
        return 'a file of LabelMe', [_labelme(content)]
    tasks = content if isinstance(content, list) else []
    if tasks and all(isinstance(task, dict) for task in tasks):
        if all('data' in task for task in tasks):
            found = [_task(task) for task in tasks if _drawn(task) is not None]
            return 'a JSON export of Label Studio', found
        if all('image' in task for task in tasks):
            return 'a JSON-MIN export of Label Studio', [_short_task(task) for task in tasks]
    return None


def _coco(content: dict[str, Any]) -> list[Entry]:
    names = {category['id']: category['name'] for category in content['categories']}
    found: dict[Any, set[str]] = {image['id']: set() for image in content['images']}
    for annotation in content['annotations']:
        if annotation['image_id'] in found:
            found[annotation['image_id']].add(names[annotation['category_id']])
    return [(image['file_name'], sorted(found[image['id']])) for image in content['images']]


def _labelme(content: dict[str, Any]) -> Entry:
    flags = [name for name, is_set in (content.get('flags') or {}).items() if is_set]
    drawn = {shape['label'] for shape in content['shapes']}
    return content['imagePath'].replace('\\', '/'), sorted({*flags, *drawn})


def _drawn(task: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the results of a task's annotations; None for a task that has none."""
    annotations = task.get('annotations') or task.get('completions') or []
    done = [annotation for annotation in annotations if not annotation.get('was_cancelled')]
    return [result for annotation in done for result in annotation['result']] if done else None


def _task(task: dict[str, Any]) -> Entry:
    names: set[str] = set()
    for result in _drawn(task) or []:
        values = result.get('value', {}).get(result.get('type'), [])
        if isinstance(values, list):  # choices, rectanglelabels, polygonlabels, ...
            names.update(value for value in values if isinstance(value, str))
    data = task['data']
    image = data.get('image') or next(v for v in data.values() if isinstance(v, str))
    return _uploaded(task.get('file_upload') or image), sorted(names)


def _short_task(task: dict[str, Any]) -> Entry:
    names = {name for key in CLASS_COLUMNS for name in _plain_names(task.get(key))}
    for part in (value for value in task.values() if isinstance(value, list)):
        for region in (region for region in part if isinstance(region, dict)):
            for key, values in region.items():
                names.update(values if key.endswith('labels') else ())
    return _uploaded(task['image']), sorted(names)


def _plain_names(value: object) -> list[str]:
    """Return the names that a key of classes holds: a choice, or a list; no regions."""
    if isinstance(value, list) and not all(isinstance(name, str) for name in value):
        return []
    return choices_of(value)


def _uploaded(image: str) -> str:
    """Return the name that a file had before Label Studio put it away.

    Example:
        >>> _uploaded('/data/upload/1/8f3ab2c1-my%20cat.jpg')
        'my cat.jpg'
        >>> _uploaded('/data/local-files/?d=photos/cat.jpg')
        'cat.jpg'
    """
    return _HASHED.sub('', unquote(image).rpartition('?d=')[2].rpartition('/')[2])


def cvat_export(root: ElementTree.Element) -> tuple[str, list[Entry]] | None:
    """Read CVAT's "for images": tags, boxes, polygons and the like, by their labels.

    Args:
        root: Of the XML file.

    Returns:
        As `json_export`.
    """
    images = root.findall('image')
    if root.tag != 'annotations' or not images:
        return None
    found = [(image.attrib['name'], _marks(image)) for image in images]
    return 'an XML export of CVAT', found


def _marks(image: ElementTree.Element) -> list[str]:
    return sorted({mark.attrib['label'] for mark in image if 'label' in mark.attrib})


def folder_export(folder: Path) -> tuple[str, list[Entry]] | None:
    """Read a folder of LabelMe's, YOLO's or Pascal VOC's files, one per image.

    Args:
        folder: With the files; YOLO's may lie in a subfolder ``labels``.

    Returns:
        As `json_export`; None for a folder of anything else.

    Raises:
        ValueError: A file is damaged, or a class number has no name.
    """
    for pattern, read in (('*.json', _labelme_folder), ('*.xml', _voc_folder)):
        if found := read(sorted(folder.glob(pattern))):
            return found
    return _yolo_folder(folder)


def _labelme_folder(paths: list[Path]) -> tuple[str, list[Entry]] | None:
    contents = [_read(json.loads, path) for path in paths]
    found = [
        _labelme(content)
        for content in contents
        if isinstance(content, dict) and {'shapes', 'imagePath'} <= content.keys()
    ]
    return (f'{len(found)} files of LabelMe', found) if found else None


def _voc_folder(paths: list[Path]) -> tuple[str, list[Entry]] | None:
    found: list[Entry] = []
    for path in paths:
        root = _read(ElementTree.fromstring, path)
        if root.tag == 'annotation':
            names = {item.findtext('name', '').strip() for item in root.findall('object')}
            found.append((root.findtext('filename') or path.stem, sorted(names)))
    return (f'{len(found)} XML files of Pascal VOC', found) if found else None


def _yolo_folder(folder: Path) -> tuple[str, list[Entry]] | None:
    places = (folder, folder.parent)
    classes = next((p / n for p in places for n in _YOLO_CLASSES if (p / n).is_file()), None)
    if classes is None:
        return None
    names = dict(_yolo_names(classes))
    inside = folder / 'labels' if (folder / 'labels').is_dir() else folder
    files = [path for path in sorted(inside.rglob('*.txt')) if path.name not in _YOLO_CLASSES]
    found: list[Entry] = []
    for path in files:
        numbers = {line.split()[0] for line in path.read_text().splitlines() if line.strip()}
        unknown = sorted(number for number in numbers if number not in names)
        if unknown:
            raise ValueError(
                f'{path} has class {unknown[0]}, which {classes} has no name for; a line is '
                '`class x y width height`, classes counting from 0'
            )
        found.append((path.stem, sorted(names[number] for number in numbers)))
    return (f'{len(found)} files of YOLO, classes of {classes.name}', found) if found else None


def _yolo_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield number and name of each class."""
    if path.suffix != '.yaml':
        lines = path.read_text(encoding='utf-8').splitlines()
        yield from ((str(n), line.strip()) for n, line in enumerate(lines) if line.strip())
        return
    names = (_read(yaml.safe_load, path) or {}).get('names') or {}
    pairs = names.items() if isinstance(names, dict) else enumerate(names)
    yield from ((str(number), str(name)) for number, name in pairs)


def _read(parse: Callable[[str], Any], path: Path) -> Any:
    try:
        return parse(path.read_text(encoding='utf-8-sig'))
    except (ValueError, ElementTree.ParseError, yaml.YAMLError) as error:
        raise ValueError(f'{path} is damaged ({error}): export it anew') from error
