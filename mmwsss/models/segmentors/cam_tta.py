"""Multi-scale and flip views of one image, merged into its seed."""

from typing import Any

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cells import count_cells
from mmwsss.models.batched_views import BatchedViews
from mmwsss.models.cam_heads import BaseCAMHead
from mmwsss.models.prototypes import BasePrototypeHead
from mmwsss.models.views import Views, flip_back
from mmwsss.registry import MODELS
from mmwsss.seeds.files import Seed

from .cam_segmentor import CAMSegmentor

SEED_STRIDE = 4  # pixels of the image per cell of a seed (IRN)


@MODELS.register_module()
class CAMTTAModel(BatchedViews):
    """Test-time augmentation of a `CAMSegmentor`; how views are merged, the host's head says.

    Args:
        module: Config or instance of the `CAMSegmentor`.
        full_size: Make maps of the image's size instead of the stride-4 grid.
        data_preprocessor: As in mmengine's `BaseTTAModel`.
        amp: Let the network compute in bfloat16 where torch's autocast does so: faster on
            processors that have it, with maps that differ a little.

    Raises:
        ValueError: The module is no `CAMSegmentor`.
    """

    def __init__(
        self,
        module: object,
        full_size: bool = False,
        data_preprocessor: object = None,
        amp: bool = False,
    ) -> None:
        super().__init__(module, data_preprocessor)
        if not isinstance(self.module, CAMSegmentor):
            raise ValueError(
                f'CAMTTAModel merges views of a CAMSegmentor, not of a {type(self.module).__name__}'
                ': set tta_model to one for this model, for a segmentor mmwsss.CRFSegTTAModel'
            )
        self.full_size = full_size
        self.amp = amp

    def predict_views(self, data: dict[str, Any]) -> list[list[SegDataSample]]:
        """Return the predictions of the views of each image, under autocast with `amp`."""
        device = self.module.data_preprocessor.device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.amp):
            return super().predict_views(data)

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Return one sample per image, with its `Seed` as `pred_seed`."""
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: list[SegDataSample]) -> SegDataSample:
        head: BaseCAMHead = self.module.cam_head
        merged = views[0]
        cam, background = head.merge_views(self._views(views, 'maps'))
        pacam, pacam_background = self._merge_pacam(views)
        merged.pred_seed = Seed(
            classes=merged.cam_view.metainfo['classes'],
            size=tuple(merged.ori_shape),
            cam=_to_numpy(cam),
            background=None if background is None else _to_numpy(background),
            pacam=None if pacam is None else _to_numpy(pacam),
            pacam_background=None if pacam_background is None else _to_numpy(pacam_background),
        )
        del merged.cam_view
        return merged

    def _merge_pacam(self, views: list[SegDataSample]) -> tuple[Tensor | None, Tensor | None]:
        """Return the plug-in's maps and their own background, where there is such a thing."""
        if 'pacam' not in views[0].cam_view:
            return None, None
        merged = self._views(views, 'pacam')
        plug_in: BasePrototypeHead | None = self.module.prototype_head
        if plug_in is not None and plug_in.has_background:
            return plug_in.merge_views(merged)
        return self.module.cam_head.merge_pacam(merged), None

    def _views(self, views: list[SegDataSample], name: str) -> Views:
        """Flip the maps `name` of all views back, and say which grid the seed has."""
        height, width = views[0].ori_shape
        size = grid = (height, width)
        if not self.full_size:
            size = grid = (count_cells(height, SEED_STRIDE), count_cells(width, SEED_STRIDE))
        elif self.module.cam_head.pads_full_size and self.module.cell_size is None:
            # the padded image has a whole number of cells, so that its grid and the maps agree
            grid = (16 * count_cells(height, 16), 16 * count_cells(width, 16))  # IRN
        return Views(
            maps=[flip_back(view.cam_view.get(name), view).float() for view in views],
            grid=grid,
            size=size,
            classes=views[0].cam_view.metainfo['classes'],
            sample=views[0],
        )


def _to_numpy(maps: Tensor) -> np.ndarray:
    return maps.float().cpu().numpy()  # numpy knows no bfloat16
