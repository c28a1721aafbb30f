"""The CAM head of AMN: a segmentation head that is told the image label."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.cam import normalize_by_range, resize_valid
from mmwsss.functional.segmentation import resize_labels
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.models.data_samples import stack_masks
from mmwsss.models.dilated_classifiers import RATES, SMALL_NORMAL, DilatedClassifiers
from mmwsss.models.losses import BalancedCrossEntropyLoss
from mmwsss.models.views import Views
from mmwsss.registry import MODELS
from mmwsss.seeds.masks import IGNORE_INDEX
from mmwsss.structures import CAMOutput

from .base import BaseCAMHead, MergedMaps


@MODELS.register_module()
class AMNHead(BaseCAMHead[tuple[Tensor, ...], CAMOutput]):
    """Label gate, dropout and dilated classifiers; the softmax maps are the CAMs (AMN, CVPR 2022).

    It learns from masks (IRN's ir_labels), so its data set needs a `mask_dir`.

    Args:
        in_channels: Channels ``C`` of the last stage.
        num_classes: Foreground classes ``N``; the classifiers have ``N + 1`` channels, background
            first.
        dilations: Rates of the classifiers.
        dropout_ratio: Of the gated features.
        released_dropout: Keep dropout on in evaluation, too, when CAMs are made, as the released
            code does; its seeds differ from run to run.
        released_empty_mean: Let a batch without background or without foreground end in 0/0, as
            the released code does; otherwise the empty mean counts zero.
        label_smoothing: Share of a pixel's target that goes to the other classes.
        loss_weight: Factor of the loss.
        ignore_index: Label of pixels that are not learnt from.
        init_cfg: mmengine's initialisation.
    """

    own_background: ClassVar[bool] = True

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dilations: tuple[int, ...] = RATES,
        dropout_ratio: float = 0.1,
        released_dropout: bool = False,
        released_empty_mean: bool = False,
        label_smoothing: float = 0.4,
        loss_weight: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(num_classes, init_cfg or SMALL_NORMAL)
        self.dropout_ratio = dropout_ratio
        self.released_dropout = released_dropout
        self.ignore_index = ignore_index
        self.label_encoder = nn.Linear(num_classes, in_channels)
        self.classifiers = DilatedClassifiers(in_channels, num_classes + 1, dilations)
        self.pixel_loss = BalancedCrossEntropyLoss(
            loss_weight,
            label_smoothing=label_smoothing,
            released_empty_mean=released_empty_mean,
        )
        refuse_other_class_count(self, 'classifiers.0.weight')

    def forward(
        self, features: tuple[Tensor, ...], valid: Tensor, image_label: Tensor | None = None
    ) -> CAMOutput:
        """Compute the softmax maps.

        Args:
            features: Stage features; the last one, ``(B, C, H, W)``, is classified.
            valid: ``(B, 1, H_in, W_in)``, 1 inside the image.
            image_label: ``(B, N)`` of 0 and 1.

        Raises:
            ValueError: There is no image label.
        """
        if image_label is None:
            raise ValueError(
                'AMNHead is told the image label of every image: call the model with data samples '
                'that have a gt_label (mmwsss.ImageLabelDataset, mmwsss.PackImageLabelInputs)'
            )
        last = features[-1]
        # The label is known wherever this head is used: in training, and when seeds are made.
        gate = self.label_encoder(image_label.to(last))[:, :, None, None]  # (B, C, 1, 1)
        dropping = self.training or self.released_dropout
        logits = self.classifiers(F.dropout(last * gate, self.dropout_ratio, dropping))
        probability = logits.softmax(dim=1)  # (B, N + 1, H, W)
        valid = resize_valid(valid, logits.shape[-2:])
        return CAMOutput(
            features=features,
            cam=probability[:, 1:] * valid,
            valid=valid,
            pixel_logits=logits,
            background=probability[:, 0],
        )

    def loss(
        self, output: CAMOutput, image_label: Tensor, data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        """Return the balanced cross-entropy with label smoothing, on the grid of the logits.

        Args:
            output: What `forward` returned for the batch.
            image_label: Not used: it is in the gate.
            data_samples: With the masks to learn from, ``gt_sem_seg``; ignored in the padding.

        Raises:
            ValueError: A sample has no mask.
        """
        logits = output.pixel_logits
        assert logits is not None  # of `forward`
        target = resize_labels(stack_masks(data_samples), logits.shape[-2:])
        return {'loss_pixel': self.pixel_loss(logits, target, ignore_index=self.ignore_index)}

    def view_maps(self, output: CAMOutput, index: int, classes: Tensor) -> Tensor:
        """Return the logits of all classes, ``(N + 1, h, w)``: the softmax goes over all of them.

        Args:
            output: What `forward` returned for the view.
            index: Of the image in the batch.
            classes: Not used: the logits of all classes are merged.
        """
        assert output.pixel_logits is not None  # of `forward`
        return output.pixel_logits[index]

    def merge_views(self, views: Views) -> MergedMaps:
        """Take the softmax of the mean logits, and stretch it where the ir_label is no background.

        There each map, of the background and of the present classes, is stretched to its whole
        range.

        Args:
            views: Of `view_maps`, with the ir_label as ``gt_sem_seg`` of the sample.

        Raises:
            ValueError: There is no ir_label, or its size is not that of the image.
        """
        mask_channels = [index + 1 for index in views.classes]
        kept = views.mean().softmax(dim=0)[[0, *mask_channels]]  # (1 + k, h, w)
        label = resize_labels(_ir_label(views.sample), kept.shape[-2:])  # (1, h, w)
        merged = torch.where(label != 0, normalize_by_range(kept), kept)
        return MergedMaps(cam=merged[1:], background=merged[0])


def _ir_label(sample: SegDataSample) -> Tensor:
    """Return the image's ir_label, ``(1, H, W)``."""
    image = sample.metainfo.get('img_path')
    if 'gt_sem_seg' not in sample:
        raise ValueError(
            f'image {image} has no ir_label, which tells where its seed is stretched: set mask_dir '
            'in seed_dataloader.dataset, put LoadAnnotations after RandomFlip in the tta_pipeline, '
            'and make the ir_labels with `mmwsss run CONFIG --until ir_labels`'
        )
    label = sample.gt_sem_seg.data
    if tuple(label.shape[-2:]) != tuple(sample.ori_shape):
        raise ValueError(
            f'the ir_label of {image} is {tuple(label.shape[-2:])}, the image '
            f'{tuple(sample.ori_shape)}: put LoadAnnotations after Resize and RandomFlip in the '
            'tta_pipeline'
        )
    return label
