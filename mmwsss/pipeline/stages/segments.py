"""The stage that makes class-agnostic segments of the images."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from mmwsss.datasets.listing import read_names
from mmwsss.pipeline.segments import SegmentItem, check_maker, make_segments, segment_maker
from mmwsss.pipeline.workspace import Workspace, content_hash, named_files
from mmwsss.registry import STAGES

from .base import Stage
from .images import check_dataset, list_images


@STAGES.register_module()
class MakeSegments(Stage):
    """Write one file of segments per image that seeds are made of.

    Args:
        name: Name of the stage, which is that of its folder.
        method: ``felzenszwalb`` or ``slic``, superpixels of scikit-image; ``sam``, ``sam2`` or
            ``mobile_sam``, networks whose package and weights must be there.
        options: Fields of the method's class that differ from its defaults: `Felzenszwalb`,
            `SLIC`, `SAM`, `SAM2`, `MobileSAM`.
    """

    gives = 'segments'

    def __init__(
        self,
        name: str,
        method: Literal['felzenszwalb', 'slic', 'sam', 'sam2', 'mobile_sam'] = 'felzenszwalb',
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(name)
        self.method = method
        self.options = dict(options or {})
        self.maker = segment_maker(method, self.options, f'stages.{name}.options')

    def check(self, workspace: Workspace) -> None:
        """Look for package, weights and images."""
        check_maker(self.maker)
        check_dataset(workspace.config.seed_dataloader.dataset, workspace)

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Method, settings, weights and images."""
        dataset = workspace.config.seed_dataloader.dataset
        settings = asdict(self.maker)
        return {
            'method': self.method,
            'settings': settings,
            'files': named_files(settings),
            'images': content_hash(read_names(dataset.get('dataset', dataset))),
        }

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Make what is not there yet."""
        items = [
            SegmentItem(info['img_id'], Path(info['img_path']))
            for info in list_images(workspace.config.seed_dataloader.dataset)
        ]
        out_dir = workspace.folder(self.name) / 'segments'
        make_segments(items, out_dir, self.maker, workspace.processes, resume)
        return {'images': len(items), 'method': self.method, 'settings': asdict(self.maker)}

    def summary(self, figures: dict[str, Any]) -> str:
        """Their number."""
        return f'{figures["images"]} images, {figures["method"]}'
