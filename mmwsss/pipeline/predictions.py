"""Configs of tests that keep a segmentor's predictions: as files, or for the VOC server."""

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmwsss.datasets import WrappedDataset, check_images
from mmwsss.evaluation import MaskNamedIoUMetric
from mmwsss.evaluation.voc_archive import VOC_CLASSES, VOCArchiveWriter

MMSEG_METRICS = ('IoUMetric', 'mmseg.IoUMetric')
_MASK_NAMED = f'mmwsss.{MaskNamedIoUMetric.__name__}'
_SUFFIXES = ('.tar.gz', '.tgz')


def config_for_archive(config: Config, archive: str | os.PathLike[str]) -> Config:
    """Return the config of a test that writes the archive and judges nothing.

    Args:
        config: Of a segmentor; the images are those of its ``test_dataloader``.
        archive: The archive that `VOCArchiveWriter` is to write.

    Raises:
        ValueError: The archive has another suffix, the network is no segmentor of VOC's classes, or
            an image cannot be read.
        FileNotFoundError: The image list or an image is missing.
    """
    if not str(archive).endswith(_SUFFIXES):
        raise ValueError(f'{archive} is to be a tar.gz: name it results.tar.gz, for instance')
    check_writes_masks(config, '--voc-archive')
    config = copy.deepcopy(config)
    dataset = config.test_dataloader.dataset
    _check_dataset(dataset)
    dataset.pipeline = without_annotations(dataset.pipeline)
    if 'tta_pipeline' in config:
        config.tta_pipeline = without_annotations(config.tta_pipeline)
    config.test_evaluator = {'type': f'mmwsss.{VOCArchiveWriter.__name__}', 'archive': str(archive)}
    return config


def check_writes_masks(config: Config, option: str) -> None:
    """Look that a config is that of a segmentor, whose predictions mmseg's IoUMetric takes.

    Args:
        config: Config of the network that is tested.
        option: That asks for its predictions.

    Raises:
        ValueError: Its ``test_evaluator`` is another.
    """
    evaluator = config.get('test_evaluator')
    kind = evaluator.get('type') if isinstance(evaluator, dict) else evaluator
    if kind not in (*MMSEG_METRICS, _MASK_NAMED):
        raise ValueError(
            f"{option} is for segmentors, whose test_evaluator is mmseg's IoUMetric, not {kind}; "
            'the maps of a classification network are written by `mmwsss seeds`'
        )


def check_prediction_names(images: Iterable[str]) -> None:
    """Look that no two predictions get one name: mmseg's IoUMetric leaves folders out.

    Args:
        images: Paths of the images that are tested.

    Raises:
        ValueError: Two images differ in their folder or suffix alone.
    """
    named: dict[str, str] = {}
    for path in images:
        other = named.setdefault(Path(path).stem, path)
        if other != path:
            raise ValueError(
                f'the predictions of {other} and {path} would be one file, {Path(path).stem}.png: '
                'rename one of the images, use `mmwsss predict`, which keeps folders, or set '
                f'test_evaluator.type={_MASK_NAMED}, which names them as the masks'
            )


def lacks_ground_truth(dataset: Mapping[str, Any]) -> bool:
    """Say whether a data set's config names no folder of masks."""
    while dataset.get('dataset'):
        dataset = dataset['dataset']
    prefix = dataset.get('data_prefix') or {}
    return 'img_path' in prefix and not prefix.get('seg_map_path')


def config_without_ground_truth(config: Config) -> Config:
    """Return the config of a test that writes masks of new images and judges nothing.

    Args:
        config: Of a segmentor, with ``test_evaluator.output_dir``.

    Raises:
        ValueError: There is no such folder to write to, or the network is no segmentor.
    """
    evaluator = config.get('test_evaluator')
    if not isinstance(evaluator, dict) or not evaluator.get('output_dir'):
        raise ValueError(
            'the images of test_dataloader have no ground truth (data_prefix.seg_map_path): give '
            '--out FOLDER for their masks, which are not judged, or use `mmwsss predict`'
        )
    check_writes_masks(config, '--out')
    config = copy.deepcopy(config)
    dataset = config.test_dataloader.dataset
    dataset.pipeline = without_annotations(dataset.pipeline)
    dataset.data_prefix.pop('seg_map_path', None)  # a stated None
    config.test_evaluator.format_only = True
    return config


def without_annotations(pipeline: Sequence[Any]) -> list[Any]:
    """Return a pipeline that opens no ground truth.

    Args:
        pipeline: Configs of transforms; of a ``TestTimeAug`` within, lists of them.

    Example:
        >>> load, pack = {'type': 'LoadAnnotations'}, {'type': 'PackSegInputs'}
        >>> without_annotations([load, {'type': 'TestTimeAug', 'transforms': [[load], [pack]]}])
        [{'type': 'TestTimeAug', 'transforms': [[{'type': 'PackSegInputs'}]]}]
    """
    kept: list[Any] = []
    for step in pipeline:
        if isinstance(step, list | tuple):
            choices = without_annotations(step)
            if choices:  # TestTimeAug makes no view at all of an empty list
                kept.append(choices)
        elif 'transforms' in step:
            kept.append({**step, 'transforms': without_annotations(step['transforms'])})
        elif str(step['type']).rpartition('.')[2] != 'LoadAnnotations':
            # `MultiScaleFlip` opens it itself
            kept.append({**step, 'annotations': False} if step.get('annotations') else step)
    return kept


def _check_dataset(dataset: dict[str, Any]) -> None:
    """Raise if the server cannot judge these classes, or an image is missing or damaged."""
    images = WrappedDataset(dataset, pipeline=[])
    classes = tuple(images.metainfo['classes'])
    if classes != VOC_CLASSES:
        raise ValueError(
            f"the VOC server judges background and VOC's 20 classes in their order, but "
            f'{dataset["type"]} has {len(classes)}: {", ".join(classes[:3])}, ...; test a config '
            'of VOC, such as configs/deeplabv2/deeplabv2_r101_voc.py'
        )
    check_images(images)
