"""How to train on a folder of photographs: chosen by their number, their sizes and the machine."""

import math
from dataclasses import dataclass

from .survey import Survey

METHODS = {'cpal': 'irn_cpal', 'irn': 'irn'}  # -> first part of the shipped config's name
BACKBONES = {'efficientnet_lite0': '', 'resnet50': '_r50'}  # -> what follows in the name
PAPER_BANK = 1000  # CPAL Sec. 4.1, for ten thousand images
PAPER_MOMENTUM = 0.99  # of the running means; its memory is 100 steps
SMALL_MOMENTUM = 0.9  # a memory of 10 steps
GPU_SIZE_DIVISOR = 32  # ours: each size of an image costs a GPU time (docs/speed.md)
MIN_BATCHES = 4  # an epoch, so that a step is no whole epoch


@dataclass(frozen=True)
class Steps:
    """How long one network learns.

    Attributes:
        batch: Images a step, in all processes together.
        epochs: How often each image is seen.
        images: How many there are.
    """

    batch: int
    epochs: int
    images: int

    @property
    def total(self) -> int:
        """Number of steps; the last, smaller batch of an epoch is left out."""
        return self.epochs * (self.images // self.batch)


@dataclass(frozen=True)
class Recipe:
    """What `mmwsss new` writes into a config.

    Attributes:
        base: Shipped config that it inherits.
        cam: Of the classification network.
        boundaries: Of the network that finds boundaries.
        segmentor: Of the segmentor.
        long_sides: Of the views that seeds are made of, in pixels.
        size_divisor: What the sides of these views are multiples of; None for any.
        bank_length: Prototypes of instances per class; None without CPAL.
        momentum: Of CPAL's running means; None without CPAL.
    """

    base: str
    cam: Steps
    boundaries: Steps
    segmentor: Steps
    long_sides: tuple[int, ...]
    size_divisor: int | None
    bank_length: int | None
    momentum: float | None


def choose_recipe(survey: Survey, method: str, backbone: str) -> Recipe:
    """Choose schedules, batches, views and the bank.

    The schedules keep the number of steps of those that the shipped configs have for a few hundred
    photographs on CPUs (`irn_voc_mini.py`) and for VOC on GPUs, as far as a small folder can.

    Args:
        survey: What there is.
        method: One of `METHODS`.
        backbone: One of `BACKBONES`: EfficientNet-Lite0 for CPUs, ResNet-50 for GPUs.
    """
    number, on_gpu = len(survey.sizes), backbone == 'resnet50'
    cam = _steps(number, batch=16, steps=400 if on_gpu else 100, epochs=5)
    has_bank = method == 'cpal'
    largest_class = max(survey.class_counts.values())
    every_epoch = number // cam.batch
    return Recipe(
        base=f'{"cpal" if has_bank else "irn"}/{METHODS[method]}{BACKBONES[backbone]}_own.py',
        cam=cam,
        boundaries=_steps(number, batch=32 if on_gpu else 8, steps=150 if on_gpu else 60, epochs=3),
        segmentor=_steps(number, batch=10, steps=3000 if on_gpu else 250, epochs=5),
        long_sides=_long_sides(survey.long_sides[1], on_gpu),
        size_divisor=GPU_SIZE_DIVISOR if on_gpu else None,
        bank_length=_round_up(min(max(1.1 * largest_class, 20), PAPER_BANK)) if has_bank else None,
        momentum=(PAPER_MOMENTUM if every_epoch >= 100 else SMALL_MOMENTUM) if has_bank else None,
    )


def _steps(number: int, batch: int, steps: int, epochs: int, most: int = 100) -> Steps:
    """Return a batch that gives an epoch a few steps, and epochs for so many steps at least."""
    while batch > 1 and number // batch < MIN_BATCHES:
        batch = math.ceil(batch / 2)
    return Steps(batch, min(max(epochs, math.ceil(steps / max(number // batch, 1))), most), number)


def _long_sides(typical: int, on_gpu: bool) -> tuple[int, ...]:
    """Return the long sides of views: about what is learnt from, and larger for large images."""
    if on_gpu:
        return (512, 256, 768, 1024) if typical >= 700 else (512, 256, 768)
    return (256,) if typical <= 200 else (256, 384)


def _round_up(number: float) -> int:
    """Round up to tens, so that one more image changes nothing."""
    return 10 * math.ceil(number / 10)
