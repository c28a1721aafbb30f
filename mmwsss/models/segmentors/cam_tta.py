"""Multi-scale and flip views of one image, merged into its seed."""

from mmengine.model import BaseTTAModel
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cam import normalize_by_max, sum_views
from mmwsss.models.views import flip_back
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

    # with `full_size`: whether views are resized to the next multiple of 16 and cropped (IRN), so
    # that grid and image agree, or to the image itself
    padded = True

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
        maps = self.merge_host(views)
        if 'pacam' in merged.cam_view:
            maps['pacam'] = self.merge_pacam(views)
        merged.pred_seed = Seed(
            classes=merged.cam_view.metainfo['classes'],
            size=tuple(merged.ori_shape),
            **{name: values.cpu().numpy() for name, values in maps.items()},
        )
        del merged.cam_view
        return merged

    def merge_host(self, views: list[SegDataSample]) -> dict[str, Tensor]:
        """Return the host's maps of a `Seed`: ``cam`` and, of some hosts, ``background``."""
        return {'cam': normalize_by_max(self.sum_views(views, 'cam'))}

    def merge_pacam(self, views: list[SegDataSample]) -> Tensor:
        """Return a plug-in's maps of a `Seed`, ``(k, h, w)``."""
        return normalize_by_max(self.sum_views(views, 'pacam'))

    def sum_views(self, views: list[SegDataSample], name: str) -> Tensor:
        """Sum the maps `name` of all views on the grid of the seed, ``(k, h, w)``.

        Raises:
            ValueError: The host's views hold something else.
        """
        if name not in views[0].cam_view:
            raise ValueError(
                f'{type(self).__name__} merges {name!r}, but the views of this host hold '
                f'{sorted(views[0].cam_view.keys())}: set tta_model to AMNTTAModel for a host with '
                'logits, and to CAMTTAModel for one with CAMs'
            )
        maps = [flip_back(view.cam_view.get(name), view) for view in views]
        height, width = views[0].ori_shape
        if not self.full_size:
            return sum_views(maps, (-(-height // SEED_STRIDE), -(-width // SEED_STRIDE)))
        if not self.padded:
            return sum_views(maps, (height, width))
        padded = sum_views(maps, (-(-height // 16) * 16, -(-width // 16) * 16))
        return padded[:, :height, :width]
