"""Options of CPAL: each is a reading of the paper, or a number of it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from mmwsss.structures import Range, Settings


@dataclass(frozen=True)
class PrototypeAwareCAMSettings(Settings):
    """How instances, context prototypes, PACAM and the loss are made (CPAL).

    Attributes:
        instances: Which pixels make an instance prototype: those whose CAM ``M_n`` is over the
            ``threshold`` `tau` (Eq. 4 to the letter), or those that the class owns by SIPE's
            structure (``ownership``: every pixel belongs to one class or to the background).
        tau: CAM threshold of the instance prototypes (Eq. 4).
        background: Of the PACAM ``M~`` (Eq. 14): ``one_minus_max`` of the classes, each divided by
            its maximum; or a ``prototype`` of its own (``M = M_f U M_b``): ``N + 1`` maps of
            cosines, none of them divided, and seeds that need no threshold.
        background_from: With ``background='prototype'``, where it comes from: the ``image`` at
            hand, or context prototypes in the ``bank`` as a class has them (Eq. 5).
        num_neighbors: ``K`` of Eq. 6; None uses all context prototypes (Table 2).
        positiveness: Score of Eq. 7 (Table 3): ``dot``, ``cosine``, ``l1``, ``l2``; ``none`` gives
            uniform weights (Table 2).
        temperature: Divides the scores of Eq. 7.
        standardize: Bring the scores of Eq. 7 to standard deviation 1 first (ours); without it the
            raw dot products of some networks leave one prototype all the weight.
        weighting: ``weighted_map`` ranks by ``w cos`` and weights the maps by ``w``;
            ``rank_then_mean`` only ranks by it; ``literal`` is Eq. 6 and 13 to the letter, where
            the positive factor ``w`` drops out of every cosine.
        statistic: Instance mean of the alignment (Eq. 12): ``ema`` of the class, ``batch`` (to the
            letter; erases an instance that is alone in its batch), or ``none`` (no alignment).
        apply_to: What the alignment shifts: ``anchor``, ``feature`` or ``both``.
        min_count: With ``batch``, instances of a class needed for a shift.
        momentum: Weight of the *old* value in the running means, in [0, 1).
        center: Subtract a running mean of ``z`` before every cosine (ours).
        stop_grad: Whose gradient the consistency loss stops.
        background_over: The background is one minus the maximum over the ``present`` classes that
            have a PACAM, or over ``all`` (as in SIPE).
        detach_anchor: Anchors are constants of a step.
        loss_weight: ``lambda_Self`` of Eq. 1.

    Raises:
        ValueError: An option is none of its choices, or out of its range.
    """

    where: ClassVar[str] = 'model.prototype_head'

    instances: Literal['threshold', 'ownership'] = 'threshold'
    tau: Annotated[float, Range(0, 1)] = 0.1  # CPAL Sec. 4.1
    background: Literal['one_minus_max', 'prototype'] = 'one_minus_max'
    background_from: Literal['image', 'bank'] = 'image'
    num_neighbors: Annotated[int | None, Range(1)] = 20  # CPAL Sec. 4.1
    positiveness: Literal['dot', 'cosine', 'l1', 'l2', 'none'] = 'dot'
    temperature: Annotated[float, Range(1e-6)] = 1.0
    standardize: bool = False
    weighting: Literal['weighted_map', 'rank_then_mean', 'literal'] = 'weighted_map'
    statistic: Literal['ema', 'batch', 'none'] = 'ema'
    apply_to: Literal['anchor', 'feature', 'both'] = 'anchor'
    min_count: Annotated[int, Range(1)] = 1
    momentum: Annotated[float, Range(0, 1, below_high=True)] = 0.99  # ours
    center: bool = False
    stop_grad: Literal['none', 'pacam', 'cam'] = 'none'
    background_over: Literal['present', 'all'] = 'present'
    detach_anchor: bool = True
    loss_weight: Annotated[float, Range(0)] = 1.0  # CPAL Sec. 4.1
