"""The views of an image under MCTformer, merged into its seed."""

from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.mctformer import normalize_min_max
from mmwsss.registry import MODELS

from .cam_tta import CAMTTAModel


@MODELS.register_module()
class MCTformerTTAModel(CAMTTAModel):
    """Test-time augmentation of a `CAMSegmentor` with an `MCTformerHead`.

    The summed maps are stretched to [0, 1] by their minimum and maximum; PACAMs are merged as
    `CAMTTAModel` does. With `full_size` the maps are resized to the image itself and not, as IRN's,
    to a padded one.

    The arguments are those of `CAMTTAModel`.
    """

    padded = False

    def merge_host(self, views: list[SegDataSample]) -> dict[str, Tensor]:
        """Return ``cam`` ``(k, h, w)``."""
        summed = self.sum_views(views, 'cam')
        return {'cam': normalize_min_max(summed) if len(summed) else summed}
