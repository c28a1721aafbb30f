"""Seeds in a Runner's test loop: judge them, write them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import get_rank, get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmwsss.registry import METRICS
from mmwsss.seeds.files import SOURCES, Seed, save_seed
from mmwsss.seeds.masks import IGNORE_INDEX, load_mask

from .background_writer import BackgroundWriter
from .seed_evaluation import BACKGROUND, SeedSweep, format_evaluation


@METRICS.register_module()
class SeedMetric(BaseMetric):
    """Mean IoU of seeds at the best background threshold.

    A data sample carries ``pred_seed`` (a `Seed`) and the path of its ground truth:
    ``ground_truth_path`` if it has one, else ``seg_map_path``. A process keeps one histogram per
    source, however many images it sees.

    Args:
        classes: Names of the classes; the data set's when None. A background is left out.
        sources: Which maps; those that the seeds do not have are left out.
        thresholds: Ascending; 0.00, 0.01, ..., 1.00 when None.
        ignore_index: Pixels of the ground truth that do not count.
        split: Name of the images, for the log.
        prefix: Of the names of the results.
        kwargs: Further options of mmengine's `BaseMetric`, as ``collect_device``.
    """

    _sweep: SeedSweep | None  # what was counted
    _newest: dict[str, Any] | None  # the image that waits to be counted
    _seen: int

    def __init__(
        self,
        classes: Sequence[str] | None = None,
        sources: Sequence[str] = SOURCES,
        thresholds: Sequence[float] | None = None,
        ignore_index: int = IGNORE_INDEX,
        split: str | None = None,
        prefix: str = 'seed',
        **kwargs: Any,
    ) -> None:
        super().__init__(prefix=prefix, **kwargs)
        self.classes = classes
        self.sources = sources
        self.thresholds = thresholds
        self.ignore_index = ignore_index
        self.split = split
        self._reset()

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Count the images of a batch.

        Raises:
            ValueError: A sample has no seed or no ground truth, or they do not fit.
        """
        for sample in data_samples:
            self._count_newest()
            self._newest = sample
            self._seen += 1

    def evaluate(self, size: int) -> dict[str, float]:
        """Return the results over all processes.

        A distributed sampler repeats images until every process has as many. mmengine drops these
        from a list with one result per image; here they are the newest image of a process that has
        seen more than its share.

        Args:
            size: Number of images of the data set.
        """
        share = len(range(get_rank(), size, get_world_size()))
        if self._seen <= share:
            self._count_newest()
        self.results = [self._sweep or self._new_sweep()]
        self._reset()
        return super().evaluate(get_world_size())

    def compute_metrics(self, results: list[SeedSweep]) -> dict[str, float]:
        """Return ``<source>_mIoU`` in percent and ``<source>_threshold``, and log the table.

        Args:
            results: One sum per process.
        """
        total = self._new_sweep()
        for sweep in results:
            total.merge(sweep)
        if not total.histograms:
            raise ValueError(f'no seed with one of the sources {tuple(self.sources)} was seen')
        curves = total.results()
        evaluation = {'split': self.split, 'images': total.images, 'sources': curves}
        print_log('\n' + format_evaluation(evaluation), logger='current')
        metrics = {}
        for source, curve in curves.items():
            metrics[f'{source}_mIoU'] = curve['best']['mIoU']
            metrics[f'{source}_threshold'] = curve['best']['threshold']
        return metrics

    def _count_newest(self) -> None:
        """Count the image that waited: it was not the last, so it is no repetition."""
        if self._newest is None:
            return
        sample, self._newest = self._newest, None
        # of an ImageLabelDataset with a mask_dir, seg_map_path is what the host learns from
        path = sample.get('ground_truth_path', sample.get('seg_map_path'))
        if path is None:
            raise ValueError(f'{_image_of(sample)} has no ground truth: leave SeedMetric out')
        if self._sweep is None:
            self._sweep = self._new_sweep()
        seed = _seed_of(sample)
        try:
            self._sweep.add(seed, load_mask(path))
        except ValueError as error:
            raise ValueError(f'{_image_of(sample)}: {error}') from error

    def _new_sweep(self) -> SeedSweep:
        classes = self.classes or (self.dataset_meta or {}).get('classes')
        if not classes:
            raise ValueError('neither SeedMetric nor the data set says the names of the classes')
        foreground = [name for name in classes if name != BACKGROUND]
        return SeedSweep(foreground, self.sources, self.thresholds, self.ignore_index)

    def _reset(self) -> None:
        self._sweep = None
        self._newest = None
        self._seen = 0


@METRICS.register_module()
class SeedWriter(BaseMetric):
    """Write ``<out_dir>/<img_id>.npz`` for every data sample with its ``pred_seed``.

    A thread writes while the network sees the next images; `evaluate` waits for it.

    Args:
        out_dir: Folder of the seed files, ``<id>.npz``.
        prefix: Of the name of the result, the number of images written.
        kwargs: Further options of mmengine's `BaseMetric`, as ``collect_device``.
    """

    def __init__(
        self, out_dir: str | os.PathLike[str], prefix: str = 'seed', **kwargs: Any
    ) -> None:
        super().__init__(prefix=prefix, **kwargs)
        self.out_dir = Path(out_dir)
        self._writer = BackgroundWriter()

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Write the seeds of a batch.

        Raises:
            ValueError: A sample has no seed or no id.
            OSError: A file of before could not be written.
        """
        for sample in data_samples:
            if 'img_id' not in sample:
                raise ValueError(f'{_image_of(sample)} has no img_id to name its seed file by')
            path = self.out_dir / f'{sample["img_id"]}.npz'
            self._writer.submit(save_seed, path, _seed_of(sample))
            self.results.append(sample['img_id'])

    def evaluate(self, size: int) -> dict[str, float]:
        """Return the results over all processes, when all files are written."""
        self._writer.wait()
        return super().evaluate(size)

    def compute_metrics(self, results: list[str]) -> dict[str, int]:
        """Return the number of images written."""
        return {'written': len(results)}


def _seed_of(sample: dict[str, Any]) -> Seed:
    seed = sample.get('pred_seed')
    if not isinstance(seed, Seed):
        raise ValueError(f'{_image_of(sample)} has no pred_seed, but {type(seed).__name__}')
    return seed


def _image_of(sample: dict[str, Any]) -> str:
    return f'image {sample.get("img_id", sample.get("img_path", "without a name"))}'
