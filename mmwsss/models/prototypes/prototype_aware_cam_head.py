"""CPAL as a plug-in: prototype-aware CAMs, and the loss that ties the host's CAMs to them."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from mmengine import dist
from torch import Tensor

from mmwsss.functional import cpal
from mmwsss.functional.cam import background_map, normalize_by_max
from mmwsss.models.losses import global_mean
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput, NestedOptions, Range, Settings

from .base import BasePrototypeHead
from .gather import gather_rows
from .running_mean import RunningMean
from .support_bank import SupportBank


@dataclass(frozen=True)
class PrototypeAwareCAMSettings(Settings):
    """How instances, context prototypes, PACAM and the loss are made (CPAL).

    Attributes:
        tau: CAM threshold of the instance prototypes (Eq. 4).
        num_neighbors: ``K`` of Eq. 6; None uses all context prototypes (Table 2).
        positiveness: Score of Eq. 7 (Table 3): ``dot``, ``cosine``, ``l1``, ``l2``; ``none`` gives
            uniform weights (Table 2).
        temperature: Divides the scores of Eq. 7.
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

    tau: Annotated[float, Range(0, 1)] = 0.1  # CPAL Sec. 4.1
    num_neighbors: Annotated[int | None, Range(1)] = 20  # CPAL Sec. 4.1
    positiveness: Literal['dot', 'cosine', 'l1', 'l2', 'none'] = 'dot'
    temperature: Annotated[float, Range(1e-6)] = 1.0
    weighting: Literal['weighted_map', 'rank_then_mean', 'literal'] = 'weighted_map'
    statistic: Literal['ema', 'batch', 'none'] = 'ema'
    apply_to: Literal['anchor', 'feature', 'both'] = 'anchor'
    min_count: Annotated[int, Range(1)] = 1
    momentum: Annotated[float, Range(0, 1)] = 0.99  # ours
    center: bool = False
    stop_grad: Literal['none', 'pacam', 'cam'] = 'none'
    background_over: Literal['present', 'all'] = 'present'
    detach_anchor: bool = True
    loss_weight: Annotated[float, Range(0)] = 1.0  # CPAL Sec. 4.1


@dataclass(frozen=True)
class _Pairs:
    """Instances of one batch: every (image, present class) with an instance prototype."""

    image_index: Tensor  # (M,) sorted
    class_index: Tensor  # (M,)
    prototype: Tensor  # (M, D)

    def __getitem__(self, kept: Tensor) -> '_Pairs':
        return _Pairs(self.image_index[kept], self.class_index[kept], self.prototype[kept])


@MODELS.register_module()
class PrototypeAwareCAMHead(BasePrototypeHead):
    """Context Prototype-Aware Learning (CPAL, CVPR 2024) on any host's `CAMOutput`.

    Until the first clustering there are no context prototypes, hence no PACAM and no loss: the
    warm-up, in which the bank fills. `ContextPrototypeHook` says when clustering happens. Where the
    paper is silent or contradicts itself the options are the readings; `docs/methods/cpal.md` gives
    our reasons for the defaults.

    Args:
        num_classes: Foreground classes ``N``.
        projection: Config of ``v``; has `out_channels`.
        bank: Options of `SupportBank` beside classes and channels.
        init_cfg: mmengine's initialisation.
        **settings: Fields of `PrototypeAwareCAMSettings` that differ from its defaults.
    """

    nested_options: ClassVar = {
        'bank': NestedOptions(SupportBank, given=('num_classes', 'channels'))
    }
    extra_keywords: ClassVar = PrototypeAwareCAMSettings

    def __init__(
        self,
        num_classes: int,
        projection: dict,
        bank: dict | None = None,
        init_cfg: dict | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(num_classes, init_cfg)
        self.settings = PrototypeAwareCAMSettings(**settings)
        self.projection = MODELS.build(projection)
        channels = self.projection.out_channels
        self.bank = SupportBank(num_classes, channels, **(bank or {}))
        self.instance_mean = RunningMean(num_classes, channels, self.settings.momentum)
        self.feature_mean = RunningMean(1, channels, self.settings.momentum)

    def loss(self, output: CAMOutput, image_label: Tensor) -> dict[str, Tensor]:
        """Collect the batch's instance prototypes; return the consistency loss (Eq. 14).

        Args:
            output: The host's result.
            image_label: ``(B, N)`` of 0 and 1.
        """
        features, cam, valid = self._on_one_grid(output)
        pairs = self._find_pairs(features, cam, image_label)
        batch_mean, batch_count = self._take_in(features, valid, pairs)
        pairs = self._with_context(pairs)
        pacam = self._pacam(features, pairs, valid, batch_mean, batch_count)
        loss = self._consistency(output, cam, normalize_by_max(pacam), pairs, valid)
        # Without a PACAM the projection has no gradient, which DDP takes for an error.
        unused = sum(parameter.sum() for parameter in self.projection.parameters())
        return {'loss_self': self.settings.loss_weight * loss + 0 * unused}

    @torch.no_grad()
    def collect(self, output: CAMOutput, image_label: Tensor) -> None:
        """Collect the batch's instance prototypes without a loss (to fill a bank beforehand)."""
        features, cam, valid = self._on_one_grid(output)
        self._take_in(features, valid, self._find_pairs(features, cam, image_label))

    @torch.no_grad()
    def predict(self, output: CAMOutput, image_label: Tensor) -> Tensor:
        """Return PACAMs of Eq. 13 from frozen statistics, to be merged over views as CAMs are.

        Args:
            output: The host's result.
            image_label: ``(B, N)`` of 0 and 1; other classes are not computed.

        Returns:
            ``(B, N, H, W)`` in [0, 1], zero in the padding, not divided by the maximum.
        """
        features, cam, valid = self._on_one_grid(output)
        pairs = self._with_context(self._find_pairs(features, cam, image_label))
        return self._pacam(features, pairs, valid)

    def update_context_prototypes(self, seed: int) -> None:
        """Cluster the bank into context prototypes (Eq. 5); `SupportBank.update_context`."""
        self.bank.update_context(seed)

    def _on_one_grid(self, output: CAMOutput) -> tuple[Tensor, Tensor, Tensor]:
        features = self.projection(output.features)
        size = features.shape[-2:]
        cam, valid = output.cam, output.valid
        if cam.shape[-2:] != size:
            cam = F.interpolate(cam, size, mode='bilinear', align_corners=False)
            valid = F.interpolate(valid, size, mode='nearest-exact')
        return features, cam * valid, valid

    def _find_pairs(self, features: Tensor, cam: Tensor, image_label: Tensor) -> _Pairs:
        # nonzero goes row by row, so pairs are sorted by image, which `_pack_by_image` counts on.
        image_index, class_index = image_label.nonzero(as_tuple=True)
        prototype, found = cpal.instance_prototypes(
            features, cam[image_index, class_index].detach(), image_index, self.settings.tau
        )
        if self.bank.normalize:  # here, too, so that means and anchors are of the bank's scale
            prototype = F.normalize(prototype, dim=1)
        if self.settings.detach_anchor:
            prototype = prototype.detach()
        return _Pairs(image_index, class_index, prototype)[found]

    @torch.no_grad()
    def _take_in(self, features: Tensor, valid: Tensor, pairs: _Pairs) -> tuple[Tensor, Tensor]:
        """Update bank and running means; return class means and counts of the joint batch."""
        rows, class_index = gather_rows(pairs.prototype, pairs.class_index)
        self.bank.enqueue(rows, class_index)
        total = rows.new_zeros(self.num_classes, rows.shape[1]).index_add_(0, class_index, rows)
        count = torch.bincount(class_index, minlength=self.num_classes)
        self.instance_mean.update(total, count)
        pixel_total, pixel_count = (features * valid).sum(dim=(0, 2, 3)), valid.sum()[None]
        dist.all_reduce(pixel_total)
        dist.all_reduce(pixel_count)
        self.feature_mean.update(pixel_total[None], pixel_count)
        return total / count.clamp(min=1)[:, None], count

    def _with_context(self, pairs: _Pairs) -> _Pairs:
        return pairs[self.bank.context_count[pairs.class_index] > 0]

    def _pacam(
        self,
        features: Tensor,
        pairs: _Pairs,
        valid: Tensor,
        batch_mean: Tensor | None = None,
        batch_count: Tensor | None = None,
    ) -> Tensor:
        context = self.bank.context[pairs.class_index]
        number = self.bank.context_count[pairs.class_index]
        filled = torch.arange(context.shape[1], device=number.device) < number[:, None]
        shift = self._shift(context, filled, pairs.class_index, batch_mean, batch_count)
        anchor = pairs.prototype if self.settings.apply_to == 'feature' else pairs.prototype + shift
        center = self.feature_mean.mean[0] * self.settings.center  # zero when off
        weight = self._neighbor_weight(anchor, context, filled, center)
        direction = cpal.neighbor_direction(context - center, weight)
        maps = cpal.prototype_aware_cam(
            features - center[:, None, None] if self.settings.center else features,
            direction,
            pairs.image_index,
            None if self.settings.apply_to == 'anchor' else shift,
        )
        pacam = maps.new_zeros(len(features), self.num_classes, *maps.shape[-2:])
        return pacam.index_put((pairs.image_index, pairs.class_index), maps) * valid

    def _shift(
        self,
        context: Tensor,
        filled: Tensor,
        class_index: Tensor,
        batch_mean: Tensor | None,
        batch_count: Tensor | None,
    ) -> Tensor:
        """Alignment shift of each pair (Eq. 12), ``(M, D)``; at inference the running one."""
        if self.settings.statistic == 'none':
            return torch.zeros_like(context[:, 0])
        if self.settings.statistic == 'ema' or batch_mean is None or batch_count is None:
            return cpal.alignment_shift(context, filled, self.instance_mean.mean[class_index])
        shift = cpal.alignment_shift(context, filled, batch_mean[class_index])
        return shift * (batch_count[class_index] >= self.settings.min_count)[:, None]

    def _neighbor_weight(
        self, anchor: Tensor, context: Tensor, filled: Tensor, center: Tensor
    ) -> Tensor:
        """Weight of each context prototype in the PACAM (Eq. 6 and 7), ``(M, P)``."""
        similarity = cpal.cosine_score(anchor - center, context - center)
        uniform = filled.to(anchor)
        if self.settings.positiveness == 'none':
            weight = uniform
        else:
            score = (
                similarity  # centred, as every cosine; distances are blind to it
                if self.settings.positiveness == 'cosine'
                else cpal.POSITIVENESS_SCORES[self.settings.positiveness](anchor, context)
            )
            weight = cpal.positiveness(score, filled, self.settings.temperature)
        k = context.shape[1] if self.settings.num_neighbors is None else self.settings.num_neighbors
        literal = self.settings.weighting == 'literal'
        ranking = similarity if literal else cpal.neighbor_ranking(weight, similarity)
        chosen = cpal.soft_neighbors(ranking, filled, k)
        return chosen * (weight if self.settings.weighting == 'weighted_map' else uniform)

    def _consistency(
        self,
        output: CAMOutput,
        cam: Tensor,
        pacam: Tensor,
        pairs: _Pairs,
        valid: Tensor,
    ) -> Tensor:
        selected = torch.zeros_like(cam[:, :, 0, 0])
        selected[pairs.image_index, pairs.class_index] = 1
        counted = (
            selected if self.settings.background_over == 'present' else torch.ones_like(selected)
        )
        if output.background is None:
            ground = background_map(cam, counted)
        else:
            ground = F.interpolate(
                output.background[:, None], cam.shape[-2:], mode='bilinear', align_corners=False
            )[:, 0]
        host = torch.cat([ground[:, None], cam], dim=1)
        prototype = torch.cat([background_map(pacam, counted)[:, None], pacam], dim=1)
        if self.settings.stop_grad == 'cam':
            host = host.detach()
        if self.settings.stop_grad == 'pacam':
            prototype = prototype.detach()
        total, count = cpal.consistency_terms(host, prototype, selected, valid)
        return global_mean(total, count)
