"""IRN's ir_label: what of a seed is sure enough to learn boundaries or a segmentation from."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mmwsss.structures import Settings, read_image

from .crf import IRN_CRF, DenseCRF, crf_processes
from .files import Seed, Source, load_seed
from .masks import IGNORE_INDEX, save_mask
from .refine import RefineItem, RefineSettings, refine_files, refine_seed, refine_seed_by
from .thresholds import IRN_THRESHOLDS, Threshold, check_sure_thresholds


@dataclass(frozen=True)
class IRLabelSettings(Settings):
    """How a seed becomes an ir_label.

    Attributes:
        source: ``cam``, ``pacam`` or ``sum``.
        fg_threshold: Background score of the run whose classes are believed; None, as is then
            `bg_threshold`: the seed's own background map, and sure is what the CRF leaves.
        bg_threshold: Background score, a lower one, of the run whose background is believed.
        crf: CRF settings of both runs; None: argmax alone.

    Raises:
        ValueError: The source is unknown, a threshold is out of [0, 1], they are out of order, or
            one alone is None.
    """

    source: Source = 'cam'
    fg_threshold: Threshold | None = IRN_THRESHOLDS.fg
    bg_threshold: Threshold | None = IRN_THRESHOLDS.bg
    crf: DenseCRF | None = IRN_CRF

    def __post_init__(self) -> None:
        """Check every field, and the order."""
        super().__post_init__()
        check_sure_thresholds(self.fg_threshold, self.bg_threshold)


def ir_label(image: np.ndarray, seed: Seed, settings: IRLabelSettings) -> np.ndarray:
    """Return the sure part of a seed.

    With thresholds, a pixel has the class that the run with the high background score gives it; it
    is background where both runs say so, and unsure where only the run with the low score finds an
    object. With the seed's own background no number decides (ours): a pixel is sure where the
    argmax of the seed and the CRF agree.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        seed: The seed of the image.
        settings: Thresholds, source and CRF.

    Returns:
        ``(H, W)`` uint8: 0 background, class index + 1, or 255.
    """
    if settings.fg_threshold is None:
        return _agreed_label(image, seed, settings)
    runs = (
        RefineSettings(settings.source, threshold, crf=settings.crf)
        for threshold in (settings.fg_threshold, settings.bg_threshold)
    )
    sure_object, sure_ground = (mask for mask, _ in refine_seed_by(image, seed, runs))
    label = sure_object.copy()
    label[(sure_object == 0) & (sure_ground != 0)] = IGNORE_INDEX
    return label


def _agreed_label(image: np.ndarray, seed: Seed, settings: IRLabelSettings) -> np.ndarray:
    """Return what the argmax with the own background and the CRF agree on; 255 elsewhere."""
    found, refined = (
        refine_seed(image, seed, RefineSettings(settings.source, None, crf=crf))[0]
        for crf in (None, settings.crf)
    )
    return np.where(found == refined, found, IGNORE_INDEX).astype(np.uint8)


def make_ir_labels(
    items: list[RefineItem],
    out_dir: str | os.PathLike[str],
    settings: IRLabelSettings | None = None,
    processes: int = 1,
    resume: bool = False,
) -> int:
    """Write the ir_label of every item, ``<out_dir>/<id>.png``; `refine_files` has the rules.

    Args:
        items: Images and their seeds, each id once.
        out_dir: Where the labels go.
        settings: How; `IRLabelSettings`' defaults when None.
        processes: 1 works in this process.
        resume: Keep labels that exist; they must come from the same settings.

    Returns:
        Number of labels written.
    """
    settings = settings or IRLabelSettings()
    work = partial(_write_label, out_dir=Path(out_dir), settings=settings)
    processes = crf_processes(settings.crf, processes)
    return refine_files(work, items, out_dir, processes, resume)


def _write_label(item: RefineItem, out_dir: Path, settings: IRLabelSettings) -> None:
    """Read, decide, write; an error names the image."""
    try:
        label = ir_label(read_image(item.image_path), load_seed(item.seed_path), settings)
        save_mask(out_dir / f'{item.id}.png', label)
    except Exception as error:
        raise ValueError(f'image {item.id}: {error}') from error
