"""The views of an image under CPF-CTE, merged into its seed."""

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cpf_cte import mask_scores, mask_scores_without_background
from mmwsss.registry import MODELS

from .cam_tta import CAMTTAModel


@MODELS.register_module()
class ClassTokenTTAModel(CAMTTAModel):
    """Test-time augmentation of a `CAMSegmentor` with a `ClassTokenHead`.

    On the patches of a view, absent classes are left out, the probability of each class is divided
    by its spatial maximum, and those of a patch are divided by their sum. The seed is the mean of
    the views, enlarged; its own background competes in the argmax of Eq. 10 (``bg_threshold=None``
    in `RefineSeeds`). PACAMs are merged as `CAMTTAModel` does.

    The arguments are those of `CAMTTAModel`.
    """

    def merge_host(self, views: list[SegDataSample]) -> dict[str, Tensor]:
        """Return ``cam`` ``(k, h, w)`` and ``background`` ``(h, w)``; together they sum to one."""
        for view in views:
            view.cam_view.set_field(_view_scores(view), 'scores', dtype=Tensor)
        merged = self.sum_views(views, 'scores') / len(views)
        merged = merged.clamp(max=1)  # of rounding
        return {'cam': merged[1:], 'background': merged[0]}


def _view_scores(view: SegDataSample) -> Tensor:
    """Return the scores of a view, ``(k + 1, h, w)``, background first."""
    if 'logits' not in view.cam_view:
        return mask_scores_without_background(view.cam_view.cam)
    mask_channels = [0, *(index + 1 for index in view.cam_view.metainfo['classes'])]
    return mask_scores(torch.softmax(view.cam_view.logits, dim=0)[mask_channels])
