"""IRN's random walk in a Runner's test loop."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from mmwsss.registry import METRICS
from mmwsss.seeds.files import load_seed
from mmwsss.seeds.masks import save_grey
from mmwsss.seeds.walk import WalkSettings, walk_seed

from .seed_metric import SeedWriter


@METRICS.register_module()
class WalkWriter(SeedWriter):
    """Write ``<out_dir>/<img_id>.npz``: the seed of an image after a walk on its ``pred_edge``.

    The boundaries themselves are written to ``<out_dir>/../edges/<img_id>.png``.

    Args:
        seed_dir: Folder of the seeds that walk.
        out_dir: Folder of the seed files after the walk, ``<id>.npz``.
        **settings: Fields of `WalkSettings` that differ from its defaults.
    """

    extra_keywords: ClassVar = WalkSettings

    def __init__(
        self, seed_dir: str | os.PathLike[str], out_dir: str | os.PathLike[str], **settings: Any
    ) -> None:
        super().__init__(out_dir)
        self.seed_dir = Path(seed_dir)
        self.settings = WalkSettings(**settings)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Walk, and write.

        Raises:
            ValueError: A sample has no boundaries or no id, or its seed is damaged.
            FileNotFoundError: An image has no seed.
        """
        for sample in data_samples:
            if 'pred_edge' not in sample:
                raise ValueError('samples have no pred_edge: the model must be a mmwsss.IRNet')
            seed = load_seed(self.seed_dir / f'{sample["img_id"]}.npz')
            sample['pred_seed'] = walk_seed(seed, sample['pred_edge'], self.settings)
            edge = (255 * sample['pred_edge']).round().byte().cpu().numpy()
            path = self.out_dir.parent / 'edges' / f'{sample["img_id"]}.png'
            self._writer.submit(save_grey, path, edge)
        super().process(data_batch, data_samples)
