"""Inferencers: images in, masks or class activation maps out; on mmengine's `BaseInferencer`."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.infer import BaseInferencer
from mmengine.model import BaseModel
from PIL import Image

from mmwsss.datasets import foreground_classes, to_multi_hot
from mmwsss.models.inference import prepare_for_inference
from mmwsss.pipeline.class_counts import config_classes
from mmwsss.pipeline.finding import find_network, find_segmentor
from mmwsss.pipeline.inference import mask_palette
from mmwsss.pipeline.network import load_network
from mmwsss.pipeline.predictions import without_annotations
from mmwsss.registry import MODELS
from mmwsss.seeds.files import Seed
from mmwsss.structures import read_image
from mmwsss.visualization import overlay_heatmap, overlay_mask

ImageInput = str | os.PathLike[str] | np.ndarray
PathLike = str | os.PathLike[str]


class _Inferencer(BaseInferencer):
    """What both inferencers share: where images come from, and how a network is opened.

    Args:
        config: That the network was trained with.
        checkpoint: Its weights.
        device: As torch names it; None for the first GPU, or the CPU without one.

    Attributes:
        classes: Names by label, background first.
    """

    visualize_kwargs = {'overlay'}

    def __init__(self, config: Config, checkpoint: Path, device: str | None = None) -> None:
        classes = config_classes(config)
        if classes is None:
            raise ValueError(f'{config.filename} names no classes: set metainfo of its data set')
        self.classes = ('background', *foreground_classes(classes))
        self.palette = mask_palette(config, self.classes)
        super().__init__(config, str(checkpoint), device, 'mmseg', show_progress=False)

    def _init_collate(self, cfg: Config) -> Any:
        return pseudo_collate

    def _init_visualizer(self, cfg: Config) -> None:
        return None

    def _run(self, items: Sequence[dict[str, Any]], batch_size: int) -> list[Any]:
        """Return the sample of each item, a dict as the pipeline begins with."""
        if batch_size < 1:
            raise ValueError(f'batch_size is {batch_size}; it must be at least 1')
        samples: list[Any] = []
        with torch.no_grad():
            for batch in self.preprocess(items, batch_size):
                samples.extend(self.forward(batch))
        return samples


@contextmanager
def _as_files(images: Sequence[ImageInput]) -> Iterator[list[str]]:
    """Give arrays a file for as long as they are looked at: one reader serves all stages."""
    with tempfile.TemporaryDirectory(prefix='mmwsss-') as folder:
        paths = []
        for number, image in enumerate(images):
            if isinstance(image, np.ndarray):
                _check_array(image)
                path = f'{folder}/{number}.png'
                Image.fromarray(image).save(path)
            else:
                path = os.fspath(image)
            paths.append(path)
        yield paths


def _check_array(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f'an image is (H, W, 3) uint8, RGB, not {image.shape} {image.dtype}')


def _as_list(images: ImageInput | Sequence[ImageInput]) -> list[ImageInput]:
    alone = isinstance(images, str | os.PathLike | np.ndarray)
    return [images] if alone else list(images)  # type: ignore[list-item, arg-type]


class SegInferencer(_Inferencer):
    """Masks of images by the segmentor of a run whose training ended last.

    Args:
        source: Work folder or config of the run, or the folder of the training.
        tta: Merge several scales and flips, and refine by a CRF, as the test of the segmentor does;
            else one view.
        device: As torch names it; None for the first GPU, or the CPU without one.

    Raises:
        FileNotFoundError: There is no segmentor whose training has ended.
        ValueError: The checkpoint is not that of the config.
    """

    def __init__(self, source: PathLike, tta: bool = True, device: str | None = None) -> None:
        config, checkpoint = find_segmentor(Path(source))
        self.tta = tta and bool(config.get('tta_model'))
        super().__init__(config, checkpoint, device)

    def __call__(  # type: ignore[override]
        self,
        inputs: ImageInput | Sequence[ImageInput],
        batch_size: int = 1,
        overlay: bool = False,
        scores: bool = False,
    ) -> dict[str, list[Any]]:
        """Segment images.

        Args:
            inputs: A file, an array ``(H, W, 3)`` uint8 in RGB, or a list of them.
            batch_size: Images that the network sees at once; without `tta`, of one size.
            overlay: Also paint the masks over the images.
            scores: Also return how likely each class is, before any CRF.

        Returns:
            ``predictions``, for each image a dict with ``mask``, ``(H, W)`` uint8, 0 background,
            and with ``scores``, ``(C, H, W)`` float32 that sum to 1; and ``visualization``, the
            painted images ``(H, W, 3)`` uint8.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: An input is no image.
        """
        images = _as_list(inputs)
        with _as_files(images) as paths:
            if self.tta:
                self.model.keep_probability = scores
            samples = self._run([{'img_path': path} for path in paths], batch_size)
            painted = self.visualize(paths, samples, overlay=overlay)
        return self.postprocess(samples, painted, scores=scores)

    def visualize(  # type: ignore[override]
        self, inputs: list[str], preds: list[Any], overlay: bool = False
    ) -> list[np.ndarray]:
        """Paint masks over their images; none without `overlay`."""
        if not overlay:
            return []
        return [
            overlay_mask(read_image(path), _mask_of(sample), self.palette)
            for path, sample in zip(inputs, preds, strict=True)
        ]

    def postprocess(  # type: ignore[override]
        self, preds: list[Any], visualization: list[np.ndarray], scores: bool = False
    ) -> dict[str, list[Any]]:
        """Return arrays in the place of mmseg's samples."""
        predictions = [{'mask': _mask_of(sample)} for sample in preds]
        if scores:
            for prediction, sample in zip(predictions, preds, strict=True):
                prediction['scores'] = _scores_of(sample)
        return {'predictions': predictions, 'visualization': visualization}

    def _init_model(self, cfg: Config, weights: str, device: str) -> BaseModel:  # type: ignore[override]
        network = load_network(cfg.model, weights)
        if self.tta:
            network = MODELS.build({**cfg.tta_model, 'module': network})
        network.to(device)
        prepare_for_inference(network)
        return network

    def _init_pipeline(self, cfg: Config) -> Compose:  # type: ignore[override]
        views = cfg.tta_pipeline if self.tta else cfg.test_dataloader.dataset.pipeline
        return Compose(without_annotations(views))


def _mask_of(sample: Any) -> np.ndarray:
    return sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)


def _scores_of(sample: Any) -> np.ndarray:
    if 'seg_probability' in sample:
        return sample.seg_probability.data.cpu().numpy()
    return sample.seg_logits.data.softmax(dim=0).cpu().numpy()


class SeedInferencer(_Inferencer):
    """Seeds of images by the classification network of a run whose training ended last.

    A seed has a map for each class that the image is said to show; see `mmwsss.seeds.files.Seed`.

    Args:
        source: Work folder or config of the run, or the folder of the training.
        device: As torch names it; None for the first GPU, or the CPU without one.

    Raises:
        FileNotFoundError: There is no classification network whose training has ended.
        ValueError: The checkpoint is not that of the config.
    """

    visualize_kwargs = {'overlay', 'map_source'}

    def __init__(self, source: PathLike, device: str | None = None) -> None:
        found = find_network(Path(source), 'cam_head', 'classification network')
        super().__init__(*found, device)

    def __call__(  # type: ignore[override]
        self,
        inputs: ImageInput | Sequence[ImageInput],
        labels: Sequence[str] | Sequence[Sequence[str]],
        batch_size: int = 1,
        overlay: bool = False,
        map_source: str = 'cam',
    ) -> dict[str, list[Any]]:
        """Make the seeds of images.

        Args:
            inputs: A file, an array ``(H, W, 3)`` uint8 in RGB, or a list of them.
            labels: Class names of each image; of a single image its names.
            batch_size: Images whose views are handed over at once.
            overlay: Also lay the maps over the images.
            map_source: Which maps are laid over: ``cam``, ``pacam`` or ``sum``.

        Returns:
            ``predictions``, the `Seed` of each image; and ``visualization``, for each image the
            pictures by class name, ``(H, W, 3)`` uint8.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: An input is no image, a class is unknown, or there are not as many labels as
                images.
        """
        images = _as_list(inputs)
        alone = len(images) == 1 and _are_names(labels)
        named: list[Any] = [labels] if alone else list(labels)
        if len(named) != len(images):
            raise ValueError(f'there are {len(images)} images and {len(named)} lists of classes')
        with _as_files(images) as paths:
            items = [
                {'img_path': path, 'img_id': str(number), 'gt_label': self._label(names)}
                for number, (path, names) in enumerate(zip(paths, named, strict=True))
            ]
            samples = self._run(items, batch_size)
            painted = self.visualize(paths, samples, overlay=overlay, map_source=map_source)
        return self.postprocess(samples, painted)

    def visualize(  # type: ignore[override]
        self, inputs: list[str], preds: list[Any], overlay: bool = False, map_source: str = 'cam'
    ) -> list[dict[str, np.ndarray]]:
        """Lay maps over their images; none without `overlay`."""
        if not overlay:
            return []
        return [
            self._paint(read_image(path), sample.pred_seed, map_source)
            for path, sample in zip(inputs, preds, strict=True)
        ]

    def postprocess(  # type: ignore[override]
        self, preds: list[Any], visualization: list[dict[str, np.ndarray]]
    ) -> dict[str, list[Any]]:
        """Return seeds in the place of samples."""
        seeds = [sample.pred_seed for sample in preds]
        return {'predictions': seeds, 'visualization': visualization}

    def _paint(self, image: np.ndarray, seed: Seed, source: str) -> dict[str, np.ndarray]:
        maps = seed.full_size(source)
        return {
            self.classes[index + 1]: overlay_heatmap(image, heatmap)
            for index, heatmap in zip(seed.classes.tolist(), maps, strict=True)
        }

    def _label(self, names: Sequence[str]) -> np.ndarray:
        known = self.classes[1:]
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f'unknown class {unknown[0]!r}; known are {", ".join(known)}')
        return to_multi_hot(names, known)

    def _init_model(self, cfg: Config, weights: str, device: str) -> BaseModel:  # type: ignore[override]
        network = load_network(cfg.model, weights)
        merging = cfg.get('seed_tta_model') or cfg.tta_model
        network = MODELS.build({**merging, 'module': network})
        network.to(device)
        prepare_for_inference(network)
        return network

    def _init_pipeline(self, cfg: Config) -> Compose:  # type: ignore[override]
        return Compose(cfg.seed_dataloader.dataset.pipeline)


def _are_names(labels: Sequence[Any]) -> bool:
    """Whether labels are the names of one image; none at all are."""
    return all(isinstance(name, str) for name in labels)
