"""The contract of a host: what `CAMSegmentor` and `CAMTTAModel` ask of its CAM head."""

from abc import abstractmethod
from typing import ClassVar, Generic, NamedTuple, TypeVar

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cam import normalize_by_max
from mmwsss.models.views import Views
from mmwsss.structures import CAMOutput

Features = TypeVar('Features')
Output = TypeVar('Output', bound=CAMOutput)


class MergedMaps(NamedTuple):
    """The host's maps of a `Seed`.

    Attributes:
        cam: Of the present classes, ``(k, h, w)`` in [0, 1].
        background: The host's own, ``(h, w)`` in [0, 1], or None: then thresholds decide.
    """

    cam: Tensor
    background: Tensor | None = None


class BaseCAMHead(BaseModule, Generic[Features, Output]):
    """A host: features to CAMs, the loss that they are learnt by, and how views become a seed.

    A new host implements `forward` and `loss`. The other methods have the answer of a host that
    has nothing to add, and IRN's way of merging views. Nothing here knows of plug-ins.

    The two type variables are what `forward` takes and returns: for most hosts the stage features
    ``tuple[Tensor, ...]`` of any backbone, and a `CAMOutput`; a host with a backbone of its own, or
    with more to hand to its loss, names them, as in ``BaseCAMHead[CLIPFeatures, CLIPESOutput]``.

    Args:
        num_classes: Foreground classes ``N``; `CAMSegmentor` compares it with the image labels.
        init_cfg: mmengine's initialisation.

    Attributes:
        pads_full_size: With ``full_size`` of `CAMTTAModel`, whether views are resized to the next
            multiple of 16 and cropped (IRN), or to the image itself.
        own_background: Whether `merge_views` gives a background of the host's own, so that its
            seeds can be turned into masks without a threshold.
        own_backbone: Whether the host reads more than maps, so that only a backbone of its own
            will do.
    """

    pads_full_size: ClassVar[bool] = False
    own_background: ClassVar[bool] = False
    own_backbone: ClassVar[bool] = False

    def __init__(self, num_classes: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes

    @abstractmethod
    def forward(
        self, features: Features, valid: Tensor, image_label: Tensor | None = None
    ) -> Output:
        """Compute the maps.

        Args:
            features: What backbone and neck return, usually stage features ``(B, C_s, H_s, W_s)``.
            valid: ``(B, 1, H_in, W_in)`` on the grid of the images, 1 inside, 0 in the padding.
            image_label: ``(B, N)`` of 0 and 1, or None where no labels are known.

        Raises:
            ValueError: The host cannot do without image labels, and there are none.
        """

    @abstractmethod
    def loss(
        self, output: Output, image_label: Tensor, data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        """Return the losses by name.

        mmengine adds up whatever has "loss" in its name, and logs the rest.

        Args:
            output: What `forward` returned for the batch.
            image_label: ``(B, N)`` of 0 and 1.
            data_samples: Of the batch, for hosts that learn from masks (``gt_sem_seg``).
        """

    def collect(self, output: Output, image_label: Tensor) -> None:
        """Take in a batch without a loss, as `CollectLoop` asks for; most hosts keep nothing.

        Args:
            output: Of `forward`, without gradient.
            image_label: ``(B, N)`` of 0 and 1.
        """

    def refine_pacam(self, output: Output, pacam: Tensor) -> Tensor:
        """Do with a plug-in's maps what the host does with its own after `forward`; here nothing.

        Args:
            output: What `forward` returned for the batch.
            pacam: ``(B, N, h, w)`` on the grid of ``output.cam``, non-negative.

        Returns:
            ``(B, N, h, w)``, non-negative.
        """
        return pacam

    def view_maps(self, output: Output, index: int, classes: Tensor) -> Tensor:
        """Return what the views of an image are merged by; here the positive part of `raw`.

        Args:
            output: Of `forward`, of one view of each image.
            index: Of the image in the batch.
            classes: Its ``k`` foreground classes, ``(k,)``; a view that holds nothing else is small
                where a data set has many classes.

        Returns:
            ``(K, h, w)``, the same ``K`` in every view of an image.
        """
        maps = output.cam if output.raw is None else output.raw
        return F.relu(maps[index, classes]) * output.valid[index]

    def merge_views(self, views: Views) -> MergedMaps:
        """Make an image's maps of its views; here their sum, divided by its spatial maximum.

        Args:
            views: What `view_maps` returned for each view of one image.
        """
        return MergedMaps(normalize_by_max(views.total()))

    def merge_pacam(self, views: Views) -> Tensor:
        """Make a plug-in's maps of an image of those of its views, ``(k, h, w)`` in [0, 1].

        Args:
            views: Of `refine_pacam`, the present classes, each ``(k, h, w)``.
        """
        return normalize_by_max(views.total())
