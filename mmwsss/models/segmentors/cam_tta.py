"""Multi-scale and flip views of one image, merged into its seed."""

from mmengine.model import BaseTTAModel
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cam import normalize_by_max, sum_views
from mmwsss.registry import MODELS
from mmwsss.seeds.files import Seed

SEED_STRIDE = 4  # pixels of the image per cell of a seed (IRN)


@MODELS.register_module()
class CAMTTAModel(BaseTTAModel):
    """Test-time augmentation of a `CAMSegmentor` (IRN's multi-scale CAM).

    Views are flipped back, resized to one grid, summed, and divided by the spatial maximum.

    Args:
        module: Config or instance of the `CAMSegmentor`.
        full_size: Make maps of the image's size instead of the stride-4 grid.
        data_preprocessor: As in mmengine's `BaseTTAModel`.
    """

    def __init__(
        self, module: object, full_size: bool = False, data_preprocessor: object = None
    ) -> None:
        super().__init__(module, data_preprocessor)
        self.full_size = full_size

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Return one sample an image, with its `Seed` as `pred_seed`."""
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: list[SegDataSample]) -> SegDataSample:
        merged = views[0]
        maps = {
            name: self._merge_maps([_flip_back(view, name) for view in views], merged.ori_shape)
            for name in merged.cam_view.keys()  # noqa: SIM118 (a PixelData, not a dict)
        }
        merged.pred_seed = Seed(
            classes=merged.cam_view.metainfo['classes'],
            size=tuple(merged.ori_shape),
            cam=maps['cam'].cpu().numpy(),
            pacam=maps['pacam'].cpu().numpy() if 'pacam' in maps else None,
        )
        del merged.cam_view
        return merged

    def _merge_maps(self, maps: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Merge ``(k, h, w)`` maps for an image of `size` (H, W)."""
        height, width = size
        if not self.full_size:
            grid = (-(-height // SEED_STRIDE), -(-width // SEED_STRIDE))
            return normalize_by_max(sum_views(maps, grid))
        # IRN resizes to the next multiple of 16 and crops, so that the grid and the image agree
        padded = sum_views(maps, (-(-height // 16) * 16, -(-width // 16) * 16))
        return normalize_by_max(padded[:, :height, :width])


def _flip_back(view: SegDataSample, name: str) -> Tensor:
    maps = view.cam_view.get(name)
    if not view.metainfo.get('flip'):
        return maps
    axis = {'horizontal': -1, 'vertical': -2}[view.flip_direction]
    return maps.flip(axis)
