"""Regional semantic contrast of VPL."""

from typing import Literal

import torch
from torch import Tensor, nn

from mmwsss.functional.cam import resize_valid
from mmwsss.functional.rsc import REGION_WEIGHTS, RSC_NEGATIVES, region_embeddings
from mmwsss.registry import MODELS
from mmwsss.structures import check_choice

from .joint_batch import joint_batch


@MODELS.register_module()
class RSCLoss(nn.Module):
    """Contrast of regions with prototypes (VPL, Eq. 12 and 13).

    Pairs (image, present class) and their negatives are those of the joint batch of all processes,
    which must hold as many images each.

    Args:
        loss_weight: Factor of the loss.
        temperature: Divides the cosines.
        weights: Of the average over a region: ``softmax`` of the scores, or ``raw`` scores.
        negatives: ``absent``: the masks of classes that an image does not show, as Eq. 13 has it;
            ``own_region``: the other pairs' regions and prototypes.
        loss_name: Name in the log; must contain "loss" to be minimised (mmengine's rule).

    Raises:
        ValueError: There are no such weights or negatives.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,  # VPL, implementation details: lambda_RSC
        temperature: float = 0.07,  # ours
        weights: Literal['softmax', 'raw'] = 'softmax',
        negatives: Literal['absent', 'own_region'] = 'absent',  # VPL, Eq. 13
        loss_name: str = 'loss_rsc',
    ) -> None:
        super().__init__()
        check_choice('weights', weights, REGION_WEIGHTS)
        check_choice('negatives', negatives, RSC_NEGATIVES)
        self.loss_weight = loss_weight
        self.temperature = temperature
        self.weights = weights
        self.negatives = negatives
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """Name of the loss in the log."""
        return self._loss_name

    def forward(
        self,
        embedding: Tensor,
        scores: Tensor,
        prototypes: Tensor,
        present: Tensor,
        valid: Tensor,
        absent: Tensor | None = None,
    ) -> Tensor:
        """Return the loss; zero, with a gradient of zero, where no pair has a negative.

        Args:
            embedding: ``V``, ``(B, D, h, w)``.
            scores: ``A``, ``(B, 1 + N, h, w)``, background first.
            prototypes: Of the classes, ``(N, D)``.
            present: Which classes each image shows, ``(B, N)`` bool.
            valid: ``(B, 1, H, W)``, 1 inside the image, on any grid.
            absent: Which classes each image surely does not show, ``(B, N)`` bool: the negatives.
                None: all that is not present.
        """
        valid = resize_valid(valid, (scores.shape[2], scores.shape[3]))
        # the steps of bfloat16 are as large as the differences of cosines
        dtype = torch.promote_types(scores.dtype, torch.float32)
        embedding, scores, prototypes = (x.to(dtype) for x in (embedding, scores, prototypes))
        with torch.autocast(embedding.device.type, enabled=False):
            weights = REGION_WEIGHTS[self.weights](scores, valid)[:, 1:]
            regions = region_embeddings(embedding, weights)
            total, count = RSC_NEGATIVES[self.negatives](
                joint_batch(regions),
                prototypes,
                joint_batch(present),
                self.temperature,
                None if absent is None else joint_batch(absent),
            )
        return self.loss_weight * total / count.clamp(min=1)
