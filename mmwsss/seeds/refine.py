"""From seed files to pseudo masks by argmax, dense CRF, PAR and segments, in several processes."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from mmwsss.functional.pixel_adaptive_refinement import pixel_adaptive_refinement
from mmwsss.functional.segments import Segments
from mmwsss.structures import (
    Settings,
    check_files_exist,
    image_size,
    is_out_of_memory,
    read_image,
)
from mmwsss.terminal import progress, show, track

from .crf import IRN_CRF, DenseCRF, ImageCRF, is_on_gpu
from .files import Seed, Source, load_seed, load_seed_size
from .masks import IGNORE_INDEX, load_mask, save_mask
from .processes import run_in_processes
from .segments import SegmentVote, find_segments, load_segments, vote
from .thresholds import IRN_THRESHOLDS, Power, Threshold, check_background

Refiner = Literal['crf', 'par', 'segments']
REFINERS: tuple[Refiner, ...] = get_args(Refiner)
_MASKS_OPENED = 200  # ours: of many masks so many, evenly spread, to see whether all are empty


@dataclass(frozen=True)
class RefineItem:
    """One image to refine.

    Attributes:
        id: Name of the mask: ``<out_dir>/<id>.png``.
        image_path: File of the photograph, which the CRF looks at.
        seed_path: File of the seed, ``<id>.npz``.
        segment_path: File of the segments, where they are voted by; None elsewhere.
    """

    id: str
    image_path: Path
    seed_path: Path
    segment_path: Path | None = None


@dataclass(frozen=True)
class RefineSettings(Settings):
    """How a seed becomes a mask.

    Attributes:
        source: ``cam``, ``pacam`` or ``sum``.
        bg_threshold: Constant background score; None: the seed's own background map.
        min_confidence: A pixel whose largest posterior is below is ignored; without a CRF there is
            no posterior, and no pixel is.
        crf: CRF settings; None: argmax alone.
        bg_power: Exponent of a background score ``(1 - max) ** bg_power`` of the maps (CLIP-ES),
            in the place of `bg_threshold`; None: no such score.
        refiner: ``crf``; ``par``: pixel-adaptive refinement of the scores in the place of the
            CRF, which has no posterior either; or ``segments``: the labels of the CRF, or of the
            argmax where `crf` is None, are voted per segment. Unsure pixels abstain.
        vote: Rules of the segments.

    Raises:
        ValueError: The source or the refiner is unknown, a number is out of its range, or there
            are two backgrounds.
    """

    source: Source = 'cam'
    bg_threshold: Threshold | None = IRN_THRESHOLDS.seed
    min_confidence: Threshold = 0.7  # ours
    crf: DenseCRF | None = IRN_CRF
    bg_power: Power | None = None
    refiner: Refiner = 'crf'
    vote: SegmentVote = field(default_factory=SegmentVote)

    def __post_init__(self) -> None:
        """Check every field, and that one background is meant."""
        super().__post_init__()
        check_background(self.bg_threshold, self.bg_power)


def refine_seeds_with_crf(
    items: list[RefineItem],
    out_dir: str | os.PathLike[str],
    settings: RefineSettings | None = None,
    processes: int = 1,
    resume: bool = False,
    argmax_dir: str | os.PathLike[str] | None = None,
) -> int:
    """Write the pseudo mask of every item.

    The masks do not depend on the number of processes. A run cut off leaves whole files only.

    Args:
        items: What to refine, each id once.
        out_dir: Where the masks go.
        settings: How; `RefineSettings`' defaults when None.
        processes: 1 works in this process.
        resume: Keep masks that exist, can be read and have the right size. They must come from
            the same settings.
        argmax_dir: Also write the masks before unsure pixels are ignored, here.

    Returns:
        Number of masks written.

    Raises:
        FileNotFoundError: Seeds or images are missing.
        ValueError: A size does not fit, a file is damaged, or an id occurs twice.
        ValueError: An image failed; the message names it.
    """
    out_dir = Path(out_dir)
    settings = settings or RefineSettings()
    work = functools.partial(
        _refine_item,
        out_dir=out_dir,
        settings=settings,
        argmax_dir=None if argmax_dir is None else Path(argmax_dir),
    )
    by_par = settings.refiner == 'par' and torch.cuda.is_available()
    on_gpu = by_par or is_on_gpu(settings.crf)
    return refine_files(work, items, out_dir, processes, resume, on_gpu)


def refine_files(
    work: Callable[[RefineItem], None],
    items: list[RefineItem],
    out_dir: str | os.PathLike[str],
    processes: int = 1,
    resume: bool = False,
    on_gpu: bool = False,
) -> int:
    """Check all items, then hand them to `work` one by one, with a progress bar.

    Args:
        work: Writes ``<out_dir>/<id>.png``, as its last file; can be pickled.
        items: Each id once.
        out_dir: Where `work` writes to.
        processes: 1 works in this process.
        resume: Leave items alone whose file exists, can be read and has the right size.
        on_gpu: As in `run_in_processes`.

    Returns:
        Number of items worked on.

    Raises:
        FileNotFoundError: Seeds or images are missing.
        ValueError: A size does not fit, a file is damaged, or an id occurs twice.
        ValueError: An image failed; the message names it.
    """
    if processes < 1:
        raise ValueError(f'processes must be at least 1, not {processes}')
    sizes = check_inputs(items)
    todo = [
        item
        for item, size in zip(items, sizes, strict=True)
        if not (resume and _is_mask_of(Path(out_dir) / f'{item.id}.png', size))
    ]
    results = run_in_processes(work, todo, processes, on_gpu)
    with progress('refine', len(items), initial=len(items) - len(todo)) as bar:
        for _ in results:
            bar.update()
    if empty := _emptiness(items, Path(out_dir)):
        show(f'note: {empty}')
    return len(todo)


def _emptiness(items: list[RefineItem], out_dir: Path) -> str | None:
    """Say that no mask holds a class, of all masks or of evenly spread ones."""
    opened = items[:: max(1, -(-len(items) // _MASKS_OPENED))]
    if not opened:
        return None
    for item in opened:
        values = np.unique(load_mask(out_dir / f'{item.id}.png'))
        if ((values != 0) & (values != IGNORE_INDEX)).any():
            return None
    return (
        f'none of {len(opened)} masks in {out_dir} holds a class: lower the threshold of the '
        'background (and min_confidence), or look at the seeds'
    )


def refine_seed(
    image: np.ndarray, seed: Seed, settings: RefineSettings, segments: Segments | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Turn one seed into a mask.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        seed: Maps of the classes present; background and these compete, no others.
        settings: Source, background, confidence, CRF and vote.
        segments: Of the image, where the refiner is ``segments``.

    Returns:
        The most likely label, ``(H, W)`` uint8, 0 background or class index + 1, and
        `IGNORE_INDEX` where segments are not to agree; and how sure it is, ``(H, W)`` float32: the
        largest posterior of the CRF, 1 without a CRF and where segments have decided.

    Raises:
        ValueError: The refiner needs segments, and there are none.
    """
    return next(refine_seed_by(image, seed, [settings], segments))


def refine_seed_by(
    image: np.ndarray,
    seed: Seed,
    settings: Iterable[RefineSettings],
    segments: Segments | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Turn one seed into a mask by each of several settings; equal CRFs are built once.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        seed: As for `refine_seed`.
        settings: Such as those of several thresholds.
        segments: As for `refine_seed`.

    Yields:
        What `refine_seed` returns.
    """
    crf_of = functools.cache(functools.partial(ImageCRF, image))
    return (_refine(image, seed, one, crf_of, segments) for one in settings)


def _refine(
    image: np.ndarray,
    seed: Seed,
    settings: RefineSettings,
    crf_of: Callable[[DenseCRF], ImageCRF],
    segments: Segments | None,
) -> tuple[np.ndarray, np.ndarray]:
    sure = np.ones(seed.size, dtype=np.float32)
    if not len(seed.classes):
        return np.zeros(seed.size, dtype=np.uint8), sure
    scores = score_planes(seed, settings.source, settings.bg_threshold, settings.bg_power)
    mask_index = np.concatenate([[0], seed.classes + 1]).astype(np.uint8)
    if settings.refiner == 'par':
        return mask_index[refine_by_par(image, scores).argmax(axis=0)], sure
    if settings.crf is not None:
        scores = _posterior(crf_of(settings.crf), scores, settings.crf)
        sure = scores.max(axis=0)
    if settings.refiner == 'crf':
        return mask_index[scores.argmax(axis=0)], sure
    if segments is None:
        raise ValueError("the refiner 'segments' needs segments: name their folder")
    voted = vote(scores, sure >= settings.min_confidence, segments, settings.vote)
    mask = np.where(voted.disputed, IGNORE_INDEX, mask_index[voted.labels]).astype(np.uint8)
    return mask, np.where(voted.decided, 1, sure).astype(np.float32)


def _posterior(crf: ImageCRF, scores: np.ndarray, settings: DenseCRF) -> np.ndarray:
    """Run a CRF on the scores, ``(C, H, W)``, or on their labels, as its settings ask for."""
    if settings.gt_prob is None:
        return crf.from_probabilities(scores)
    return crf.from_labels(scores.argmax(axis=0), len(scores))


def refine_by_par(image: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Refine maps with the settings of AFA, on a GPU where there is one.

    Args:
        image: ``(H, W, 3)`` uint8, RGB.
        maps: ``(C, H, W)`` float32.

    Returns:
        The same shape, as of `pixel_adaptive_refinement`.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    colors = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    refined = pixel_adaptive_refinement(colors.to(device), torch.from_numpy(maps)[None].to(device))
    return refined[0].cpu().numpy()


def score_planes(
    seed: Seed, source: str, bg_threshold: float | None, bg_power: float | None = None
) -> np.ndarray:
    """Return background and class maps in the size of the image.

    Args:
        seed: Maps of ``k`` classes.
        source: ``cam``, ``pacam`` or ``sum``.
        bg_threshold: Constant background score; None: the seed's own map.
        bg_power: Exponent of the background ``(1 - max)^p``; None for a constant one.

    Returns:
        ``(k + 1, H, W)`` float32, background first, so that it wins ties in an argmax.

    Raises:
        ValueError: The seed has no such map.
    """
    maps = seed.full_size(source)
    if bg_power is not None:
        background = background_power(maps, bg_power)[None]
    elif bg_threshold is not None:
        background = np.full((1, *seed.size), bg_threshold, dtype=np.float32)
    else:
        own = seed.full_size_background(source)
        if own is None:
            raise ValueError('the seed has no background map of its own: give a bg_threshold')
        background = own[None]
    return np.concatenate([background, maps])


def background_power(maps: np.ndarray, power: float) -> np.ndarray:
    """Return the background's score, ``(1 - max) ** power`` (CLIP-ES).

    Args:
        maps: Of the present classes, ``(k, H, W)`` in [0, 1].
        power: Exponent; larger ones leave less background.

    Returns:
        ``(H, W)`` float32 in [0, 1].
    """
    return (1 - maps.max(axis=0).clip(0, 1)).astype(np.float32) ** power


def refine_items(
    seed_dir: str | os.PathLike[str],
    image_dir: str | os.PathLike[str],
    ids: Iterable[str],
    image_suffix: str = '.jpg',
    segment_dir: str | os.PathLike[str] | None = None,
) -> list[RefineItem]:
    """List the items of folders: ``<seed_dir>/<id>.npz``, ``<image_dir>/<id><suffix>``, segments.

    Raises:
        FileNotFoundError: An image has no segments in their folder.
    """
    return [
        RefineItem(
            id=image_id,
            image_path=Path(image_dir) / f'{image_id}{image_suffix}',
            seed_path=Path(seed_dir) / f'{image_id}.npz',
            segment_path=None if segment_dir is None else find_segments(segment_dir, image_id),
        )
        for image_id in ids
    ]


def check_inputs(items: list[RefineItem]) -> list[tuple[int, int]]:
    """Check files and sizes of all items by their headers, before hours of work.

    Returns:
        Image sizes ``(H, W)``.

    Raises:
        FileNotFoundError: Seeds or images are missing; says how many, and names the first.
        ValueError: A seed was made from an image of another size, a file is damaged, or an id
            occurs twice.
    """
    if len({item.id for item in items}) < len(items):
        raise ValueError('an image id occurs twice in the list')
    check_files_exist([item.seed_path for item in items], 'seed', 'run `mmwsss seeds`')
    images = [item.image_path for item in items]
    check_files_exist(images, 'image', 'check the folder and the suffix')
    sizes = []
    for item in track('check', items, 'image'):
        seed_size, size = load_seed_size(item.seed_path), image_size(item.image_path)
        if seed_size != size:
            raise ValueError(
                f'{item.seed_path} was made from an image of {seed_size}, but {item.image_path} is '
                f'{size}: run `mmwsss seeds` again on these images'
            )
        sizes.append(size)
    return sizes


def _refine_item(
    item: RefineItem, out_dir: Path, settings: RefineSettings, argmax_dir: Path | None
) -> None:
    """Read, refine, write; an error names the image."""
    name = f'{item.id}.png'
    try:
        image, seed, segments = read_image(item.image_path), load_seed(item.seed_path), None
        if settings.refiner == 'segments' and item.segment_path is not None:
            segments = load_segments(item.segment_path, seed.size)
        mask, confidence = refine_seed(image, seed, settings, segments)
        if argmax_dir is not None:
            save_mask(argmax_dir / name, mask)
        # the last file written is the one that a resumed run looks for
        if settings.crf is not None:
            unsure = confidence < settings.min_confidence
            mask = np.where(unsure, IGNORE_INDEX, mask).astype(np.uint8)
        save_mask(out_dir / name, mask)
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError(
                f'out of memory at {item.image_path}: use fewer --processes, or make it smaller'
            ) from error
        raise ValueError(f'image {item.id}: {error}') from error


def _is_mask_of(path: Path, size: tuple[int, int]) -> bool:
    try:
        return load_mask(path).shape == size
    except (FileNotFoundError, ValueError):
        return False
