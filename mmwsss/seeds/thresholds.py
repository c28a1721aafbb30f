"""Thresholds between seeds and masks: IRN's, which are the defaults, and what makes no sense."""

from dataclasses import dataclass
from typing import Annotated

from mmwsss.structures.options import Range

Threshold = Annotated[float, Range(0, 1)]  # a background score, or a posterior
Power = Annotated[float, Range(1e-6)]  # of maps or of a background


@dataclass(frozen=True)
class Thresholds:
    """Numbers between seeds and masks, each a background score in [0, 1].

    Attributes:
        seed: For an argmax of the seeds.
        fg: For the foreground of ir_labels.
        bg: For the background of ir_labels.
        power: Exponent of the maps before the walk.
    """

    seed: float
    fg: float
    bg: float
    power: float


# released code: cam_eval, conf_fg, conf_bg, and the power of the CAM
IRN_THRESHOLDS = Thresholds(seed=0.15, fg=0.30, bg=0.05, power=1.0)


def check_background(
    bg_threshold: object, bg_power: float | None, where: str = 'RefineSettings'
) -> None:
    """Look whether a background is said in one way.

    Args:
        bg_threshold: Background score, or what stands for one; None and IRN's, which is the
            default, say nothing.
        bg_power: Exponent of the maps' background, or None.
        where: Who says so, for the message.

    Raises:
        ValueError: Threshold and power are both given.
    """
    if bg_power is not None and bg_threshold not in (None, IRN_THRESHOLDS.seed):
        raise ValueError(
            f'{where} has bg_power={bg_power:g} and bg_threshold={bg_threshold!r}, but a '
            'background is one of them: set the other to None'
        )


def check_sure_thresholds(
    fg_threshold: float | None, bg_threshold: float | None, where: str = 'IRLabelSettings'
) -> None:
    """Look at the order of the two thresholds of ir_labels.

    Args:
        fg_threshold: Background score of the run whose classes are believed.
        bg_threshold: Of the run whose background is believed.
        where: Who says so, for the message.

    Raises:
        ValueError: The order is wrong, or one alone is None.
    """
    if fg_threshold is None and bg_threshold is None:
        return
    if fg_threshold is None or bg_threshold is None:
        wanted = 'it takes two numbers, or None for both: the own background of the seeds'
    elif bg_threshold > fg_threshold:
        wanted = 'bg_threshold must not be above fg_threshold: exchange the two'
    else:
        return
    raise ValueError(
        f'{where} has fg_threshold={fg_threshold} and bg_threshold={bg_threshold}, but {wanted}'
    )
