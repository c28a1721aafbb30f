"""Predictions for the PASCAL VOC evaluation server: its tree of files, its archive."""

import gzip
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.utils import get_classes

from mmwsss.registry import METRICS
from mmwsss.seeds.masks import save_mask
from mmwsss.structures.files import atomic_path

# of the development kit: competition 6, segmentation with any training data
VOC_TREE = 'results/VOC2012/Segmentation/comp6_test_cls'
VOC_CLASSES = tuple(get_classes('voc'))  # 21, background first


@METRICS.register_module()
class VOCArchiveWriter(BaseMetric):
    """Write what the VOC server judges; no ground truth is needed.

    A prediction is a palette PNG, ``<id>.png`` in the tree `VOC_TREE` beside the archive. The
    archive holds the images of this test and nothing else that lies there.

    Args:
        archive: The file to hand in, ``.tar.gz`` or ``.tgz``.
        prefix: Of the name of the result, the number of images.
        kwargs: Further options of mmengine's `BaseMetric`, as ``collect_device``.
    """

    def __init__(
        self, archive: str | os.PathLike[str], prefix: str = 'voc_archive', **kwargs: Any
    ) -> None:
        super().__init__(prefix=prefix, **kwargs)
        self.archive = Path(archive)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Write the predictions of a batch, ``pred_sem_seg`` of ``(1, H, W)``.

        Raises:
            ValueError: A prediction is not in the size of its image.
        """
        for sample in data_samples:
            mask = sample['pred_sem_seg']['data'].squeeze(0).cpu().numpy().astype(np.uint8)
            if mask.shape != tuple(sample['ori_shape'][:2]):
                raise ValueError(
                    f'the prediction of {sample["img_path"]} is {mask.shape}, the image '
                    f'{tuple(sample["ori_shape"][:2])}: merge views in the size of the image'
                )
            name = f'{VOC_TREE}/{Path(sample["img_path"]).stem}.png'
            save_mask(self.archive.parent / name, mask)
            self.results.append(name)

    def compute_metrics(self, results: list[str]) -> dict[str, int]:
        """Pack the predictions, and return their number."""
        pack_files(self.archive, self.archive.parent, results)
        print_log(f'{len(results)} predictions are in {self.archive}', logger='current')
        return {'written': len(results)}


def pack_files(
    archive: str | os.PathLike[str], root: str | os.PathLike[str], names: Sequence[str]
) -> None:
    """Write a ``.tar.gz`` whose bytes depend on the names and contents of its files alone.

    Args:
        archive: The archive to write, ``*.tar.gz``.
        root: Folder that the names start from.
        names: The files, in any order.
    """
    with (
        atomic_path(archive) as temporary,
        temporary.open('wb') as raw,
        # gzip would note down the time and the temporary name
        gzip.GzipFile(filename='', mode='wb', fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode='w') as tar,
    ):
        for name in sorted(names):
            tar.add(Path(root) / name, arcname=name, filter=_without_origin)


def _without_origin(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Forget when, by whom and with which rights a file was written."""
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ''
    entry.mode = 0o644
    return entry
