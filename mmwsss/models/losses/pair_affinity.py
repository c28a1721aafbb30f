"""The loss of a decoder's affinity (AFA, WeCLIP)."""

from torch import Tensor, nn

from mmwsss.functional.one_stage import affinity_label, pair_loss_terms
from mmwsss.functional.segmentation import resize_labels
from mmwsss.registry import MODELS

from .global_mean import global_mean


@MODELS.register_module()
class PairAffinityLoss(nn.Module):
    """Patches of one class are to be alike, patches of two are not (WeCLIP Eq. 10, second term).

    Args:
        loss_weight: Factor of the loss.
        radius: Pairs that are farther apart along an axis, in patches, do not count.
        ignore_index: Label of pixels that do not count.
    """

    def __init__(
        self,
        loss_weight: float = 0.1,  # WeCLIP: lambda
        radius: int = 8,  # WeCLIP's code
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.radius = radius
        self.ignore_index = ignore_index

    def forward(self, affinity: Tensor, masks: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the loss; a mean of no pairs is zero.

        Args:
            affinity: ``(B, L, L)`` in [0, 1].
            masks: Pseudo masks ``(B, H, W)``.
            size: ``(h, w)`` of the patches, ``h w = L``.
        """
        label = affinity_label(resize_labels(masks, size), self.radius, self.ignore_index)
        total, count = pair_loss_terms(affinity, label)
        return self.loss_weight * global_mean(total, count).mean()
