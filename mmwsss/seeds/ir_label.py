"""IRN's ir_label: what of a seed is sure enough to learn boundaries or a segmentation from."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mmwsss.functional.own_background import background_share
from mmwsss.structures import Settings, read_image

from .crf import IRN_CRF, DenseCRF, is_on_gpu
from .files import Seed, Source, load_seed
from .masks import IGNORE_INDEX, save_mask
from .refine import RefineItem, RefineSettings, refine_files, refine_seed_by, score_planes
from .thresholds import IRN_THRESHOLDS, Threshold, check_sure_thresholds

# Of a pixel's strongest class and its background: more is surely the class, less is surely none.
# What argmax and CRF agree on is no better guess: it leaves no boundary (docs/methods/cpal.md).
SURE_SHARES = (0.65, 0.35)  # ours


@dataclass(frozen=True)
class IRLabelSettings(Settings):
    """How a seed becomes an ir_label.

    Attributes:
        source: ``cam``, ``pacam`` or ``sum``.
        fg_threshold: Background score of the run whose classes are believed; None, as is then
            `bg_threshold`: the seed's own background map, `SURE_SHARES` of a pixel.
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
    object. With the seed's own background both runs are of the share of a pixel that is its
    strongest class's, ``f / (f + b)``, with thresholds on both sides of one half (ours).

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        seed: The seed of the image.
        settings: Thresholds, source and CRF.

    Returns:
        ``(H, W)`` uint8: 0 background, class index + 1, or 255.
    """
    source, thresholds = settings.source, (settings.fg_threshold, settings.bg_threshold)
    if settings.fg_threshold is None:
        seed, source, thresholds = _in_shares(seed, source), 'cam', SURE_SHARES
    runs = (RefineSettings(source, threshold, crf=settings.crf) for threshold in thresholds)
    sure_object, sure_ground = (mask for mask, _ in refine_seed_by(image, seed, runs))
    label = sure_object.copy()
    label[(sure_object == 0) & (sure_ground != 0)] = IGNORE_INDEX
    return label


def _in_shares(seed: Seed, source: Source) -> Seed:
    """Return the shares of the classes and the own background in each pixel, as ``cam``."""
    planes = torch.from_numpy(score_planes(seed, source, bg_threshold=None))
    return Seed(seed.classes, background_share(planes)[1:].numpy(), seed.size)


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
    return refine_files(work, items, out_dir, processes, resume, is_on_gpu(settings.crf))


def _write_label(item: RefineItem, out_dir: Path, settings: IRLabelSettings) -> None:
    """Read, decide, write; an error names the image."""
    try:
        label = ir_label(read_image(item.image_path), load_seed(item.seed_path), settings)
        save_mask(out_dir / f'{item.id}.png', label)
    except Exception as error:
        raise ValueError(f'image {item.id}: {error}') from error
