"""New images: which files are meant, and the masks of them that are written."""

import glob
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from mmwsss.datasets.image_folder import is_hidden
from mmwsss.seeds.masks import save_mask
from mmwsss.structures import IMAGE_SUFFIXES, atomic_path, image_fault, read_image
from mmwsss.terminal import show, track
from mmwsss.visualization import overlay_mask

from .inference import Segmentor

AREAS = 'areas.json'
OVERLAYS = 'overlays'
_JPEG_QUALITY = 90
_BAD_IMAGE = (OSError, ValueError, cv2.error, MemoryError, Image.DecompressionBombError)


def find_images(words: Iterable[str]) -> dict[str, Path]:
    """Find the image files that a command line means.

    Args:
        words: Files; folders, of which every image is taken, with those of subfolders; patterns
            such as ``photos/*.jpg``. A file is taken whatever its suffix, once.

    Returns:
        The files by the name of what is made of them: the file's name without suffix, after its
        subfolders in a folder that was given.

    Raises:
        FileNotFoundError: A file is missing, a folder has no image or a pattern fits none.
        ValueError: Two files would have one name.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> (Path(folder.name) / 'a').mkdir()
        >>> _ = (Path(folder.name) / 'a' / 'cat.JPG').write_bytes(b'')
        >>> list(find_images([folder.name]))
        ['a/cat']
    """
    found: dict[str, Path] = {}
    for word in words:
        for name, path in _files_of(word):
            if path.resolve() != found.setdefault(name, path).resolve():
                apart = 'predict them in two calls with an --out each'
                if path.parent == found[name].parent:
                    cure = f'{apart}, or rename one'
                else:
                    cure = f'{apart}, or give the folder above them'
                raise ValueError(f'{found[name]} and {path} would both become {name}.png: {cure}')
    return found


def _files_of(word: str) -> list[tuple[str, Path]]:
    path = Path(word)
    if path.is_dir():
        files = sorted(file for file in path.rglob('*') if _looks_like_image(file, path))
        if not files:
            raise FileNotFoundError(f'{word} has no image ({", ".join(IMAGE_SUFFIXES)})')
        return [(file.relative_to(path).with_suffix('').as_posix(), file) for file in files]
    if path.is_file():
        return [(path.stem, path)]
    # no pattern in a file name with brackets, or the file would have been there
    names = glob.glob(word, recursive=True)  # noqa: PTH207 (absolute patterns, too)
    files = sorted(file for name in names if (file := Path(name)).is_file())
    if not files:
        raise FileNotFoundError(f'there is no image {word}: give files, folders or patterns')
    return [(file.stem, file) for file in files]


def _looks_like_image(path: Path, folder: Path) -> bool:
    """Whether a file, or a link to none, is to be predicted."""
    if path.suffix.lower() not in IMAGE_SUFFIXES or path.is_dir():
        return False
    return not is_hidden(path.relative_to(folder))


def predict_images(
    segmentor: Segmentor, images: Mapping[str, Path], out: Path, overlay: bool = False
) -> dict[str, str]:
    """Write the mask of each image, and the areas of the classes in all of them.

    A file that cannot be read is named, and the others are predicted.

    Args:
        segmentor: What predicts.
        images: Files by name, as `find_images` gives them.
        out: Folder of ``<name>.png``, palette PNGs in the images' sizes, and of `AREAS`.
        overlay: Write also ``overlays/<name>.jpg``, the mask over the photograph.

    Returns:
        What is wrong with the files that could not be predicted, by name.

    Raises:
        ValueError: A mask would be written over one of the images.
    """
    _check_outputs(images, out)
    areas: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name, path in track('predict', list(images.items()), 'image'):
        try:
            mask = _predict(segmentor, path)
        except _BAD_IMAGE as error:
            failed[name] = ' '.join(str(error).split())
            show(f'left out: {failed[name]}')
            continue
        save_mask(out / f'{name}.png', mask, segmentor.palette)
        if overlay:
            picture = overlay_mask(read_image(path), mask, segmentor.palette)
            _save_picture(out / OVERLAYS / f'{name}.jpg', picture)
        areas[name] = {
            'file': str(path),
            'size': list(mask.shape),
            'areas': count_areas(mask, segmentor.classes),
        }
    content = {'classes': list(segmentor.classes), 'images': areas}
    with atomic_path(out / AREAS) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        temporary.write_text(text + '\n', encoding='utf-8')
    return failed


def _predict(segmentor: Segmentor, path: Path) -> np.ndarray:
    if fault := image_fault(path):  # what the header alone tells
        raise ValueError(fault)
    try:
        return segmentor.predict(path)
    except RuntimeError as error:  # torch's of a GPU, and of the CPU's allocator
        if 'memory' not in str(error):
            raise
        raise MemoryError(
            f'{path} needs more memory than there is: --no-tta needs less, a smaller copy less yet'
        ) from error


def _check_outputs(images: Mapping[str, Path], out: Path) -> None:
    """Refuse to write masks over what they are made of."""
    originals = {path.resolve() for path in images.values()}
    for name in images:
        for target in (out / f'{name}.png', out / OVERLAYS / f'{name}.jpg'):
            if target.resolve() in originals:
                raise ValueError(
                    f'{target} is one of the images, and a mask would take its place: give --out '
                    'another folder'
                )


def _save_picture(path: Path, picture: np.ndarray) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, quality=_JPEG_QUALITY)


def count_areas(mask: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Count the pixels of each class that a mask shows.

    Args:
        mask: ``(H, W)`` uint8.
        classes: Names by label.

    Returns:
        By name: ``pixels``, and their ``share`` of the image in [0, 1].

    Example:
        >>> count_areas(np.array([[0, 2], [2, 2]], dtype=np.uint8), ('background', 'cat', 'dog'))
        {'background': {'pixels': 1, 'share': 0.25}, 'dog': {'pixels': 3, 'share': 0.75}}
    """
    labels, counts = np.unique(mask, return_counts=True)
    return {
        classes[label]: {'pixels': count, 'share': round(count / mask.size, 6)}
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True)
    }
