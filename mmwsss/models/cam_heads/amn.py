"""The CAM head of AMN: a segmentation head that is told the image label."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.cam import resize_valid
from mmwsss.functional.segmentation import resize_labels
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.models.dilated_classifiers import RATES, SMALL_NORMAL, DilatedClassifiers
from mmwsss.models.losses import BalancedCrossEntropyLoss
from mmwsss.registry import MODELS
from mmwsss.seeds.masks import IGNORE_INDEX
from mmwsss.structures import CAMOutput


@MODELS.register_module()
class AMNHead(BaseModule):
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
        super().__init__(init_cfg or SMALL_NORMAL)
        self.num_classes = num_classes
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
        gate = self.label_encoder(image_label.to(last))[:, :, None, None]  # (B, C, 1, 1)
        dropping = self.training or self.released_dropout
        logits = self.classifiers(F.dropout(last * gate, self.dropout_ratio, dropping))
        probability = logits.softmax(dim=1)  # (B, N + 1, H, W)
        valid = resize_valid(valid, logits.shape[-2:])
        return CAMOutput(
            features=features,
            cam=probability[:, 1:] * valid,
            valid=valid,
            raw=logits,
            background=probability[:, 0],
        )

    def loss(
        self, output: CAMOutput, image_label: Tensor, data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        """Return the balanced cross-entropy with label smoothing, on the grid of the logits.

        Args:
            output: Of `forward`.
            image_label: Not used: it is in the gate.
            data_samples: With the masks to learn from, ``gt_sem_seg``; ignored in the padding.

        Raises:
            ValueError: A sample has no mask.
        """
        assert output.raw is not None
        target = resize_labels(_masks(data_samples), output.raw.shape[-2:])
        return {'loss_pixel': self.pixel_loss(output.raw, target, ignore_index=self.ignore_index)}


def _masks(data_samples: list[SegDataSample]) -> Tensor:
    """Stack the masks of all samples, ``(B, H, W)`` int64."""
    for sample in data_samples:
        if 'gt_sem_seg' not in sample:
            raise ValueError(
                f'image {sample.metainfo.get("img_path")} carries no mask to learn from: set '
                'mask_dir of its mmwsss.ImageLabelDataset, and put LoadAnnotations after LoadImage '
                'in the train_pipeline'
            )
    return torch.cat([sample.gt_sem_seg.data for sample in data_samples])
