"""What colours a backbone was trained with."""

from typing import Any, NamedTuple

from mmwsss.registry import MODELS


class Statistics(NamedTuple):
    """Mean and standard deviation of each channel, RGB, of pixels in [0, 255].

    Attributes:
        mean: Three numbers.
        std: Three numbers.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


IMAGENET = Statistics((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def backbone_statistics(backbone: dict[str, Any]) -> Statistics | None:
    """Return what a backbone expects, by its class's `statistics`; None where that says nothing.

    Args:
        backbone: Config.
    """
    kind = MODELS.get(backbone['type']) if isinstance(backbone['type'], str) else backbone['type']
    of_options = getattr(kind, 'statistics', None)
    return of_options(backbone) if of_options else None
