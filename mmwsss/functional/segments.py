"""Labels voted per class-agnostic segment.

Segments (superpixels, masks of SAM) know outlines and no classes, pseudo masks know classes and
poor outlines. Every pixel votes for labels, a segment is elected for the label that has the most
votes in it, and its pixels take that label (Chen et al., Segment Anything Model (SAM) Enhanced
Pseudo Labels for WSSS, NeurIPS 2023 workshops, for the masks of SAM).

Shapes: image ``H x W``, ``S`` segments, ``C`` labels, of which the first is the background, ``P``
pairs of a pixel and a segment that it lies in. A pixel may lie in none, or in several.
"""

from typing import NamedTuple

import torch
from torch import Tensor

NO_LABEL = -1  # of a segment that is elected for no label


class Segments(NamedTuple):
    """Which pixels lie in which segments.

    Attributes:
        pixel: ``(P,)`` int64, indices of the flattened image.
        segment: ``(P,)`` int64 in ``0..S-1``.
        number: ``S``; a segment may be empty.
        size: ``(H, W)``.
    """

    pixel: Tensor
    segment: Tensor
    number: int
    size: tuple[int, int]

    def areas(self) -> Tensor:
        """Return the pixels of each segment, ``(S,)`` int64."""
        return torch.bincount(self.segment, minlength=self.number)


def segments_of_map(label_map: Tensor) -> Segments:
    """Take the segments of a map, such as superpixels, which do not overlap.

    Args:
        label_map: ``(H, W)`` integer; 0 is no segment, others are the names of segments.

    Returns:
        The segments in the order of their names.

    Example:
        >>> segments = segments_of_map(torch.tensor([[7, 7, 0], [2, 7, 0]]))
        >>> segments.pixel.tolist(), segments.segment.tolist()
        ([0, 1, 3, 4], [1, 1, 0, 1])
    """
    flat = label_map.flatten().long()
    pixel = flat.nonzero()[:, 0]
    names, segment = flat[pixel].unique(return_inverse=True)
    return Segments(pixel, segment, len(names), (label_map.shape[0], label_map.shape[1]))


def segments_of_masks(masks: Tensor) -> Segments:
    """Take segments that may overlap.

    Args:
        masks: ``(S, H, W)`` bool.

    Returns:
        The segments in the order of the masks.

    Example:
        >>> segments = segments_of_masks(torch.tensor([[[True, True]], [[False, True]]]))
        >>> segments.pixel.tolist(), segments.segment.tolist()
        ([0, 1, 1], [0, 0, 1])
    """
    segment, pixel = masks.flatten(1).nonzero(as_tuple=True)
    return Segments(pixel, segment, len(masks), (masks.shape[1], masks.shape[2]))


def segment_votes(ballots: Tensor, segments: Segments) -> Tensor:
    """Add up the votes in each segment.

    Args:
        ballots: How much a pixel votes for each label, ``(C, H, W)`` float, of sum 1; of a pixel
            that abstains all are 0.
        segments: Of an image of that size.

    Returns:
        ``(S, C)``.

    Raises:
        ValueError: The segments are of another size.

    Example:
        >>> ballots = torch.tensor([[[1.0, 0.0, 0.5]], [[0.0, 1.0, 0.5]]])
        >>> segment_votes(ballots, segments_of_map(torch.tensor([[1, 2, 2]])))
        tensor([[1.0000, 0.0000],
                [0.5000, 1.5000]])
    """
    if tuple(ballots.shape[1:]) != segments.size:
        raise ValueError(
            f'the segments are of an image of {segments.size}, not of {tuple(ballots.shape[1:])}'
        )
    votes = ballots.new_zeros(segments.number, len(ballots))
    return votes.index_add_(0, segments.segment, ballots.flatten(1).T[segments.pixel])


def elect(
    votes: Tensor,
    areas: Tensor,
    totals: Tensor,
    min_share: float = 0.5,
    min_covered: float | None = None,
    background_votes: bool = True,
) -> Tensor:
    """Choose the label of each segment: that of the most votes, if they are enough.

    They are enough where more than `min_share` of the segment votes so, or, for a class, where the
    segment holds `min_covered` of all votes for the class (Chen et al., 2023: 0.5 and 0.85).

    Args:
        votes: Of `segment_votes`, ``(S, C)``, background first. Of labels with as many votes the
            first wins.
        areas: Pixels of the segments, ``(S,)``.
        totals: Votes of the whole image for each label, ``(C,)``.
        min_share: Share of a segment's pixels that must be exceeded; 0: the most votes are enough.
        min_covered: Share of a class's votes that is enough as well; None: there is no such rule.
        background_votes: A segment may be elected for the background. Without, the votes for it
            count as abstentions.

    Returns:
        ``(S,)`` int64, `NO_LABEL` where they are not enough.

    Example:
        >>> votes = torch.tensor([[1.0, 3.0], [6.0, 2.0], [2.0, 2.0]])
        >>> areas, totals = torch.tensor([4, 8, 4]), torch.tensor([9.0, 7.0])
        >>> elect(votes, areas, totals)
        tensor([ 1,  0, -1])
        >>> elect(votes, areas, totals, min_share=0.3, background_votes=False)
        tensor([ 1, -1,  1])
        >>> elect(votes, areas, totals, min_share=0.8, min_covered=0.4)
        tensor([ 1, -1, -1])
    """
    first = 0 if background_votes else 1
    if votes.shape[1] <= first or not len(votes):
        return areas.new_full((len(votes),), NO_LABEL)
    most, label = votes[:, first:].max(dim=1)
    label = label + first
    enough = most > min_share * areas
    if min_covered is not None:
        covered = most >= min_covered * totals[label]
        enough |= covered & (label > 0) & (most > 0)
    return torch.where(enough, label, NO_LABEL)


def strongest_segment(segments: Segments, elected: Tensor, strength: Tensor) -> Tensor:
    """Find, for every pixel, the elected segment that decides on it.

    Args:
        segments: ``S`` segments.
        elected: Of `elect`, ``(S,)``.
        strength: ``(S,)``; of segments that claim a pixel the strongest has it, of equally strong
            ones the first.

    Returns:
        ``(H, W)`` int64: the index of a segment, -1 where no elected one lies.

    Example:
        >>> masks = torch.tensor([[[True, True, False]], [[False, True, True]]])
        >>> segments = segments_of_masks(masks)
        >>> strongest_segment(segments, torch.tensor([3, 1]), torch.tensor([1.0, 2.0]))
        tensor([[0, 1, 1]])
    """
    order = strength.argsort(descending=True, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    counted = elected[segments.segment] != NO_LABEL
    pixel, places = segments.pixel[counted], place[segments.segment[counted]]
    height, width = segments.size
    best = pixel.new_full((height * width,), len(order))
    best.scatter_reduce_(0, pixel, places, 'amin')
    order = torch.cat([order, order.new_full((1,), -1)])
    return order[best].view(height, width)


def disputed_pixels(segments: Segments, elected: Tensor) -> Tensor:
    """Find the pixels that elected segments of different labels lie over.

    Args:
        segments: ``S`` segments.
        elected: Of `elect`, ``(S,)``.

    Returns:
        ``(H, W)`` bool.

    Example:
        >>> masks = torch.tensor([[[True, True, False]], [[False, True, True]]])
        >>> segments = segments_of_masks(masks)
        >>> disputed_pixels(segments, torch.tensor([3, 1]))
        tensor([[False,  True, False]])
    """
    counted = elected[segments.segment] != NO_LABEL
    pixel, label = segments.pixel[counted], elected[segments.segment[counted]]
    height, width = segments.size
    largest = label.new_full((height * width,), NO_LABEL).scatter_reduce_(0, pixel, label, 'amax')
    # where no segment lies, the smallest stays what the largest is
    smallest = largest.scatter_reduce(0, pixel, label, 'amin')
    return (smallest != largest).view(height, width)
