"""The CAM head of SIPE: a classifier, and prototypes of every image of its own."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.cam import (
    add_background_label,
    background_map,
    class_activation_map,
    classification_loss,
    normalize_by_max,
    resize_valid,
    sum_views,
)
from mmwsss.functional.sipe import (
    image_prototypes,
    instance_seeds,
    prototype_consistency,
    prototype_maps,
)
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.models.views import Views
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput

from .base import BaseCAMHead, MergedMaps


@dataclass(frozen=True, kw_only=True)
class SIPEOutput(CAMOutput):
    """A `CAMOutput` with the features that prototypes are made of.

    Attributes:
        sides: ``(B, D, H, W)``.
    """

    sides: Tensor


@MODELS.register_module()
class SIPEHead(BaseCAMHead[tuple[Tensor, ...], SIPEOutput]):
    """IRN's classifier, and maps of image-specific prototypes that agree with its CAMs (SIPE).

    Its seeds are the prototypes' maps, with a background of their own: the argmax of a seed needs
    no threshold (``bg_threshold=None`` in `RefineSeeds`).

    Args:
        in_channels: Channels of the last stage.
        num_classes: Foreground classes ``N``.
        projection: Config of the side features; has `out_channels`. Usually `SideProjection`.
        loss_weight: Factor of the consistency.
        init_cfg: mmengine's initialisation.
    """

    own_background: ClassVar[bool] = True

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        projection: dict,
        loss_weight: float = 1.0,  # SIPE
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(num_classes, init_cfg)
        self.loss_weight = loss_weight
        self.classifier = nn.Conv2d(in_channels, num_classes, 1, bias=False)
        self.projection: Any = MODELS.build(projection)
        refuse_other_class_count(self, 'classifier.weight')

    def forward(
        self, features: tuple[Tensor, ...], valid: Tensor, image_label: Tensor | None = None
    ) -> SIPEOutput:
        """Compute CAMs, logits and side features.

        Args:
            features: Stage features; the last one, ``(B, C, H, W)``, is classified. The side
                features are on the same grid.
            valid: ``(B, 1, H_in, W_in)``, 1 inside the image.
            image_label: Not used: the classifier sees the image alone.

        Raises:
            ValueError: The side features are on another grid.
        """
        raw = self.classifier(features[-1])
        sides = self.projection(features)
        if sides.shape[-2:] != raw.shape[-2:]:
            raise ValueError(
                f'the side features are {tuple(sides.shape[-2:])} and the maps '
                f'{tuple(raw.shape[-2:])}: set grid_stage of model.cam_head.projection to a stage '
                'of the stride of the last one'
            )
        valid = resize_valid(valid, raw.shape[-2:])
        return SIPEOutput(
            features=features,
            cam=class_activation_map(raw, valid),
            valid=valid,
            logits=raw.mean(dim=(2, 3)),
            raw=raw,
            sides=sides,
        )

    def loss(
        self,
        output: SIPEOutput,
        image_label: Tensor,
        data_samples: list[SegDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return the classification loss, and how far prototypes' maps and CAMs are apart.

        The seeds compare pixels by the last stage. Gradients reach the CAMs and the side features.

        Args:
            output: What `forward` returned for the batch.
            image_label: ``(B, N)`` of 0 and 1.
            data_samples: Not used: image labels are all that is learnt from.
        """
        assert output.logits is not None
        mask = add_background_label(image_label)[:, :, None, None] * output.valid
        maps = _add_background(output.cam) * mask
        seeds = instance_seeds(output.features[-1].detach(), maps.detach(), mask)
        found = normalize_by_max(
            prototype_maps(output.sides, image_prototypes(seeds, output.sides))
        )
        return {
            'loss_cls': classification_loss(output.logits, image_label),
            'loss_prototype': self.loss_weight * prototype_consistency(found, maps),
        }

    def view_maps(self, output: SIPEOutput, index: int, classes: Tensor) -> Tensor:
        """Return the classifier's maps of all classes and the side features, ``(N + D, h, w)``.

        Args:
            output: What `forward` returned for the view.
            index: Of the image in the batch.
            classes: Not used: the background is over all classes.
        """
        assert output.raw is not None  # of `forward`
        return torch.cat([output.raw[index], output.sides[index]])

    def merge_views(self, views: Views) -> MergedMaps:
        """Make prototypes' maps per scale, of an image and its mirror together, and add them up.

        Args:
            views: Of `view_maps`; those on the same grid are of one scale.
        """
        scales: dict[tuple[int, ...], Tensor] = {}
        for maps in views.maps:
            size = tuple(maps.shape[-2:])
            scales[size] = scales[size] + maps if size in scales else maps
        kept = [0, *(index + 1 for index in views.classes)]
        found = [self._scale_maps(maps, views.classes)[kept] for maps in scales.values()]
        height, width = views.size
        merged = normalize_by_max(sum_views(found, views.grid)[:, :height, :width])
        return MergedMaps(cam=merged[1:], background=merged[0])

    def _scale_maps(self, maps: Tensor, classes: Any) -> Tensor:
        """Return the prototypes' maps of an image, ``(N + 1, h, w)``.

        Args:
            maps: Of `view_maps`, of an image and its mirror added.
            classes: Of the image.
        """
        raw, sides = maps[None].split([self.num_classes, len(maps) - self.num_classes], dim=1)
        label = raw.new_zeros(1, self.num_classes)
        label[0, list(classes)] = 1
        mask = add_background_label(label)[:, :, None, None]
        cams = _add_background(normalize_by_max(F.relu(raw)))
        seeds = instance_seeds(sides, cams, mask)
        return prototype_maps(sides, image_prototypes(seeds, sides))[0]


def _add_background(cam: Tensor) -> Tensor:
    """Put one minus the strongest CAM of all classes in front, ``(B, N + 1, H, W)``."""
    background = background_map(cam, torch.ones_like(cam[:, :, 0, 0]))
    return torch.cat([background[:, None], cam], dim=1)
