"""Files of class-agnostic segments, and pseudo masks voted by them."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from PIL import Image

from mmwsss.functional.segments import (
    NO_LABEL,
    Segments,
    disputed_pixels,
    elect,
    segment_votes,
    segments_of_map,
    segments_of_masks,
    strongest_segment,
)
from mmwsss.structures import (
    Range,
    Settings,
    atomic_path,
    check_pycocotools,
    decode_run_lengths,
)

MAX_SEGMENTS = 65_535  # a map is a PNG of 16 bits
_CURE = 'make it again with `mmwsss segments`, or see docs/methods/segments.md for its format'
_TO_SEGMENTS = 'make them with `mmwsss segments`'
Share = Annotated[float, Range(0, 1)]


@dataclass(frozen=True)
class SegmentVote(Settings):
    """How the pixels of a segment choose its label.

    Attributes:
        ballot: ``label``: a pixel votes for its most likely label; ``score``: it parts its vote
            among the labels as its scores, or the posterior of the CRF, do.
        min_share: More than this share of a segment must vote for the label; 0: the most votes
            are enough.
        min_covered: A class that has this share of its votes in one segment gets it as well; None:
            there is no such rule.
        background_votes: A segment may be elected for the background.
        conflict: Who has a pixel that segments of different labels claim: the ``smallest`` of
            them, the ``largest``, the ``surest`` (whose label has the largest share), or nobody:
            ``ignore``.
        unelected: What pixels become that lie in segments, none of which is elected: they ``keep``
            their label, or are ``background``. Pixels in no segment keep theirs.

    Raises:
        ValueError: An option is unknown, or a share is not in [0, 1].
    """

    where: ClassVar[str] = 'vote'

    ballot: Literal['label', 'score'] = 'label'
    min_share: Share = 0.5  # Chen et al., 2023, o_1
    min_covered: Share | None = None
    background_votes: bool = True
    conflict: Literal['smallest', 'largest', 'surest', 'ignore'] = 'smallest'  # ours
    unelected: Literal['keep', 'background'] = 'keep'


@dataclass(frozen=True)
class Voted:
    """What a vote decided.

    Attributes:
        labels: ``(H, W)`` int64, indices of the planes.
        decided: ``(H, W)`` bool: pixels that a segment, or the lack of an elected one, decided on.
        disputed: ``(H, W)`` bool: pixels that are to be ignored.
    """

    labels: np.ndarray
    decided: np.ndarray
    disputed: np.ndarray


def vote(planes: np.ndarray, votes: np.ndarray, segments: Segments, settings: SegmentVote) -> Voted:
    """Let every segment choose one label for all of its pixels.

    Args:
        planes: Scores or posteriors of the labels, ``(C, H, W)`` float32 of no negative value, the
            background first.
        votes: ``(H, W)`` bool; the other pixels abstain.
        segments: Those of the same image.
        settings: Rules.

    Raises:
        ValueError: The segments are of an image of another size.
    """
    labels = torch.from_numpy(planes.argmax(axis=0))
    ballots = _ballots(torch.from_numpy(planes), labels, settings) * torch.from_numpy(votes)
    counted, areas = segment_votes(ballots, segments), segments.areas()
    elected = elect(
        counted,
        areas,
        ballots.sum(dim=(1, 2)),
        settings.min_share,
        settings.min_covered,
        settings.background_votes,
    )
    owner = strongest_segment(segments, elected, _strength(counted, areas, elected, settings))
    owned = owner >= 0
    labels = torch.where(owned, elected[owner.clamp(min=0)] if len(elected) else labels, labels)
    disputed = torch.zeros_like(owned)
    if settings.conflict == 'ignore':
        disputed = disputed_pixels(segments, elected)
    if settings.unelected == 'background':
        inside = torch.zeros_like(owned).flatten()
        inside[segments.pixel] = True
        lost = inside.view_as(owned) & ~owned
        labels, owned = labels.masked_fill(lost, 0), owned | lost
    return Voted(labels.numpy(), owned.numpy(), disputed.numpy())


def _ballots(planes: torch.Tensor, labels: torch.Tensor, settings: SegmentVote) -> torch.Tensor:
    """Return the votes ``(C, H, W)`` of the pixels, of sum 1."""
    if settings.ballot == 'label':
        return torch.nn.functional.one_hot(labels, len(planes)).permute(2, 0, 1).to(planes)
    return planes / planes.sum(dim=0).clamp(min=torch.finfo(planes.dtype).tiny)


def _strength(
    counted: torch.Tensor, areas: torch.Tensor, elected: torch.Tensor, settings: SegmentVote
) -> torch.Tensor:
    """Return what decides between segments, ``(S,)``; it does not matter where nobody does."""
    if settings.conflict != 'surest':
        return areas if settings.conflict == 'largest' else -areas
    most = counted.gather(1, elected.clamp(min=0)[:, None])[:, 0]
    return torch.where(elected != NO_LABEL, most / areas.clamp(min=1), 0.0)


def find_segments(folder: str | os.PathLike[str], image_id: str) -> Path:
    """Return the segment file of an image, of whatever kind.

    Raises:
        FileNotFoundError: There is none.
    """
    paths = [Path(folder) / f'{image_id}{suffix}' for suffix in _READERS]
    for path in paths:
        if path.is_file():
            return path
    raise FileNotFoundError(
        f'there are no segments of {image_id} in {folder}, neither .png nor .npz nor .json: '
        f'{_TO_SEGMENTS}'
    )


def load_segments(path: str | os.PathLike[str], size: tuple[int, int]) -> Segments:
    """Read the segments of an image.

    Args:
        path: ``.png`` or ``.npz`` with a map, ``.npz`` with masks, or ``.json`` of SAM's automatic
            mask generator (docs/methods/segments.md).
        size: ``(H, W)`` of the image.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, of another format, or of an image of another size.
        ModuleNotFoundError: It is JSON, and pycocotools is missing.
    """
    path = Path(path)
    if path.suffix not in _READERS:
        raise ValueError(f'segments are .png, .npz or .json, not {path}')
    if not path.is_file():
        raise FileNotFoundError(f'there are no segments {path}: {_TO_SEGMENTS}')
    if path.suffix == '.json':
        check_pycocotools()
    try:
        segments = _READERS[path.suffix](path, size)
    except Exception as error:  # the readers of damaged files raise what they like
        raise ValueError(f'{path} holds no segments ({error}): {_CURE}') from error
    if segments.size != size:
        raise ValueError(f'{path} is of an image of {segments.size}, not of {size}: {_CURE}')
    return segments


def _read_png(path: Path, size: tuple[int, int]) -> Segments:
    with Image.open(path) as image:
        return _of_map(np.array(image))


def _read_npz(path: Path, size: tuple[int, int]) -> Segments:
    with np.load(path, allow_pickle=False) as archive:
        if 'segments' in archive:
            return _of_map(archive['segments'])
        if 'masks' in archive:
            return _of_masks(archive['masks'])
        raise ValueError(
            f'it has neither segments nor masks, but {", ".join(archive) or "nothing"}'
        )


def _read_json(path: Path, size: tuple[int, int]) -> Segments:
    content = json.loads(path.read_text(encoding='utf-8'))
    annotations = content['annotations'] if isinstance(content, Mapping) else content
    masks = [decode_run_lengths(annotation['segmentation']) for annotation in annotations]
    return _of_masks(np.stack(masks) if masks else np.zeros((0, *size), dtype=bool))


_READERS: dict[str, Callable[[Path, tuple[int, int]], Segments]] = {
    '.png': _read_png,
    '.npz': _read_npz,
    '.json': _read_json,
}


def _of_map(label_map: np.ndarray) -> Segments:
    if label_map.ndim != 2 or not np.issubdtype(label_map.dtype, np.integer):
        raise ValueError(
            f'a map is (H, W) of whole numbers, not {label_map.shape} {label_map.dtype}'
        )
    return segments_of_map(torch.from_numpy(label_map.astype(np.int64)))


def _of_masks(masks: np.ndarray) -> Segments:
    if masks.ndim != 3 or masks.dtype != bool:
        raise ValueError(f'masks are (S, H, W) of bool, not {masks.shape} {masks.dtype}')
    return segments_of_masks(torch.from_numpy(masks))


def save_segment_map(path: str | os.PathLike[str], label_map: np.ndarray) -> None:
    """Write a map as a grey PNG of 16 bits.

    Args:
        path: Where to, ``<id>.png``.
        label_map: ``(H, W)`` integer, 0 for no segment, at most `MAX_SEGMENTS`.

    Raises:
        ValueError: There are too many segments.
    """
    if label_map.max(initial=0) > MAX_SEGMENTS:
        raise ValueError(
            f'{path} would have {label_map.max()} segments, and {MAX_SEGMENTS} fit: ask for fewer'
        )
    with atomic_path(path) as temporary:
        Image.fromarray(label_map.astype(np.uint16)).save(temporary, format='PNG')


def save_segment_masks(path: str | os.PathLike[str], annotations: list[dict[str, Any]]) -> None:
    """Write masks as SAM's automatic mask generator describes them: a list, as JSON."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(annotations), encoding='utf-8')
