"""IRNet: class boundaries and displacements, learnt from seeds (IRN, CVPR 2019)."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine import dist
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.utils.data import DataLoader

from mmwsss.functional.affinity import (
    affinity_loss_terms,
    displacement_loss_terms,
    pair_kinds,
    source_affinity,
)
from mmwsss.functional.segmentation import resize_labels
from mmwsss.models.data_samples import stack_masks
from mmwsss.models.losses import global_mean
from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS
from mmwsss.seeds.masks import IGNORE_INDEX
from mmwsss.terminal import track

from .branches import DisplacementBranch, EdgeBranch

Samples = list[SegDataSample]


@MODELS.register_module()
class IRNet(BaseSegmentor):
    """Two branches on a frozen backbone: class boundaries and displacements.

    The group norms see the whole canvas, so padding changes the result; every image is padded with
    zeros to `pad_to`, as the released weights expect, and the result is cropped to the image.

    Args:
        backbone: Config; never learns.
        in_channels: Of the five feature maps ``x1..x5``.
        in_indices: Which outputs of the backbone they are.
        strides: Of the five. The grid of the result is that of ``x2``.
        radius: Of the pairs of training, in cells of the grid.
        pad_to: Smallest height and width of the network's input, in pixels.
        released_crop: Crop larger images to `pad_to`, as the released code does, instead of taking
            them whole; the result is cropped, too.
        ignore_index: Label of the pixels that are in no pair.
        data_preprocessor: Config, usually `CAMDataPreProcessor`.
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: The strides do not fit.
    """

    def __init__(
        self,
        backbone: dict,
        in_channels: tuple[int, ...],
        in_indices: tuple[int, ...] = (0, 1, 2, 3, 4),
        strides: tuple[int, ...] = (4, 4, 8, 16, 16),
        radius: int = 10,  # IRN
        pad_to: int = 512,  # IRN
        released_crop: bool = False,  # ours: IRN crops
        ignore_index: int = IGNORE_INDEX,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        _check_strides(strides)
        self.backbone = MODELS.build(backbone)
        self.backbone.requires_grad_(False)
        self.edge_branch = EdgeBranch(in_channels, strides)
        self.displacement_branch = DisplacementBranch(in_channels, strides)
        self.in_indices = tuple(in_indices)
        self.stride = strides[1]
        self.radius = radius
        self.pad_to = pad_to
        self.released_crop = released_crop
        self.ignore_index = ignore_index
        refuse_partial_load(self)

    def train(self, mode: bool = True) -> 'IRNet':
        """Set the mode of the branches; the backbone stays in evaluation mode."""
        super().train(mode)
        self.backbone.eval()
        return self

    @torch.no_grad()
    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return ``x1..x5`` of ``(B, 3, H, W)`` normalised images, without gradient."""
        outputs = self.backbone(inputs)
        return tuple(outputs[index] for index in self.in_indices)

    def encode_decode(self, inputs: Tensor, batch_data_samples: Samples) -> Tensor:
        """Return the boundary logits, ``(B, 1, h, w)``."""
        return self._forward(inputs)[0]

    def loss(self, inputs: Tensor, data_samples: Samples) -> dict[str, Tensor]:
        """Return the losses of both branches; their sum is IRN's.

        Args:
            inputs: ``(B, 3, H, W)`` normalised images.
            data_samples: Each with `gt_sem_seg`: where the seeds are sure, class or background;
                elsewhere `ignore_index`.

        Raises:
            ValueError: A sample has none.
        """
        label = stack_masks(data_samples, 'ir_label')
        # Under autocast the logarithms of affinities near 0 and 1 need float32.
        edge, displacement = (output.float() for output in self._forward(inputs))
        height, width = edge.shape[-2:]
        # With `released_crop` the grid may be smaller than the image; labels beyond it have no
        # prediction.
        inside = label[:, : self.stride * height, : self.stride * width]
        label = resize_labels(inside, (height, width))
        kinds = pair_kinds(label, self.radius, self.ignore_index)
        affinity = source_affinity(edge[:, 0].sigmoid(), self.radius)
        background, foreground, different = global_mean(*affinity_loss_terms(affinity, kinds))
        still, moved = global_mean(*displacement_loss_terms(displacement, kinds, self.radius))
        return {
            'loss_affinity_pos': (background + foreground) / 4,
            'loss_affinity_neg': different / 2,
            'loss_displacement_bg': still / 2,
            'loss_displacement_fg': moved / 2,
        }

    def predict(self, inputs: Tensor, data_samples: Samples) -> Samples:
        """Set `edge_view` on every sample: the boundary logits of this view, ``(1, h, w)``.

        They are no probabilities yet, as `EdgeTTAModel` averages the logits of views.
        """
        edge = self.edge_branch(self.extract_feat(self._pad(inputs)))
        height, width = self._grid(inputs)
        for sample, logits in zip(data_samples, edge[..., :height, :width], strict=True):
            sample.edge_view = PixelData(data=logits)
        return data_samples

    @torch.no_grad()
    def measure_mean_shift(self, dataloader: DataLoader) -> None:
        """Set the mean shift to the mean displacement over one pass, over all processes.

        Args:
            dataloader: Gives the batches of training.
        """
        mean_shift = self.displacement_branch.mean_shift
        mean_shift.zero_()  # so that nothing is subtracted, in evaluation mode either
        total = mean_shift.new_zeros(3, dtype=torch.float64)  # sums of both axes, cells
        for batch in track('mean shift', dataloader, 'batch'):
            inputs = self.data_preprocessor(batch, training=True)['inputs']
            values = self._forward(inputs)[1].double().transpose(0, 1).flatten(1)  # (2, B h w)
            total += torch.cat([values.sum(dim=1), values.new_tensor([values.shape[1]])])
        dist.all_reduce(total)
        mean_shift.copy_(total[:2] / total[2])

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> tuple[Tensor, Tensor]:
        """Return boundary logits ``(B, 1, h, w)`` and displacements ``(B, 2, h, w)``."""
        features = self.extract_feat(self._pad(inputs))
        height, width = self._grid(inputs)
        edge, displacement = self.edge_branch(features), self.displacement_branch(features)
        return edge[..., :height, :width], displacement[..., :height, :width]

    def _grid(self, inputs: Tensor) -> tuple[int, int]:
        """Return the size of the result, without what padding adds."""
        height, width = inputs.shape[-2:]
        return -(-height // self.stride), -(-width // self.stride)

    def _pad(self, inputs: Tensor) -> Tensor:
        """Pad with zeros at the right and at the bottom, or crop there."""
        bottom, right = (self.pad_to - side for side in inputs.shape[-2:])
        if not self.released_crop:
            bottom, right = max(bottom, 0), max(right, 0)
        return F.pad(inputs, (0, right, 0, bottom))


def _check_strides(strides: tuple[int, ...]) -> None:
    first, grid, middle, *deep = strides
    if first != grid or middle % grid or any(stride % middle for stride in deep):
        raise ValueError(
            f'IRNet cannot enlarge maps of strides {tuple(strides)} to the grid of the second: x1 '
            'and x2 must share one, that of x3 be a multiple of it, those of x4 and x5 of x3'
        )
