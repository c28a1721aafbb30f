"""Draw the picture of the README from a finished quickstart.

    bash tools/quickstart.sh
    .venv/bin/python docs/make_pictures.py

No image is picked by hand: `spread` says which ones are shown.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from PIL import Image

from mmwsss.seeds import load_mask, load_seed
from mmwsss.seeds.files import resize_maps
from mmwsss.structures import read_ids
from mmwsss.toy_scenes import ToySceneDataset
from mmwsss.visualization import overlay_heatmap, overlay_mask

matplotlib.use('Agg')
from matplotlib import pyplot

CLASSES = ToySceneDataset.METAINFO['classes']
PALETTE = np.array(ToySceneDataset.METAINFO['palette'], dtype=np.uint8)
HEADS = ('image, its classes', 'CAM', 'PACAM', 'pseudo mask', 'new image', 'prediction')
WIDTHS = (1, 1, 1, 1, 0.12, 1, 1)  # a gap before the new images
GAP = WIDTHS.index(0.12)
MAPS = {'cam': 'CAM', 'pacam': 'PACAM'}


class Panel(NamedTuple):
    """A picture ``(H, W, 3)`` uint8 and the line below it."""

    pixels: np.ndarray
    line: str


def main() -> None:
    """Read the run, write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--run', type=Path, default=Path('work_dirs/quickstart/irn_cpal_toy'))
    parser.add_argument('--data', type=Path, default=Path('data/toy_scenes'))
    parser.add_argument('--rows', type=int, default=3)
    parser.add_argument('--out', type=Path, default=Path('docs/pictures/quickstart.jpg'))
    args = parser.parse_args()
    if not (args.run / 'test' / 'done.json').is_file():
        parser.error(f'{args.run} is not finished: run bash tools/quickstart.sh first')
    train, new = (spread(args.data, split, args.rows) for split in ('train', 'val'))
    rows = [
        [*training_panels(args, shown), *test_panels(args, fresh)]
        for shown, fresh in zip(train, new, strict=True)
    ]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw(rows, args.out)
    print(f'{args.out}: {args.out.stat().st_size / 1000:.0f} kB')


def spread(data: Path, split: str, count: int) -> list[str]:
    """Return of each of `count` equal parts of a list the first image with new classes only."""
    ids = read_ids(data / 'ImageSets' / 'Segmentation' / f'{split}.txt')
    labels = json.loads((data / 'image_labels.json').read_text(encoding='utf-8'))
    seen: set[str] = set()
    chosen = []
    for part in np.array_split(ids, count):
        found = next((name for name in part if seen.isdisjoint(labels[name])), part[0])
        seen.update(labels[found])
        chosen.append(str(found))
    return chosen


def training_panels(args: argparse.Namespace, image_id: str) -> list[Panel]:
    """Return photograph, maps of the class that the CAM shows most, and pseudo mask."""
    photo = photograph(args.data, image_id)
    seed = load_seed(args.run / 'seeds' / 'seeds' / f'{image_id}.npz')
    names = [CLASSES[label + 1] for label in seed.classes]
    shown = int(seed.cam.mean(axis=(1, 2)).argmax())
    panels = [Panel(photo, ', '.join(names))]
    for source, head in MAPS.items():
        heatmap = resize_maps(seed.maps(source)[[shown]], photo.shape[:2])[0].clip(0, 1)
        panels.append(Panel(overlay_heatmap(photo, heatmap), f'{head} of {names[shown]}'))
    mask = load_mask(args.run / 'pseudo_masks' / 'masks' / f'{image_id}.png')
    return [*panels, Panel(overlay_mask(photo, mask, PALETTE), classes_of(mask))]


def test_panels(args: argparse.Namespace, image_id: str) -> list[Panel]:
    """Return a photograph that was not trained on, and what the segmentor sees in it."""
    photo = photograph(args.data, image_id)
    mask = load_mask(args.run / 'test' / 'predictions' / f'{image_id}.png')
    return [Panel(photo, ''), Panel(overlay_mask(photo, mask, PALETTE), classes_of(mask))]


def photograph(data: Path, image_id: str) -> np.ndarray:
    """Read an image, ``(H, W, 3)`` uint8 in RGB order."""
    return np.asarray(Image.open(data / 'JPEGImages' / f'{image_id}.jpg').convert('RGB'))


def classes_of(mask: np.ndarray) -> str:
    """Name the classes of a mask that cover a hundredth of it, the largest first."""
    labels, counts = np.unique(mask[(mask != 0) & (mask < len(CLASSES))], return_counts=True)
    large = [label for label, count in zip(labels, counts, strict=True) if count > mask.size / 100]
    large.sort(key=lambda label: -counts[labels == label][0])
    return ', '.join(CLASSES[label] for label in large) or 'background'


def draw(rows: Sequence[Sequence[Panel]], out: Path) -> None:
    """Write the panels as one picture."""
    figure, axes = pyplot.subplots(
        len(rows), len(WIDTHS), figsize=(13.2, 2.0 * len(rows) + 0.3), width_ratios=WIDTHS, dpi=100
    )
    for axis in axes.flat:
        axis.axis('off')
        axis.set_anchor('N')
    for row, line_axes in zip(rows, axes, strict=True):
        for panel, axis in zip(row, np.delete(line_axes, GAP), strict=True):
            axis.imshow(panel.pixels)
            axis.text(
                0.5, -0.03, panel.line, transform=axis.transAxes, ha='center', va='top', size=10
            )
    for head, axis in zip(HEADS, np.delete(axes[0], GAP), strict=True):
        axis.set_title(head, size=11, weight='bold')
    figure.tight_layout(pad=0.4, h_pad=1.0, w_pad=0.3)
    figure.savefig(out, pil_kwargs={'quality': 85, 'optimize': True})
    pyplot.close(figure)


if __name__ == '__main__':
    main()
