"""CPAL as a plug-in: prototype-aware CAMs, and the loss that ties the host's CAMs to them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from mmwsss.functional import cpal
from mmwsss.functional.cam import add_background_label, background_map, normalize_by_max
from mmwsss.functional.cpu_copy import cpu_copy, send
from mmwsss.functional.own_background import background_share, owned_pixels, with_background
from mmwsss.models.losses import global_mean
from mmwsss.models.views import Views
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput, NestedOptions

from .base import BasePrototypeHead
from .gather import gather_rows
from .prototype_aware_cam_settings import PrototypeAwareCAMSettings
from .running_mean import RunningMean
from .support_bank import SupportBank

_NO_CHANNEL = -1  # of a row that does not count


@dataclass(frozen=True)
class _Pairs:
    """Instances of one batch: every (image, present class), with an instance prototype or without.

    With a background of its own, channel 0 is the background, and every image has that, too. Pairs
    that do not count are marked and stay: how many others there are, only a GPU would know.
    """

    image_index: Tensor  # (M,) sorted
    channel: Tensor  # (M,)
    prototype: Tensor  # (M, D), zero where there is none
    counts: Tensor  # (M,) bool


@dataclass(frozen=True)
class Explanation:
    """How the PACAMs of a batch came about; a pair is an (image, present class).

    Attributes:
        image_index: Image of each pair, ``(M,)`` sorted.
        class_index: Foreground class of each pair, ``(M,)``.
        instance: Instance prototypes (Eq. 4), ``(M, D)``.
        anchor: These after the alignment (Eq. 12), ``(M, D)``.
        weight: What each context prototype of the class has of the PACAM, rows sum to 1,
            ``(M, P)``.
        maps: Positive cosines of the pixels with each context prototype, ``(M, P, h, w)``.
    """

    image_index: Tensor
    class_index: Tensor
    instance: Tensor
    anchor: Tensor
    weight: Tensor
    maps: Tensor


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
        self.has_background = self.gives_background(settings)
        rows, channels = num_classes + self.has_background, self.projection.out_channels
        self.bank = SupportBank(rows, channels, **(bank or {}))
        self.instance_mean = RunningMean(rows, channels, self.settings.momentum)
        self.feature_mean = RunningMean(1, channels, self.settings.momentum)

    @classmethod
    def gives_background(cls, options: Mapping[str, Any]) -> bool:
        """Say whether the background is to have a prototype."""
        return options.get('background', PrototypeAwareCAMSettings.background) == 'prototype'

    def loss(self, output: CAMOutput, image_label: Tensor) -> dict[str, Tensor]:
        """Collect the batch's instance prototypes; return the consistency loss (Eq. 14).

        Args:
            output: The host's result.
            image_label: ``(B, N)`` of 0 and 1.
        """
        features, cam, valid = self._on_one_grid(output)
        pairs = self._find_pairs(features, cam, image_label, valid)
        batch_mean, batch_count = self._take_in(features, valid, pairs)
        pairs = self._with_context(pairs)
        similarity = self._similarity(features, pairs, valid, batch_mean, batch_count)
        loss = self._consistency(output, cam, F.relu(similarity), pairs, valid)
        # Without a PACAM the projection has no gradient, which DDP takes for an error.
        unused = sum(parameter.sum() for parameter in self.projection.parameters())
        return {'loss_self': self.settings.loss_weight * loss + 0 * unused}

    @torch.no_grad()
    def collect(self, output: CAMOutput, image_label: Tensor) -> None:
        """Collect the batch's instance prototypes without a loss (to fill a bank beforehand)."""
        features, cam, valid = self._on_one_grid(output)
        # image by image, so that a sum is rounded the same whichever images are beside it
        labels = [send(label, features.device) for label in cpu_copy(image_label).split(1)]
        found = [
            self._find_pairs(features[i : i + 1], cam[i : i + 1], label, valid[i : i + 1])
            for i, label in enumerate(labels)
        ]
        pairs = _Pairs(
            torch.cat([pair.image_index + i for i, pair in enumerate(found)]),
            *(
                torch.cat([getattr(pair, name) for pair in found])
                for name in ('channel', 'prototype', 'counts')
            ),
        )
        self._take_in(features, valid, pairs)

    def forget(self) -> None:
        """Empty the bank and begin the running means anew."""
        self.bank.empty()
        self.instance_mean.reset()
        self.feature_mean.reset()

    @torch.no_grad()
    def predict(self, output: CAMOutput, image_label: Tensor) -> Tensor:
        """Return PACAMs of Eq. 13 from frozen statistics, to be merged over views as CAMs are.

        Args:
            output: The host's result.
            image_label: ``(B, N)`` of 0 and 1; other classes are not computed.

        Returns:
            ``(B, N, H, W)`` in [0, 1], zero in the padding, not divided by the maximum. With a
            background of its own ``(B, N + 1, H, W)``, background first, cosines of any sign: views
            are averaged before the ReLU, by `merge_views`.
        """
        features, cam, valid = self._on_one_grid(output)
        pairs = self._with_context(self._find_pairs(features, cam, image_label, valid))
        similarity = self._similarity(features, pairs, valid)
        return similarity if self.has_background else F.relu(similarity)

    @torch.no_grad()
    def explain(self, output: CAMOutput, image_label: Tensor) -> Explanation:
        """Say which context prototypes a batch's PACAMs are made of, and where each lights up.

        Args:
            output: The host's result.
            image_label: ``(B, N)`` of 0 and 1.

        Returns:
            Of the present classes that have context prototypes; the background is left out.
        """
        features, cam, valid = self._on_one_grid(output)
        pairs = self._with_context(self._find_pairs(features, cam, image_label, valid))
        pairs = _chosen(pairs, pairs.counts & (pairs.channel >= int(self.has_background)))
        context, filled, shift = self._aligned_context(pairs)
        anchor = pairs.prototype + shift
        center = self.feature_mean.mean[0] * self.settings.center
        chooser = pairs.prototype if self.settings.apply_to == 'feature' else anchor
        weight = self._neighbor_weight(chooser, context, filled, center)
        unit = F.normalize(self._centered(features), dim=1)[pairs.image_index]
        maps = torch.einsum('mpd,mdhw->mphw', F.normalize(context - center, dim=-1), unit)
        return Explanation(
            pairs.image_index,
            pairs.channel - int(self.has_background),
            pairs.prototype,
            anchor,
            weight / weight.sum(dim=1, keepdim=True),
            F.relu(maps) * filled[..., None, None] * valid[pairs.image_index],
        )

    def merge_views(self, views: Views) -> tuple[Tensor, Tensor]:
        """Average cosines over views, take the positive part, let classes and background share.

        Args:
            views: Of `predict`, background first, ``(1 + k, h, w)``.
        """
        shares = background_share(F.relu(views.mean()))
        return shares[1:], shares[0]

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

    def _find_pairs(
        self, features: Tensor, cam: Tensor, image_label: Tensor, valid: Tensor
    ) -> _Pairs:
        maps = with_background(cam.detach(), image_label, valid)
        tau = self.settings.tau
        if self.settings.instances == 'ownership':
            maps = owned_pixels(self._centered(features), maps, image_label, valid)
            tau = 0.0  # a pixel has one owner
        present = cpu_copy(image_label)
        if self.has_background:
            present = add_background_label(present)
        else:
            maps = maps[:, 1:]
        # nonzero goes row by row, so pairs are sorted by image, which `_pack_by_image` counts on.
        image_index, channel = (
            send(index, features.device) for index in present.nonzero(as_tuple=True)
        )
        prototype, found = cpal.instance_prototypes(
            features, maps[image_index, channel], image_index, tau
        )
        if self.bank.normalize:  # here, too, so that means and anchors are of the bank's scale
            prototype = F.normalize(prototype, dim=1)
        if self.settings.detach_anchor:
            prototype = prototype.detach()
        return _Pairs(image_index, channel, prototype, found)

    @torch.no_grad()
    def _take_in(self, features: Tensor, valid: Tensor, pairs: _Pairs) -> tuple[Tensor, Tensor]:
        """Update bank and running means; return class means and counts of the joint batch."""
        marked = torch.where(pairs.counts, pairs.channel, _NO_CHANNEL)
        rows, marked = gather_rows(pairs.prototype, marked, pairs.image_index)
        counts, channel = marked != _NO_CHANNEL, marked.clamp(min=0)
        self.bank.enqueue(rows, channel, counts)
        channels = len(self.bank.count)
        counted = torch.where(counts[:, None], rows, 0)
        total = rows.new_zeros(channels, rows.shape[1]).index_add_(0, channel, counted)
        count = channel.new_zeros(channels).index_add_(0, channel, counts.long())
        self.instance_mean.update(total, count)
        # image by image, so that the sums of several processes are rounded as those of one
        sums = torch.cat([(features * valid).sum(dim=(2, 3)), valid.sum(dim=(2, 3))], dim=1)
        image = torch.arange(len(sums), device=sums.device)
        pixels = gather_rows(sums, image, image)[0].sum(dim=0, keepdim=True)
        self.feature_mean.update(pixels[:, :-1], pixels[0, -1:])
        return total / count.clamp(min=1)[:, None], count

    def _with_context(self, pairs: _Pairs) -> _Pairs:
        known = self._is_own(pairs) | (self.bank.context_count[pairs.channel] > 0)
        return replace(pairs, counts=pairs.counts & known)

    def _is_own(self, pairs: _Pairs) -> Tensor:
        """Return the pairs that are their own context, ``(M,)``: backgrounds of the image."""
        own = self.has_background and self.settings.background_from == 'image'
        return (pairs.channel == 0) & own

    def _centered(self, features: Tensor) -> Tensor:
        if not self.settings.center:
            return features
        return features - self.feature_mean.mean[0][:, None, None]

    def _context(self, pairs: _Pairs) -> tuple[Tensor, Tensor]:
        """Return context prototypes of each pair, ``(M, P, D)``, and which exist, ``(M, P)``.

        A pair without any has one that is zero, or its softmax would be over nothing.
        """
        context = self.bank.context[pairs.channel]
        number = self.bank.context_count[pairs.channel].clamp(min=1)
        place = torch.arange(context.shape[1], device=number.device)
        if self.has_background:
            own = self._is_own(pairs)
            context = torch.where(own[:, None, None], pairs.prototype[:, None], context)
            number = torch.where(own, 1, number)
        return context, place < number[:, None]

    def _similarity(
        self,
        features: Tensor,
        pairs: _Pairs,
        valid: Tensor,
        batch_mean: Tensor | None = None,
        batch_count: Tensor | None = None,
    ) -> Tensor:
        """Return the cosines of Eq. 13 before its ReLU, ``(B, N, H, W)``, or with a background."""
        context, filled, shift = self._aligned_context(pairs, batch_mean, batch_count)
        anchor = pairs.prototype if self.settings.apply_to == 'feature' else pairs.prototype + shift
        center = self.feature_mean.mean[0] * self.settings.center  # zero when off
        weight = self._neighbor_weight(anchor, context, filled, center)
        direction = cpal.neighbor_direction(context - center, weight)
        if self.has_background:  # its undivided cosines must reach those of the classes
            unit = F.normalize(direction, dim=1)
            direction = torch.where(pairs.channel[:, None] == 0, unit, direction)
        maps = cpal.prototype_similarity(
            self._centered(features),
            direction,
            pairs.image_index,
            None if self.settings.apply_to == 'anchor' else shift,
        )
        maps = maps * pairs.counts[:, None, None]
        full = maps.new_zeros(len(features), len(self.bank.count), *maps.shape[-2:])
        return full.index_put((pairs.image_index, pairs.channel), maps) * valid

    def _aligned_context(
        self, pairs: _Pairs, batch_mean: Tensor | None = None, batch_count: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `_context` does, and the shift of each pair, ``(M, D)``."""
        context, filled = self._context(pairs)
        shift = self._shift(context, filled, pairs.channel, batch_mean, batch_count)
        if self.has_background:  # a prototype that is its own context is where it should be
            shift = shift * ~self._is_own(pairs)[:, None]
        return context, filled, shift

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
            if self.settings.standardize:
                score = cpal.standardized_scores(score, filled)
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
        chosen = torch.zeros_like(pacam[:, :, 0, 0])
        chosen[pairs.image_index, pairs.channel] = pairs.counts.to(chosen)
        selected = chosen[:, 1:] if self.has_background else chosen
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
        if self.has_background:
            prototype = _or_host(pacam, chosen[:, 0], host)
        else:
            pacam = normalize_by_max(pacam)
            prototype = torch.cat([background_map(pacam, counted)[:, None], pacam], dim=1)
        if self.settings.stop_grad == 'cam':
            host = host.detach()
        if self.settings.stop_grad == 'pacam':
            prototype = prototype.detach()
        total, count = cpal.consistency_terms(host, prototype, selected, valid)
        return global_mean(total, count)


def _chosen(pairs: _Pairs, kept: Tensor) -> _Pairs:
    """Return some of the pairs alone."""
    return _Pairs(*(getattr(pairs, field.name)[kept] for field in fields(pairs)))


def _or_host(pacam: Tensor, has_background: Tensor, host: Tensor) -> Tensor:
    """Take the background of the host where an image has none of its own: no term in the loss."""
    found = has_background[:, None, None, None] > 0
    return torch.cat([torch.where(found, pacam[:, :1], host[:, :1]), pacam[:, 1:]], dim=1)
