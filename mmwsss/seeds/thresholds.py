"""Published thresholds of the hosts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Numbers between seeds and masks, each a background score in [0, 1].

    Attributes:
        seed: For an argmax of the seeds.
        fg: For the foreground of ir_labels.
        bg: For the background of ir_labels.
        walk: For an argmax after the random walk.
        power: Exponent of the maps before the walk.
    """

    seed: float
    fg: float
    bg: float
    walk: float
    power: float


# released code: cam_eval, conf_fg, conf_bg, sem_seg_bg, and the power of the CAM
THRESHOLDS = {
    'irn': Thresholds(seed=0.15, fg=0.30, bg=0.05, walk=0.25, power=1.0),
    'amn': Thresholds(seed=0.25, fg=0.45, bg=0.15, walk=0.25, power=1.3),
}
