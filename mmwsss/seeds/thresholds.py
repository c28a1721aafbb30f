"""IRN's thresholds, the defaults of what is made of seeds; other hosts' are in their configs."""

from dataclasses import dataclass


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
