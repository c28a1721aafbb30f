"""VOC's masks: palette PNGs, with the colours of the classes beside them."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmwsss.seeds.masks import IGNORE_INDEX, load_mask, voc_palette
from mmwsss.structures import atomic_path

from .images import AnnotatedImage, Annotations, id_of
from .regions import label_of

MASKS, COLORS, IDS = 'SegmentationClass', 'labelmap.txt', 'ImageSets/Segmentation/default.txt'
_IGNORED = 'ignored'
_HEAD = '# label:color_rgb:parts:actions\n'


def write(images: Sequence[AnnotatedImage], classes: Sequence[str], out: Path) -> None:
    """Write the masks as they are, the list of images, and the colours as CVAT reads them."""
    for image in images:
        with atomic_path(out / MASKS / f'{image.id}.png') as temporary:
            shutil.copyfile(image.mask, temporary)
    with atomic_path(out / IDS) as temporary:
        temporary.write_text(''.join(f'{image.id}\n' for image in images), encoding='utf-8')
    colors = _mask_colors(images)
    names = {**dict(enumerate(classes)), IGNORE_INDEX: _IGNORED}
    lines = [f'{name}:{",".join(map(str, colors[label]))}::\n' for label, name in names.items()]
    with atomic_path(out / COLORS) as temporary:
        temporary.write_text(_HEAD + ''.join(lines), encoding='utf-8')


def _mask_colors(images: Sequence[AnnotatedImage]) -> list[list[int]]:
    """Return the palette that the masks have."""
    for image in images[:1]:
        with Image.open(image.mask) as mask:
            palette = mask.getpalette()
            if palette and len(palette) == voc_palette().size:
                return np.array(palette).reshape(-1, 3).tolist()
    return voc_palette().tolist()


def read(source: Path, images: Mapping[str, AnnotatedImage], classes: Sequence[str]) -> Annotations:
    """Read a folder with ``SegmentationClass/*.png``, or of such files.

    With colours in ``labelmap.txt`` a mask means what it looks like, else what its numbers say.

    Raises:
        ValueError: There is no mask, an image was not exported, or a colour has no class.
    """
    folder = next((path for path in sorted(source.rglob(MASKS)) if path.is_dir()), source)
    files = sorted(folder.glob('*.png'))
    if not files:
        raise ValueError(f'{source} has no {MASKS}/*.png')
    colors = _read_colors(folder.parent / COLORS, classes) if folder != source else {}
    colors = colors or _read_colors(source / COLORS, classes)
    return {
        id_of(path.name, images, path): _by_color(path, colors) if colors else load_mask(path)
        for path in files
    }


def _read_colors(path: Path, classes: Sequence[str]) -> dict[int, int]:
    """Return the label of each colour, which is one number of 24 bits; none without the file."""
    if not path.is_file():
        return {}
    labels = {}
    for line in path.read_text(encoding='utf-8').splitlines():
        if not line.strip() or line.startswith('#'):
            continue
        name, color = line.split(':')[:2]
        red, green, blue = (int(part) for part in color.split(','))
        label = IGNORE_INDEX if name == _IGNORED else label_of(name, classes, str(path))
        labels[red << 16 | green << 8 | blue] = label
    return labels


def _by_color(path: Path, labels: Mapping[int, int]) -> np.ndarray:
    """Read a mask by its colours, ``(H, W)`` uint8."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert('RGB')).astype(np.int32)
    numbers = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
    mask = np.zeros(numbers.shape, dtype=np.uint8)
    for number in np.unique(numbers).tolist():
        if number not in labels:
            raise ValueError(f'{path} has the colour #{number:06x}, which {COLORS} does not name')
        mask[numbers == number] = labels[number]
    return mask
