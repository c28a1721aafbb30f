"""Cross-entropy with background and foreground averaged apart."""

from torch import Tensor, nn

from mmwsss.functional.segmentation import balanced_cross_entropy_terms
from mmwsss.registry import MODELS

from .global_mean import global_mean


@MODELS.register_module()
class BalancedCrossEntropyLoss(nn.Module):
    """Mean of the cross-entropies of background and of foreground pixels, for mmseg's heads.

    Args:
        loss_weight: Factor of the loss.
        loss_name: Name in the log; must contain "loss" to be minimised (mmengine's rule).
        label_smoothing: Share of a target that goes to the other classes in equal parts.
        released_empty_mean: Leave the mean over an empty background or foreground 0/0, which is
            NaN, as AMN's released code does; otherwise it counts zero.

    Raises:
        ValueError: `label_smoothing` is no share.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_balanced_ce',
        label_smoothing: float = 0.0,
        released_empty_mean: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing <= 0.5:
            raise ValueError(
                f'label_smoothing is {label_smoothing}; it must lie in [0, 0.5], or the label could'
                ' weigh less than another class'
            )
        self.loss_weight = loss_weight
        self.label_smoothing = label_smoothing
        self.released_empty_mean = released_empty_mean
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Name of the loss in the log."""
        return self._loss_name

    def forward(
        self, logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = 255
    ) -> Tensor:
        """Return the loss of ``(B, C, H, W)`` logits for a ``(B, H, W)`` target.

        Args:
            logits: Before the softmax; channel 0 is background.
            target: In ``[0, C)`` or `ignore_index`.
            weight: mmseg's pixel weights; not supported.
            ignore_index: Pixels that do not count.

        Raises:
            ValueError: `weight` is given (a head with a pixel sampler).
        """
        if weight is not None:
            raise ValueError('BalancedCrossEntropyLoss takes no pixel weights: drop the sampler')
        total, count = balanced_cross_entropy_terms(
            logits, target, ignore_index, self.label_smoothing
        )
        means = global_mean(total, count, guard=not self.released_empty_mean)
        return self.loss_weight * means.mean()
