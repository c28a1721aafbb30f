"""The views of an image under CLIP-ES, merged into its seed."""

from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.clip_es import normalize_cam
from mmwsss.registry import MODELS

from .mctformer_tta import MCTformerTTAModel


@MODELS.register_module()
class CLIPESTTAModel(MCTformerTTAModel):
    """Test-time augmentation of a `CAMSegmentor` with a `CLIPESHead`; CLIP-ES has one view.

    The summed maps are stretched to [0, 1] by their minimum and maximum, and so are those of a
    plug-in. The background is not stored: it is a power of what the maps leave, see
    `RefineSettings`.

    The arguments are those of `CAMTTAModel`.
    """

    def merge_host(self, views: list[SegDataSample]) -> dict[str, Tensor]:
        """Return ``cam`` ``(k, h, w)``."""
        return {'cam': self._merge_maps(views, 'cam')}

    def merge_pacam(self, views: list[SegDataSample]) -> Tensor:
        """Return ``pacam`` ``(k, h, w)``."""
        return self._merge_maps(views, 'pacam')

    def _merge_maps(self, views: list[SegDataSample], name: str) -> Tensor:
        summed = self.sum_views(views, name)
        return normalize_cam(summed) if len(summed) else summed
