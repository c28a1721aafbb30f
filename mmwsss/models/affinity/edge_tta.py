"""The boundary maps of an image and of its flipped image, merged."""

import torch
from mmseg.structures import SegDataSample

from mmwsss.models.batched_views import BatchedViews
from mmwsss.models.views import flip_back
from mmwsss.registry import MODELS


@MODELS.register_module()
class EdgeTTAModel(BatchedViews):
    """Test-time augmentation of an `IRNet`: the mean of the logits, then the sigmoid (IRN).

    It takes an `IRNet` as `module`, and `data_preprocessor`, as mmengine's `BaseTTAModel`.
    """

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Return one sample per image, with its boundaries as `pred_edge`, ``(h, w)`` in [0, 1].

        Raises:
            ValueError: The views differ in size: only flips can be merged.
        """
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: list[SegDataSample]) -> SegDataSample:
        logits = [flip_back(view.edge_view.data, view) for view in views]
        if len({maps.shape for maps in logits}) > 1:
            raise ValueError(
                f'the views of {views[0].img_path} differ in size; boundary maps are merged over '
                'flips only: take the other scales out of tta_pipeline'
            )
        merged = views[0]
        # The mean of logits, and not of probabilities: as IRN does.
        merged.pred_edge = torch.stack(logits).mean(dim=0)[0].sigmoid()
        del merged.edge_view
        return merged
