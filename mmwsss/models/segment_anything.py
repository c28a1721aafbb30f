"""Masks of everything in an image, by SAM, SAM 2 or MobileSAM and the packages of their authors."""

import importlib
from abc import abstractmethod
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
import torch

from mmwsss.structures import Range, Settings, check_pycocotools

_Share = Annotated[float, Range(0, 1)]


class MaskGenerator(Protocol):
    """What the packages call an automatic mask generator."""

    def generate(self, image: np.ndarray) -> list[dict[str, Any]]:
        """Return the masks of ``(H, W, 3)`` uint8, RGB; ``segmentation`` holds run lengths."""


@dataclass(frozen=True)
class SegmentAnything(Settings):
    """A network with weights, and how its automatic mask generator asks it.

    Attributes:
        checkpoint: File of the weights, as their authors released it.
        model: Name of the network as its package has it.
        points_per_side: The network is asked at the points of a grid of so many columns and rows.
        pred_iou_thresh: Masks that the network thinks less of are left out; None: as the package.
        stability_score_thresh: Masks that change more with their threshold are left out; None: as
            the package.
        min_mask_region_area: Holes and islands of fewer pixels are removed.
    """

    package: ClassVar[str]
    source: ClassVar[str]  # what to install

    checkpoint: str
    model: str
    points_per_side: Annotated[int, Range(1)] = 32  # the packages' own
    pred_iou_thresh: _Share | None = None
    stability_score_thresh: _Share | None = None
    min_mask_region_area: Annotated[int, Range(0)] = 0

    def check(self) -> None:
        """Look for the package and the weights.

        Raises:
            ModuleNotFoundError: A package is missing.
            FileNotFoundError: There is no such checkpoint.
        """
        check_pycocotools()
        try:
            importlib.import_module(self.package)
        except ImportError as error:
            raise ModuleNotFoundError(
                f'segments of {type(self).__name__} need the package {self.package}, which cannot '
                f'be imported ({error}): pip install {self.source}, or take superpixels '
                "(method 'felzenszwalb'), which need no network"
            ) from error
        if not Path(self.checkpoint).is_file():
            raise FileNotFoundError(
                f'there are no weights {self.checkpoint} for {type(self).__name__}: download the '
                f'checkpoint of {self.model!r} from where {self.package} is published, and name '
                'the file as `checkpoint`'
            )

    @abstractmethod
    def build(self) -> MaskGenerator:
        """Load the network, onto a GPU where there is one."""

    def _options(self) -> dict[str, Any]:
        """Return what the generator is told; its own defaults are not."""
        names = {field.name for field in fields(self)} - {'checkpoint', 'model'}
        given = {name: getattr(self, name) for name in sorted(names)}
        return {
            'output_mode': 'coco_rle',
            **{name: value for name, value in given.items() if value is not None},
        }


@dataclass(frozen=True)
class SAM(SegmentAnything):
    """Segment Anything (Kirillov et al., ICCV 2023)."""

    package: ClassVar[str] = 'segment_anything'
    source: ClassVar[str] = 'segment-anything'

    model: str = 'vit_h'

    def build(self) -> MaskGenerator:
        """Load the network by the registry of its package."""
        package = importlib.import_module(self.package)
        if self.model not in package.sam_model_registry:
            known = ', '.join(package.sam_model_registry)
            raise ValueError(
                f'model of {type(self).__name__} is {self.model!r}; choose one of {known}'
            )
        network = package.sam_model_registry[self.model](checkpoint=self.checkpoint)
        return package.SamAutomaticMaskGenerator(network.to(_device()).eval(), **self._options())


@dataclass(frozen=True)
class MobileSAM(SAM):
    """Segment Anything with a small image encoder (Zhang et al., 2023)."""

    package: ClassVar[str] = 'mobile_sam'
    source: ClassVar[str] = 'mobilesam-mirror, or the repository MobileSAM of its authors'

    model: str = 'vit_t'


@dataclass(frozen=True)
class SAM2(SegmentAnything):
    """Segment Anything 2 (Ravi et al., 2024); `model` is the name of a config in its package."""

    package: ClassVar[str] = 'sam2'
    source: ClassVar[str] = 'sam2'

    model: str = 'configs/sam2.1/sam2.1_hiera_l.yaml'

    def build(self) -> MaskGenerator:
        """Load the network by a config of its package."""
        building = importlib.import_module('sam2.build_sam')
        masks = importlib.import_module('sam2.automatic_mask_generator')
        network = building.build_sam2(self.model, self.checkpoint, device=_device())
        return masks.SAM2AutomaticMaskGenerator(network, **self._options())


NETWORKS: dict[str, type[SegmentAnything]] = {'sam': SAM, 'sam2': SAM2, 'mobile_sam': MobileSAM}


def _device() -> str:
    return 'cuda' if torch.cuda.is_available() else 'cpu'
