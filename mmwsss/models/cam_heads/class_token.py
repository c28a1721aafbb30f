"""The CAM head of CPF-CTE: patches that are told of classes, fused, classified and pooled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.cam import add_background_label, resize_valid
from mmwsss.functional.cpf_cte import (
    PATCH_LOG_ODDS,
    add_remaining_background,
    attach_tokens,
    hard_tokens,
    label_mean_tokens,
    mask_scores,
    mask_scores_without_background,
    mce_loss,
    soft_tokens,
    token_scores,
    top_k_pooling,
)
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.models.views import Views
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput, Range, Settings

from .base import BaseCAMHead, MergedMaps

_QUERY_READINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'soft': soft_tokens,
    'hard': hard_tokens,
}


@dataclass(frozen=True)
class ClassTokenSettings(Settings):
    """How patches are told of classes, classified and pooled (CPF-CTE).

    Attributes:
        token_channels: Channels ``T`` of a class token.
        attachment: Which class token a patch gets in Eq. 2, as its class is not known: ``soft`` (a
            mixture, by the softmax of a query's scores), ``hard`` (the best one), ``per_class``
            (every one in turn: a class is classified in the stream of its own token; exact, and
            ``C`` times the work), ``label_mean`` (the mean of those of the image label: for the
            seeds of labelled images, by a network that was trained with ``soft`` or ``hard``;
            refused in a training, because the tokens would tell the label that is to be learnt) or
            ``none`` (Table 4).
        project_back: Map the concatenation back to ``D`` channels at once (Sec. 3.2) instead of
            going on with ``D + T`` (Eq. 6).
        activation: ``softmax`` over background and classes, ``softmax_fg`` over the classes alone
            (Eq. 7 as printed), or ``sigmoid`` (Fig. 2).
        pooling: ``top_k``, ``max`` or ``avg`` (Table 5).
        top_k: Patches that ``top_k`` counts.
        loss_weight: Factor of the loss.
        normalize_seeds: Divide a seed's maps by their maxima, and those of a patch by their sum
            (ViT-PCM); False takes the probabilities as they are (Eq. 10 as printed, but for absent
            classes, which are left out).

    Raises:
        ValueError: An option is none of its choices, or out of its range.
    """

    where: ClassVar[str] = 'model.cam_head'

    token_channels: Annotated[int, Range(1)] = 128  # ours: the paper does not say
    attachment: Literal['soft', 'hard', 'per_class', 'label_mean', 'none'] = 'soft'
    project_back: bool = False
    activation: Literal['softmax', 'softmax_fg', 'sigmoid'] = 'softmax'
    pooling: Literal['top_k', 'max', 'avg'] = 'top_k'
    top_k: Annotated[int, Range(1)] = 4  # CPF-CTE Sec. 4.2
    loss_weight: Annotated[float, Range(0)] = 1.0
    normalize_seeds: bool = True

    @property
    def pooled_patches(self) -> int | None:
        """How many patches of a class are pooled; None: all of them."""
        return {'top_k': self.top_k, 'max': 1, 'avg': None}[self.pooling]


@dataclass(frozen=True, kw_only=True)
class ClassTokenOutput(CAMOutput):
    """A `CAMOutput` with what the loss is computed from.

    Attributes:
        pooled: Log-odds of the pooled probabilities, ``(B, C)``; of a reading with a background,
            that is first, and ``C = N + 1``.
    """

    pooled: Tensor


@MODELS.register_module()
class ClassTokenHead(BaseCAMHead[tuple[Tensor, ...], ClassTokenOutput]):
    """Class tokens, context fusion, patch classifier and top-k pooling (CPF-CTE, Sec. 3.2 to 3.4).

    The context fusion stands between the class tokens and the classifier (Fig. 2), hence it is
    part of the head.

    Args:
        in_channels: Channels ``D`` of a patch token.
        num_classes: Foreground classes ``N``.
        context: Config of the context fusion, usually `CFBiLSTM`, without its ``in_channels``;
            None fuses nothing (Table 4).
        init_cfg: mmengine's initialisation.
        **settings: Fields of `ClassTokenSettings` that differ from its defaults.

    Raises:
        ValueError: A softmax over the classes alone, and one class.
    """

    pads_full_size: ClassVar[bool] = True
    own_background: ClassVar[bool] = True
    extra_keywords: ClassVar = ClassTokenSettings

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        context: dict | None = None,
        init_cfg: dict | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(num_classes, init_cfg)
        self.settings = ClassTokenSettings(**settings)
        if self.settings.activation == 'softmax_fg' and num_classes < 2:
            raise ValueError("activation='softmax_fg' needs at least two classes to choose from")
        self.has_background = self.settings.activation == 'softmax'
        channels = num_classes + self.has_background
        attachment, token_channels = self.settings.attachment, self.settings.token_channels
        width = in_channels
        if attachment != 'none':
            self.class_tokens = nn.Parameter(torch.randn(channels, token_channels) * 0.02)  # ours
            width += token_channels
        if attachment in _QUERY_READINGS:
            self.query = nn.Conv2d(in_channels, token_channels, 1)
        self.project: nn.Module = nn.Identity()
        if self.settings.project_back:
            self.project = nn.Conv2d(width, in_channels, 1)
            width = in_channels
        self.context = MODELS.build({**context, 'in_channels': width}) if context else None
        self.classifier = nn.Conv2d(width, channels, 1, bias=False)  # Eq. 7 has no bias
        refuse_other_class_count(self, 'classifier.weight')

    def forward(
        self, features: tuple[Tensor, ...], valid: Tensor, image_label: Tensor | None = None
    ) -> ClassTokenOutput:
        """Classify the patches, and pool them.

        Args:
            features: Stage features; the last one, the patch tokens ``(B, D, H, W)``, is used.
            valid: ``(B, 1, H_in, W_in)``, 1 inside the image.
            image_label: ``(B, N)`` of 0 and 1; only ``attachment='label_mean'`` looks at it.

        Returns:
            Of the foreground classes the patch probabilities, not scaled, as ``cam``; with a
            background, the logits of all classes as ``pixel_logits``.

        Raises:
            ValueError: ``attachment='label_mean'`` without image label.
        """
        logits = self._classify(features[-1], image_label)  # (B, C, H, W)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # of autocast
        height, width = logits.shape[-2:]
        valid = resize_valid(valid, (height, width))
        log_odds = PATCH_LOG_ODDS[self.settings.activation](logits)
        probability = log_odds.sigmoid()  # Eq. 7
        pooled = top_k_pooling(log_odds, valid, self.settings.pooled_patches)
        return ClassTokenOutput(
            features=features,
            cam=probability[:, -self.num_classes :] * valid,
            valid=valid,
            logits=pooled[:, -self.num_classes :],
            pixel_logits=logits if self.has_background else None,
            background=probability[:, 0] if self.has_background else None,
            pooled=pooled,
        )

    def loss(
        self,
        output: ClassTokenOutput,
        image_label: Tensor,
        data_samples: list[SegDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return the multi-label cross-entropy (Eq. 9).

        Args:
            output: What `forward` returned for the batch.
            image_label: ``(B, N)`` of 0 and 1; a background counts as present in every image.
            data_samples: Not used: image labels are all that is learnt from.

        Raises:
            ValueError: ``attachment='label_mean'``.
        """
        if self.settings.attachment == 'label_mean':
            raise ValueError(
                "attachment='label_mean' attaches the image label that is to be learnt, so the "
                'classifier need not look at the image: train with model.cam_head.attachment='
                "'soft', and take 'label_mean' for seeds only"
            )
        loss = mce_loss(output.pooled, self._label(image_label))
        return {'loss_mce': self.settings.loss_weight * loss}

    def view_maps(self, output: ClassTokenOutput, index: int, classes: Tensor) -> Tensor:
        """Return the scores of an image on the patches of a view.

        Absent classes are left out. With `normalize_seeds` the probability of each class is divided
        by its spatial maximum, and those of a patch are divided by their sum.

        Args:
            output: What `forward` returned for the view.
            index: Of the image in the batch.
            classes: Its foreground classes, ``(k,)``.

        Returns:
            ``(k + 1, h, w)``, background first.
        """
        if output.pixel_logits is None:
            cam = F.relu(output.cam[index, classes]) * output.valid[index]
            if self.settings.normalize_seeds:
                return mask_scores_without_background(cam)
            return add_remaining_background(cam)
        mask_channels = F.pad(classes + 1, (1, 0))  # the background's, then those of the classes
        probabilities = output.pixel_logits[index].softmax(dim=0)[mask_channels]
        return mask_scores(probabilities) if self.settings.normalize_seeds else probabilities

    def merge_views(self, views: Views) -> MergedMaps:
        """Take the mean of the scores.

        With `normalize_seeds` cam and background together sum to one.

        The background competes in the argmax of Eq. 10 (``bg_threshold=None`` in `RefineSeeds`).

        Args:
            views: What `view_maps` returned for each view of one image.
        """
        merged = views.mean().clamp(max=1)  # of rounding
        return MergedMaps(cam=merged[1:], background=merged[0])

    def _label(self, image_label: Tensor) -> Tensor:
        """Return the label of all classes of the classifier, ``(B, C)``."""
        return add_background_label(image_label) if self.has_background else image_label

    def _classify(self, patches: Tensor, image_label: Tensor | None) -> Tensor:
        """Return the logits, ``(B, C, H, W)``."""
        if self.settings.attachment == 'per_class':
            logits = [self._logit_of(patches, index) for index in range(len(self.class_tokens))]
            return torch.cat(logits, dim=1)
        if self.settings.attachment != 'none':
            patches = attach_tokens(patches, self._attached(patches, image_label))
        return self.classifier(self._fuse(patches))

    def _logit_of(self, patches: Tensor, index: int) -> Tensor:
        """Return the logit of one class, ``(B, 1, H, W)``, in the stream of its own token."""
        token = self.class_tokens[None, index, :, None, None]
        fused = self._fuse(attach_tokens(patches, token))
        return F.conv2d(fused, self.classifier.weight[index : index + 1])

    def _attached(self, patches: Tensor, image_label: Tensor | None) -> Tensor:
        """Return the class token of each patch, ``(B, T, H, W)`` or ``(B, T, 1, 1)``."""
        if self.settings.attachment in _QUERY_READINGS:
            scores = token_scores(self.query(patches), self.class_tokens)
            return _QUERY_READINGS[self.settings.attachment](scores, self.class_tokens)
        if image_label is None:
            raise ValueError(
                "attachment='label_mean' needs the image label of every image: call the model with "
                'data samples that have a gt_label, or choose another attachment'
            )
        return label_mean_tokens(self._label(image_label), self.class_tokens)[:, :, None, None]

    def _fuse(self, patches: Tensor) -> Tensor:
        """Project back, if asked to, and let the context flow: ``(B, width, H, W)``."""
        patches = self.project(patches)
        return patches if self.context is None else self.context((patches,))[-1]
